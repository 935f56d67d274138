"""A simulator of an Asterisk PBX: a real server that speaks AMI on the loopback address.

It lets one user in (``Login`` plain or by MD5 challenge), answers ``Ping``, ``Originate`` (at once;
the call follows as events), ``CoreShowChannels``, ``Events`` and ``Logoff``, and tells sessions
that ask for it what its calls do. Calls come in by themselves at a rate, and go as a mix of
outcomes says. Numbers are neither logged nor kept.

``python -m standalone.pbx --port 5038 --did +15550001111 --inbound-per-second 2 --mix busy=1``
"""

import argparse
import asyncio
import hashlib
import itertools
import os
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from jobs.calls.ami.framing import Framing, Message
from standalone.pbx_calls import Calls, Event, Mix
from standalone.ports import LOOPBACK

SECRET_VARIABLE = "TRUNKLINE_PBX_SECRET"  # noqa: S105 - the name of a variable
_BANNER = b"Asterisk Call Manager/11.0.0\r\n"
_READ_BYTES = 64 * 1024
# A session that doesn't read is cut off, as Asterisk does.
_MOST_BUFFERED_BYTES = 4 * 1024 * 1024


@dataclass
class PbxFaults:
    """What goes wrong on purpose: Originates are denied, or refused with a reason; no answers."""

    deny_originate: bool = False
    refuse_originate: str | None = None
    silent: bool = False


class PbxSimulator:
    """``serve_until`` runs it; ``originated`` are the Originates it took, in order."""

    def __init__(self, user: str, secret: str, mix: Mix | None = None, *, seed: int = 0) -> None:
        self.faults = PbxFaults()
        self.calls = Calls(self._tell, mix or Mix(), seed=seed)
        self.originated: list[Message] = []
        self.logins = 0
        self._user = user
        self._secret = secret
        self._sessions: set[_Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve_until(
        self,
        stop: asyncio.Event,
        port: int,
        *,
        inbound_per_second: float = 0,
        dids: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve until ``stop`` is set; sessions are then cut, and calls with them."""
        server = await asyncio.start_server(self._converse, LOOPBACK, port, ssl=tls)
        if inbound_per_second:
            self.start(self._ring_in(inbound_per_second, dids))
        async with server:
            await stop.wait()
            server.close()
            # Who was let in at the last moment has a session within a few turns of the loop.
            for _ in range(4):
                await asyncio.sleep(0)
            self.drop_sessions()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop_sessions(self) -> None:
        """Cut every session off, as a network does."""
        for session in list(self._sessions):
            session.cut()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def knows(self, user: str, shown: str, challenge: str | None) -> bool:
        expected = self._secret
        if challenge is not None:
            expected = hashlib.md5(
                (challenge + self._secret).encode(), usedforsecurity=False
            ).hexdigest()
        return user == self._user and compare_digest(shown.encode(), expected.encode())

    def _tell(self, kind: str, name: str, fields: Event) -> None:
        event = {"Event": name, "Privilege": f"{kind},all", "Timestamp": f"{time.time():.6f}"}
        line = encode({**event, **fields})
        for session in list(self._sessions):
            if session.wants(kind):
                session.send(line)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, writer)
        self._sessions.add(session)
        framing = Framing()
        try:
            writer.write(_BANNER)
            while not session.over and (data := await reader.read(_READ_BYTES)):
                for message in framing.feed(data):
                    session.take(message)
        except ConnectionError:
            pass
        finally:
            self._sessions.discard(session)
            writer.close()

    async def _ring_in(self, per_second: float, dids: tuple[str, ...]) -> None:
        for number in itertools.count():
            self.start(self.calls.come_in(f"+1555{number % 10**7:07d}", dids[number % len(dids)]))
            await asyncio.sleep(1 / per_second)


class _Session:
    """One connection: who it is, and what it wants to hear."""

    def __init__(self, pbx: PbxSimulator, writer: asyncio.StreamWriter) -> None:
        self.over = False
        self._pbx = pbx
        self._writer = writer
        self._challenge: str | None = None
        self._inside = False
        self._events = frozenset[str]()
        self._actions: Mapping[str, Callable[[Message], None]] = {
            "ping": lambda m: self._answer(m, Ping="Pong", Timestamp=f"{time.time():.6f}"),
            "events": self._choose_events,
            "originate": self._originate,
            "coreshowchannels": self._show_channels,
            "logoff": self._log_off,
        }

    def wants(self, kind: str) -> bool:
        return self._inside and (kind in self._events or "all" in self._events)

    def send(self, data: bytes) -> None:
        if self.over:
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > _MOST_BUFFERED_BYTES:
            self.cut()

    def cut(self) -> None:
        self.over = True
        self._writer.transport.abort()

    def take(self, message: Message) -> None:
        if self._pbx.faults.silent:
            return
        action = message.fields.get("Action", "").casefold()
        if action == "challenge":
            self._challenge = str(secrets.randbelow(10**9))
            self._answer(message, Challenge=self._challenge)
        elif action == "login":
            self._log_in(message)
        elif not self._inside:
            self._refuse(message, "Permission denied")
        elif action in self._actions:
            self._actions[action](message)
        else:
            self._refuse(message, "Invalid/unknown command")

    def _log_in(self, message: Message) -> None:
        by_key = message.fields.get("AuthType", "").upper() == "MD5"
        shown = message.fields.get("Key" if by_key else "Secret", "")
        user = message.fields.get("Username", "")
        if not self._pbx.knows(user, shown, (self._challenge or "") if by_key else None):
            self._refuse(message, "Authentication failed")
            self.over = True
            return
        self._inside = True
        self._pbx.logins += 1
        self._answer(message, Message="Authentication accepted")
        self._choose(message.fields.get("Events", "on"))
        if self.wants("system"):
            self.send(encode({"Event": "FullyBooted", "Privilege": "system,all"}))

    def _choose_events(self, message: Message) -> None:
        self._choose(message.fields.get("EventMask", "off"))
        self._answer(message, Events="On" if self._events else "Off")

    def _choose(self, mask: str) -> None:
        words = frozenset(word.strip().casefold() for word in mask.split(","))
        if words & {"off", "0"}:
            words = frozenset()
        self._events = words | {"all"} if words & {"on", "1"} else words

    def _originate(self, message: Message) -> None:
        faults = self._pbx.faults
        if faults.deny_originate:
            self._refuse(message, "Permission denied")
        elif faults.refuse_originate:
            self._refuse(message, faults.refuse_originate)
        elif "/" not in message.fields.get("Channel", ""):
            self._refuse(message, "Channel not specified")
        elif message.fields.get("ChannelId") in self._pbx.calls.channels:
            self._refuse(message, "Uniqueness of ChannelId violated")
        else:
            self._pbx.originated.append(message)
            self._answer(message, Message="Originate successfully queued")
            self._pbx.start(self._pbx.calls.originate(message.fields))

    def _show_channels(self, message: Message) -> None:
        self._answer(message, EventList="start", Message="Channels will follow")
        action_id = {"ActionID": message.fields.get("ActionID", "")}
        channels = list(self._pbx.calls.channels.values())
        for channel in channels:
            seconds = int(time.time() - channel.born)
            duration = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            self.send(
                encode(
                    {"Event": "CoreShowChannel", **action_id, **channel.fields()}
                    | {"Duration": duration, "BridgeId": ""}
                )
            )
        self.send(
            encode(
                {"Event": "CoreShowChannelsComplete", **action_id, "EventList": "Complete"}
                | {"ListItems": str(len(channels))}
            )
        )

    def _log_off(self, message: Message) -> None:
        self.send(encode({"Response": "Goodbye", **_action_id(message), "Message": "Bye."}))
        self.over = True

    def _answer(self, message: Message, **fields: str) -> None:
        self.send(encode({"Response": "Success", **_action_id(message), **fields}))

    def _refuse(self, message: Message, reason: str) -> None:
        self.send(encode({"Response": "Error", **_action_id(message), "Message": reason}))


def _action_id(message: Message) -> dict[str, str]:
    return {key: value for key, value in message.fields.items() if key == "ActionID"}


def encode(fields: Mapping[str, str]) -> bytes:
    return "".join([*(f"{key}: {value}\r\n" for key, value in fields.items()), "\r\n"]).encode()


async def _serve(pbx: PbxSimulator, port: int, rate: float, dids: tuple[str, ...]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await pbx.serve_until(stop, port, inbound_per_second=rate, dids=dids)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Simulate a PBX on the loopback address.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="trunkline")
    parser.add_argument("--mix", default="answered=1", help="shares: answered=70,busy=30")
    parser.add_argument("--ring-s", type=float, default=1.0, help="how long phones ring")
    parser.add_argument("--talk-s", type=float, default=3.0, help="how long people talk")
    parser.add_argument("--inbound-per-second", type=float, default=0.0)
    parser.add_argument("--did", action="append", default=[], help="a number that is called")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.inbound_per_second and not options.did:
        parser.error("--inbound-per-second needs a --did to call")
    try:
        mix = Mix.read(options.mix, ring_s=options.ring_s, talk_s=options.talk_s)
    except ValueError as error:
        parser.error(f"--mix: {error}")
    # Its own program, not a part of the stack's settings: the secret is all it is told this way.
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        sys.exit(f"{SECRET_VARIABLE} is not set")
    pbx = PbxSimulator(options.user, secret, mix, seed=options.seed)
    asyncio.run(_serve(pbx, options.port, options.inbound_per_second, tuple(options.did)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
