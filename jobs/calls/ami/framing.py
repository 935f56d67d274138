"""The bytes of an Asterisk Manager connection as messages, whatever pieces they arrive in.

A message is lines of ``Key: value`` ended by an empty line; the first line of a connection is a
banner. Bytes are split before they are decoded: a piece may end inside a character.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MAX_MESSAGE_BYTES = 256 * 1024

_BANNER = b"Asterisk Call Manager"
_LINE_END = b"\r\n"
_MESSAGE_END = b"\r\n\r\n"
_BYTEWISE = "trunkline_bytewise"


def _decode_byte(error: UnicodeError) -> tuple[str, int]:
    """Read what is not UTF-8 as Latin-1, byte by byte: phones send both, Asterisk cuts inside."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(_BYTEWISE, _decode_byte)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: each key's first value in ``fields``.

    ``repeated`` has all values, in order, of the keys that came more than once (``ChanVariable``,
    ``Output``).
    """

    fields: Mapping[str, str]
    repeated: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def event(self) -> str | None:
        """The event's name; None for the response to an action.

        An event may have a field ``Response`` (OriginateResponse has), so that one tells nothing.
        """
        return self.fields.get("Event")

    def values(self, key: str) -> Sequence[str]:
        """Every value of a key, in order; of one that isn't there, none."""
        if key in self.repeated:
            return self.repeated[key]
        return [self.fields[key]] if key in self.fields else []


@dataclass
class Dropped:
    """Messages that were not handed out: longer than the bound, or broken off by the end."""

    too_long: int = 0
    broken: int = 0


class Framing:
    """Takes the bytes of one connection as they come and hands out whole messages.

    It never holds more than one message and the piece being fed. What a message holds depends on
    the bytes alone, not on the pieces.
    """

    def __init__(self, *, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self.dropped = Dropped()
        self.banner: str | None = None
        self._max_bytes = max_message_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        self._at_start = True

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages that ``data`` completes. Exhaust it before the next call."""
        self._buffer += data
        if self._at_start and not self._take_banner():
            return
        start = 0
        while (end := self._buffer.find(_MESSAGE_END, max(start, self._searched))) >= 0:
            raw = bytes(self._buffer[start:end])
            start = self._searched = end + len(_MESSAGE_END)
            if self._skipping or len(raw) > self._max_bytes:
                self.dropped.too_long += not self._skipping
                self._skipping = False
            elif message := self._parse(raw):
                yield message
        del self._buffer[:start]
        self._bound()

    def finish(self) -> None:
        """The connection is over: what is left of a message counts as broken."""
        if self._buffer.strip() and not self._skipping:
            self.dropped.broken += 1
        self._buffer.clear()
        self._searched = 0

    def _take_banner(self) -> bool:
        """Take off the first line if it is a banner; False while that can't be told yet."""
        end = self._buffer.find(_LINE_END)
        if end < 0 and len(self._buffer) <= self._max_bytes:
            return False
        self._at_start = False
        if end >= 0 and self._buffer.startswith(_BANNER):
            self.banner = _decode(bytes(self._buffer[:end]))
            del self._buffer[: end + len(_LINE_END)]
        return True

    def _bound(self) -> None:
        """Forget what can only belong to a message that is too long, except a begun end of it."""
        kept = len(_MESSAGE_END) - 1
        if len(self._buffer) > self._max_bytes + kept and not self._skipping:
            self._skipping = True
            self.dropped.too_long += 1
        if self._skipping:
            del self._buffer[:-kept]
        self._searched = max(0, len(self._buffer) - kept)

    def _parse(self, raw: bytes) -> Message | None:
        lines = _decode(raw).split("\r\n")
        if _BANNER in raw:
            lines = self._after_banner(lines)
        pairs = [line.split(": ", 1) for line in lines]
        try:
            fields = dict(pairs)  # the way nearly every message goes, at half the cost
            plain = ":" not in "".join(fields)
        except ValueError:
            plain = False
        if not plain:
            pairs = [pair for pair in map(_pair, lines) if pair]
            fields = dict(pairs)
        if not fields:
            return None
        if len(fields) == len(pairs):
            return Message(fields)
        repeated: dict[str, list[str]] = {}
        for key, value in pairs:
            repeated.setdefault(key, []).append(value)
        first = {key: values[0] for key, values in repeated.items()}
        return Message(first, {key: values for key, values in repeated.items() if len(values) > 1})

    def _after_banner(self, lines: list[str]) -> list[str]:
        """Of recordings put together: what precedes a later connection's banner was broken off."""
        banner = _BANNER.decode()
        for place in reversed(range(len(lines))):
            if lines[place].startswith(banner) and ":" not in lines[place]:
                self.dropped.broken += place > 0
                return lines[place + 1 :]
        return lines


def _pair(line: str) -> list[str]:
    """Key and value; of a line without a colon, nothing."""
    key, colon, value = line.partition(":")
    return [key, value[1:] if value[:1] == " " else value] if colon else []


def _decode(raw: bytes) -> str:
    # No column of Postgres can hold a NUL.
    return raw.decode("utf-8", _BYTEWISE).replace("\0", "")
