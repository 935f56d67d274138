"""``trunkline demo``: the main job, on the running stack or on one that ends with it."""

import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import Annotated

import typer

from cli.demo.run import Demo
from cli.demo.view import Lines, LiveView, Silence, View
from cli.errors import BAD_INPUT, FAILED, CommandError
from cli.options import AsJson
from cli.output import print_json, say, say_how_to_call, tell
from cli.session import Session, open_session, settings_of
from config.settings import Settings, load_settings
from standalone.processes import ChildSpec, await_ready, not_ready, spawn, stop
from standalone.running_stack import RunningStack, read_stack
from standalone.stack import settings_environment

_FEWEST, _MOST = 2, 20_000
_READY_S = 90.0
_STOP_S = 60.0


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the summary; the default without a terminal.")
    ] = False,
    contacts: Annotated[
        int, typer.Option(min=_FEWEST, max=_MOST, help="Valid contacts in the files.")
    ] = 5000,
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Give up after so long.")
    ] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Take 5,000 contacts of two tenants from messy CSVs through a journey to sent messages.

    The messages go to a gateway simulator on this machine, never to a real gateway. Exits 0 only
    if it received exactly the messages that the database says were sent, each once.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    view: View = Silence() if as_json else LiveView() if interactive else Lines()
    show = _Show(contacts, timeout, view, as_json=as_json)
    settings = load_settings()
    stack = read_stack(settings.state_dir)
    with contextlib.ExitStack() as opened:
        process = None
        if stack is None:
            if not as_json:
                say("starting servers, schedulers and workers …")
            stack, process = opened.enter_context(_own_stack(settings))
        with _session_on(settings, stack) as session:
            code = show(session)
        if process and interactive and not once:
            _stay(process)
    raise typer.Exit(code)


class _Show:
    """The demo with its summary printed; returns the exit code."""

    def __init__(self, contacts: int, timeout_s: float, view: View, *, as_json: bool) -> None:
        self._contacts = contacts
        self._timeout_s = timeout_s
        self._view = view
        self._as_json = as_json

    def __call__(self, session: Session) -> int:
        demo = Demo(session, self._contacts, self._view, timeout_s=self._timeout_s)
        summary = demo.run()
        if self._as_json:
            print_json(summary.as_json())
        else:
            summary.print()
        for problem in summary.problems:
            tell(f"trunkline: {problem}")
        return FAILED if summary.problems else 0


def _session_on(settings: Settings, stack: RunningStack) -> AbstractContextManager[Session]:
    """A session on the stack's servers, after a look whether the demo may use them."""
    given = settings.database_url
    if given is not None and given.get_secret_value() != stack.database_url:
        raise CommandError(
            f"DATABASE_URL names another database than the stack that runs in "
            f"{settings.state_dir}: unset one or stop the other",
            BAD_INPUT,
        )
    if "sms-gateway" not in stack.pids:
        raise CommandError(
            f"the running stack sends to {stack.sms_gateway_url}, which is not the simulator: "
            "the demo would send real messages. Stop it, or set another TRUNKLINE_STATE_DIR",
            BAD_INPUT,
        )
    return open_session(settings.model_copy(update=settings_of(stack)))


@contextlib.contextmanager
def _own_stack(settings: Settings) -> Iterator[tuple[RunningStack, Popen[bytes]]]:
    """``trunkline up`` in a process of its own: it ends with the block, or with our death."""

    def running() -> RunningStack | None:
        return read_stack(settings.state_dir)

    # Whatever gateway the environment names: the demo's messages go to the simulator.
    isolated = settings.model_copy(update={"sms_gateway_url": None, "sms_gateway_token": None})
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as folder:
        spec = ChildSpec(
            name="the stack",
            argv=(sys.executable, "-m", "cli.main", "up"),
            env=settings_environment(isolated),
            log=Path(folder) / "up.log",
            is_ready=lambda: running() is not None,
            ready_timeout_s=_READY_S,
            stop_signals=((signal.SIGINT, _STOP_S),),
            death_signal=signal.SIGTERM,
        )
        process = spawn(spec)
        try:
            await_ready(spec, process)
            stack = running()
            if stack is None:
                raise not_ready(spec)
            yield stack, process
        finally:
            stop(spec, process)


def _stay(process: Popen[bytes]) -> None:
    say("")
    say("The stack stays up (--once ends it). From another terminal, in this folder:")
    say_how_to_call()
    say("  trunkline jobs list            what ran")
    say("  trunkline doctor               how it is")
    say('  eval "$(trunkline env)"; psql "$DATABASE_URL"')
    say("Ctrl-C stops it; the data are kept.")
    with contextlib.suppress(KeyboardInterrupt):
        process.wait()
        raise CommandError("the stack ended by itself: the logs in the state folder tell why")
