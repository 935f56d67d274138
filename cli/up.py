"""``trunkline up``: everything on this machine, until Ctrl-C."""

from pathlib import Path

from cli.errors import CommandError
from cli.migrate import bring_up
from cli.options import AsJson
from cli.output import print_json, say, say_how_to_call, tell
from config.settings import Settings, load_settings
from standalone.running_stack import RunningStack
from standalone.stack import run_stack
from standalone.state import load_identity


def up(as_json: AsJson = False) -> None:
    """Start servers, schedulers and workers; keep them alive until Ctrl-C."""

    def announce(stack: RunningStack) -> None:
        if as_json:
            print_json(
                {
                    "state_dir": stack.state_dir,
                    "pids": dict(stack.pids),
                    "environment": stack.environment(),
                }
            )
        else:
            describe(stack)

    code = run_stack(load_settings(), before_workers=migrate_schema, on_ready=announce)
    tell("stopped; the data are kept")
    if code:
        raise CommandError("the stack ended by itself", code)


def migrate_schema(settings: Settings) -> None:
    """What has to be done before the first worker starts."""
    bring_up(settings)


def describe(stack: RunningStack) -> None:
    """Where things are, for the person who has just started them."""
    workers = sum(name.startswith("worker-") for name in stack.pids)
    say(f"Trunkline runs: {workers} workers, {len(stack.pids)} processes in all. Ctrl-C stops it.")
    say(f"  data and logs   {stack.state_dir}")
    state_dir = Path(stack.state_dir)
    postgres = load_identity(state_dir / "postgres.json") if "postgres" in stack.pids else None
    if postgres and postgres.home:
        say(f"  Postgres        {postgres.home}, as its account can't reach the folder above")
    say(f"  SMS gateway     {stack.sms_gateway_url}")
    say_how_to_call()
    say('  look around     trunkline doctor; trunkline jobs list; eval "$(trunkline env)"')
