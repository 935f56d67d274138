"""Where Asterisk PBXs are and how to log in there, as AMI_URLS names them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_PORT, _TLS_PORT = 5038, 5039
_OPTIONS = ("tz", "name", "auth", "ca")


@dataclass(frozen=True)
class Pbx:
    """One login at one PBX.

    ``name`` is what calls are known by: its own, else ``host:port``. ``timezone`` is that of the
    times in its call records. ``auth`` is how the secret is shown: by challenge (MD5), or plain.
    ``ca`` is the file of certificates that a TLS server is checked against; None: the system's.
    """

    name: str
    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    tls: bool = False
    timezone: str = "UTC"
    auth: Literal["md5", "plain"] = "md5"
    ca: str | None = None


def parse_pbxs(text: str) -> Sequence[Pbx]:
    """Read ``ami://user:secret@host:port?tz=Europe/Berlin, amis://…``.

    Options are ``tz``, ``name``, ``auth`` (``md5``, ``plain``) and ``ca``. What stands for itself
    in a URL (``@ : / ? # % ,``) is written ``%40`` and so on in user and secret.

    Raises:
        ValueError: which one is wrong and why, without what may be secret.
    """
    pbxs = []
    for number, url in enumerate((part.strip() for part in text.split(",") if part.strip()), 1):
        try:
            pbxs.append(_parse(url))
        except ValueError as error:
            raise ValueError(f"number {number}: {error}") from None
    names = [pbx.name for pbx in pbxs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two are called {twice}: give each a name of its own, ?name=…")
    return pbxs


def _parse(url: str) -> Pbx:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL with a host and a port") from None
    if parts.scheme not in {"ami", "amis"} or not parts.hostname:
        raise ValueError("not a URL that begins with ami:// or amis:// and names a host")
    if not parts.username or not parts.password:
        raise ValueError("names no user and secret: ami://user:secret@host")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("has more after the port than options (a secret's / # ? are %2F %23 %3F)")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        raise ValueError(f"unknown option {unknown[0]!r}: {', '.join(_OPTIONS)} are known")
    auth = options.get("auth", "md5")
    if auth not in {"md5", "plain"}:
        raise ValueError("auth is md5 or plain")
    timezone = options.get("tz", "UTC")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {timezone!r}") from None
    user, secret = unquote(parts.username), unquote(parts.password)
    if not (user.isprintable() and secret.isprintable()):
        raise ValueError("user or secret holds characters that no line can carry")
    tls = parts.scheme == "amis"
    port = port or (_TLS_PORT if tls else _PORT)
    name = options.get("name") or f"{parts.hostname}:{port}"
    return Pbx(
        name,
        parts.hostname,
        port,
        user,
        secret,
        tls,
        timezone,
        "plain" if auth == "plain" else "md5",
        options.get("ca") or None,
    )
