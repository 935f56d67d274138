"""``trunkline migrate``: bring the schema to this version, or back."""

from typing import Annotated

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson
from cli.output import print_json, say
from cli.session import located_settings
from config.settings import Settings
from db.engine import connect_directly
from db.migrations import MigrationResult
from db.migrations import migrate as apply_migrations
from db.migrations import rollback as roll_back
from workers.kinds import publish


def migrate(
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Take back the last N migrations instead.")
    ] = False,
    steps: Annotated[
        int | None, typer.Argument(metavar="[N]", help="With --rollback: how many; 1.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Apply the migrations that are missing and build INVALID indexes again."""
    if steps is not None and not rollback:
        raise CommandError("N goes with --rollback: `trunkline migrate --rollback N`", BAD_INPUT)
    settings = located_settings()
    result = roll_back(settings, steps=steps or 1) if rollback else bring_up(settings)
    if as_json:
        done = "rolled_back" if rollback else "applied"
        print_json({done: result.changed, "rebuilt_indexes": result.rebuilt})
        return
    _describe(result, "rolled back" if rollback else "applied")


def bring_up(settings: Settings) -> MigrationResult:
    """The schema of this release, and the kinds of runs that it lets in; raises as the former."""
    result = apply_migrations(settings)
    with connect_directly(settings) as connection:
        publish(connection)
    return result


def _describe(result: MigrationResult, done: str) -> None:
    for name in result.changed:
        say(f"{done} {name}")
    for name in result.rebuilt:
        say(f"built INVALID index {name} again")
    if not result.changed and not result.rebuilt:
        say(f"nothing to do: no migration to be {done}")
