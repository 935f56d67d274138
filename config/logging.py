"""Structured logs: JSON in production, readable in a terminal, no personal data in either."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from config.settings import Settings
from config.tracebacks import error_text, named_error

# The plus of E.164 and its digits; or seven digits or more in a row: ids in logs are UUIDs and
# short integers, so what matches is a phone number or near enough to one.
_PHONE = re.compile(r"\+\d{7,15}|(?<![\w-])\d{7,15}(?![\w-])")
_LOGIN = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*@")
_HIDDEN_KEYS = frozenset({"body", "bodies", "password", "secret", "token", "authorization"})
_PLAIN_KEYS = frozenset({"timestamp", "level", "logger"})
_VISIBLE_DIGITS = 2
_render_exc_info = structlog.processors.ExceptionRenderer(error_text)


def mask_phone(text: str) -> str:
    """Hide every phone number in ``text`` but its last two digits: ``+15550001234`` → ``…34``."""
    return _PHONE.sub(lambda match: "…" + match.group()[-_VISIBLE_DIGITS:], text)


def show_errors(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: tracebacks and errors as text, of the database's no row's contents."""
    arguments = event.pop("positional_args", None)
    if isinstance(arguments, tuple) and any(isinstance(a, BaseException) for a in arguments):
        # A line of the standard library's, formatted already: once more, with what may be shown.
        shown = tuple(named_error(a) if isinstance(a, BaseException) else a for a in arguments)
        event["event"] = str(event["_record"].msg) % shown
    return _render_exc_info(logger, method, event)


def mask_personal_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: phone numbers are masked, bodies and secrets left out."""
    for key, value in event.items():
        if key not in _PLAIN_KEYS and not key.startswith("_"):
            event[key] = _masked(key, value)
    return event


def _masked(key: object, value: object) -> object:
    if key in _HIDDEN_KEYS:
        return "…"
    if isinstance(value, BaseException):
        value = named_error(value)
    if isinstance(value, str):
        return mask_phone(_LOGIN.sub("…@", value))
    if isinstance(value, Mapping):
        return {mask_phone(str(name)): _masked(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_phone(_LOGIN.sub("…@", str(value)))


def configure_logging(settings: Settings) -> None:
    """Send structlog and the standard library's records through the same processors to stderr.

    Job code binds what it works on with ``structlog.contextvars.bind_contextvars`` (``tenant_id``,
    ``run_id``, ``batch_id``), so that every line below carries it.
    """
    readable = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        show_errors,
        mask_personal_data,
    ]
    renderer: Any = (
        # Exceptions are text by now, masked; the renderer is not to format them again.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            pass_foreign_args=True,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("httpx", "httpcore", "apscheduler", "yoyo"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
