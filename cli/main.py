"""The ``trunkline`` command."""

import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli import (
    approvals,
    calls,
    contacts,
    doctor,
    enrollment,
    imports,
    journeys,
    lifecycle,
    runs,
    tenants,
)
from cli.demo import command as demo
from cli.env import env
from cli.errors import BAD_INPUT, INTERRUPTED, CommandError, exit_code, lines
from cli.migrate import migrate
from cli.output import say, tell
from cli.up import up
from config.logging import configure_logging
from config.settings import load_settings
from config.tracebacks import error_text

app = typer.Typer(
    name="trunkline",
    help="The background engine of a multi-tenant voice and SMS outreach platform.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(demo.demo)
app.command()(env)
app.command()(calls.listener)
app.command()(migrate)
app.command()(doctor.doctor)
app.add_typer(tenants.app, name="tenants")
app.add_typer(contacts.app, name="contacts")
app.add_typer(imports.app, name="import")
app.add_typer(journeys.app, name="journeys")
app.command()(enrollment.enroll)
app.add_typer(approvals.app, name="approvals")
app.add_typer(runs.app, name="jobs")
app.add_typer(calls.app, name="calls")

lifecycle.add_journey_commands(journeys.app)
lifecycle.add_tenant_commands(tenants.app)

_DEBUG = "--debug"


def _show_version(asked: bool) -> None:
    if asked:
        say(f"trunkline {importlib.metadata.version('trunkline')}")
        raise typer.Exit


@app.callback()
def configure(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show tracebacks and all logs.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """The background engine of a multi-tenant voice and SMS outreach platform."""
    settings = load_settings()
    long_running = context.invoked_subcommand in {"up", "listener"}
    # A command tells what went wrong in a line of its own; its pool's and statements' warnings
    # are for processes that somebody watches.
    level = "DEBUG" if debug else settings.log_level if long_running else "ERROR"
    configure_logging(settings.model_copy(update={"log_level": level}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, or a code of ``cli.errors`` after a line on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = _DEBUG in given
    if debug:  # it may stand anywhere
        given = [_DEBUG, *(word for word in given if word != _DEBUG)]
    try:
        _check_text(given)
        code = app(given, prog_name="trunkline", standalone_mode=False)
        if code == INTERRUPTED:  # typer makes that of Ctrl-C
            tell("trunkline: interrupted")
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place that reports
        if debug:
            tell(error_text((type(error), error, error.__traceback__)))
        for line in lines(error):
            tell(f"trunkline: {line}")
        sys.exit(exit_code(error))
    sys.exit(code if isinstance(code, int) else 0)


def _check_text(words: Sequence[str]) -> None:
    """Python keeps bytes that are no text as lone surrogates, which no server takes.

    Raises:
        CommandError: an argument has some; it is shown as it came.
    """
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(word).decode(errors="backslashreplace")
            raise CommandError(f"'{shown}' is not UTF-8 text", BAD_INPUT) from None


if __name__ == "__main__":
    main()
