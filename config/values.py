"""What the values of settings must look like; a secret is never in what is said of it."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.pbx import parse_pbxs

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _http_url(text: str) -> str:
    try:
        url = urlsplit(text)
        _ = url.port  # raises if it is none
        fits = url.scheme in {"http", "https"} and bool(url.hostname)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("not a URL that begins with http:// or https:// and names a host")
    return text


def _header_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("holds characters that no HTTP header can carry")
    return token


def _pbx_urls(urls: SecretStr) -> SecretStr:
    parse_pbxs(urls.get_secret_value())
    return urls


def _call_channel(channel: str) -> str:
    if not re.fullmatch(r"[^{}\s]*\{(number|digits)\}[^{}\s]*", channel):
        raise ValueError("not a channel with {number} or {digits} in it")
    return channel


def _dialplan_context(context: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", context):
        raise ValueError("not a context of a dialplan")
    return context


HttpUrl = Annotated[str, AfterValidator(_http_url)]
HeaderToken = Annotated[SecretStr, AfterValidator(_header_token)]
PbxUrls = Annotated[SecretStr, AfterValidator(_pbx_urls)]
CallChannel = Annotated[str, AfterValidator(_call_channel)]
DialplanContext = Annotated[str, AfterValidator(_dialplan_context)]
