"""``trunkline listener`` and ``trunkline calls``: what PBXs say, live or from a recording."""

import contextlib
import time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson
from cli.output import print_fields, print_json, tell
from cli.session import located_settings
from config.settings import Settings
from jobs.calls.listening.replay import ReplayError, replay
from jobs.calls.stream import CallStream
from workers.bell import ring
from workers.broker import close_broker, make_broker
from workers.call_stream import open_call_stream
from workers.listening import run_listener
from workers.queues import CALL_LOGS

# Workers that are there have written a recording down long before.
_LONGEST_WAIT_S = 60.0
_LOOK_EVERY_S = 0.1

app = typer.Typer(help="Look into calls.")


def listener() -> None:
    """Read what the PBXs of AMI_URLS say, until Ctrl-C; `up` starts it by itself."""
    run_listener(located_settings())


@app.callback()
def _calls() -> None:
    """Look into calls."""


@app.command("replay")
def replay_file(
    file: Annotated[Path, typer.Argument(help="Bytes of a manager connection, or those in .gz.")],
    pbx: Annotated[str, typer.Option(help="The PBX that the calls are taken to be on.")] = "replay",
    tz: Annotated[str, typer.Option(help="Time zone of that PBX's own records.")] = "UTC",
    wait: Annotated[bool, typer.Option(help="Until workers have written all of it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Send a recorded event stream down the way of live ones; calls cut off by its end are closed.

    Sending it again, or parts of it, changes nothing.
    """
    try:
        zone = ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"--tz {tz!r} is no time zone", BAD_INPUT) from None
    settings = located_settings()
    stream = open_call_stream(settings)
    if stream is None:
        raise CommandError("REDIS_URL is not set", BAD_INPUT)
    with contextlib.closing(stream):
        try:
            told = replay(file, stream, pbx=pbx, zone=zone)
        except ReplayError as error:
            raise CommandError(str(error), BAD_INPUT) from None
        _ring(settings)
        if wait and not _written(stream):
            tell("nobody has written it down yet: no worker runs, or they have much to do")
    figures = {
        "events": told.events,
        "calls": told.calls,
        "broken messages": told.broken,
        "messages too long": told.too_long,
    }
    if as_json:
        print_json({name.replace(" ", "_"): figure for name, figure in figures.items()})
    else:
        print_fields(figures)


def _ring(settings: Settings) -> None:
    broker = make_broker(settings)
    try:
        ring(broker, CALL_LOGS)
    finally:
        close_broker(broker)


def _written(stream: CallStream) -> bool:
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while any(stream.lengths()):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
