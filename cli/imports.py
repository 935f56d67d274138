"""``trunkline import``: files into the tables, and what couldn't be read back out."""

import sys
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AnyTenantSlug, AsJson, Detach, TenantSlug
from cli.output import print_json, say, tell
from cli.session import Session, open_session, parse_id, tenant_named
from cli.waiting import describe_result, insist_on_success, leave, wait_with_bar
from db.queries.runs import Run, get_cursor, get_run
from db.queries.tenants import Tenant
from jobs.imports import CONTACTS, DIDS, inspect_file, start_import, start_undo
from jobs.imports.arguments import MERGED_COLUMNS, Duplicates, OnExisting
from jobs.imports.error_list import whole_file, write_error_list
from jobs.imports.tally import Tally
from jobs.runs import Kind

File = Annotated[Path, typer.Argument(help="A file with a column of phone numbers.")]
WhichDuplicate = Annotated[
    Duplicates, typer.Option(help="Of rows with the same number, the one that counts.")
]
ErrorFile = Annotated[
    Path | None,
    typer.Option("--errors", metavar="FILE", help="Where rejected rows go; default: beside FILE."),
]

app = typer.Typer(help="Import files, see what was refused, take an import back.")


@app.command("contacts")
def import_contacts(
    file: File,
    tenant: TenantSlug,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="Put its contacts there; made if missing.")
    ] = None,
    on_existing: Annotated[
        OnExisting, typer.Option(help="What becomes of contacts that the tenant has.")
    ] = "skip",
    column_policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=POLICY",
            help=f"The same for one column of {', '.join(MERGED_COLUMNS)}; may be given again.",
        ),
    ] = None,
    duplicates: WhichDuplicate = "first",
    errors: ErrorFile = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Import contacts: phones made E.164, duplicates and bad rows left out and counted."""
    arguments = {
        "campaign": campaign,
        "on_existing": on_existing,
        "column_policy": _pairs(column_policy or (), "--column-policy"),
        "duplicates": duplicates,
    }
    _import(CONTACTS, file, tenant, arguments, errors, detach=detach, as_json=as_json)


@app.command("dids")
def import_dids(
    file: File,
    tenant: TenantSlug,
    duplicates: WhichDuplicate = "first",
    errors: ErrorFile = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Import the tenant's own numbers, to send from and be called on; each is one's alone."""
    arguments = {"duplicates": duplicates}
    _import(DIDS, file, tenant, arguments, errors, detach=detach, as_json=as_json)


@app.command("errors")
def list_errors(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there; default: stdout.")
    ] = None,
    tenant: AnyTenantSlug = None,
) -> None:
    """Write an import's rejected rows as a CSV: the file's own columns and ``error``.

    Mended, it can be imported as it is.
    """
    with open_session() as session:
        owner, run = _find_run(session, run_id, tenant)
        if output is None:
            _write_errors(session, owner, run, sys.stdout)
        else:
            tell(f"{_save_errors(session, owner, run, output):,} rows in {output}")


@app.command("undo")
def undo_import(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    tenant: AnyTenantSlug = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Remove what an import created and nothing has touched since; list what stays, and why.

    Contacts that were there before leave the import's campaign; what it changed in them stays.
    """
    with open_session() as session:
        owner, undone = _find_run(session, run_id, tenant)
        with session.database.transaction() as connection:
            started = start_undo(connection, owner.id, undone.id)
        if detach:
            leave(started, as_json=as_json)
            return
        run = wait_with_bar(session, owner.slug, started, show=not as_json)
    if as_json:
        print_json({**(run.result or {}), "run_id": run.id})
    insist_on_success(run)
    if not as_json:
        say(describe_result(run))
        if (run.result or {}).get("kept"):
            say(f"what stays, and why: trunkline import errors {run.id}")


def _find_run(session: Session, run_id: str, tenant: str | None) -> tuple[Tenant, Run]:
    wanted = parse_id(run_id, "run")
    with session.database.read() as connection:
        run = get_run(connection, wanted, tenant)
    if run is None:
        raise CommandError(f"there is no run {wanted}", BAD_INPUT)
    return tenant_named(session.database, run.tenant), run


def _import(
    kind: Kind[Any],
    file: Path,
    tenant: str,
    arguments: dict[str, Any],
    errors: Path | None,
    *,
    detach: bool,
    as_json: bool,
) -> None:
    inspect_file(file)
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        run_id = start_import(session.database, session.settings, owner.id, kind, file, **arguments)
        if detach:
            leave(run_id, as_json=as_json)
            return
        run = wait_with_bar(session, owner.slug, run_id, show=not as_json)
        _report(session, owner, run, errors or _beside(file), as_json=as_json)


def _report(session: Session, owner: Tenant, run: Run, errors: Path, *, as_json: bool) -> None:
    """What became of the rows, whatever became of the run; rejected ones are in a file then."""
    tally = Tally.from_json(run.counts) if run.counts else Tally()
    error_csv = None
    if tally.rejected:
        try:
            _save_errors(session, owner, run, errors)
            error_csv = errors
        except OSError as error:
            tell(
                f"the rejected rows can't be written to {errors} ({error.strerror}): "
                f"`trunkline import errors {run.id}` has them"
            )
    if as_json:
        figures = {name: n for name, n in tally.as_json().items() if isinstance(n, int)}
        print_json({**figures, "run_id": run.id, "error_csv": error_csv and str(error_csv)})
    insist_on_success(run)
    if not as_json:
        say(describe_result(run))
        if error_csv:
            say(f"rejected rows, to be mended and imported again: {error_csv}")


def _beside(file: Path) -> Path:
    """A name that is free: a list that is being mended must not be written over."""
    numbered = (file.with_name(f"{file.stem}.errors-{number}.csv") for number in count(2))
    names = chain([file.with_name(f"{file.stem}.errors.csv")], numbered)
    return next(path for path in names if not path.exists())


def _save_errors(session: Session, owner: Tenant, run: Run, path: Path) -> int:
    with whole_file(path) as file:
        return _write_errors(session, owner, run, file)


def _write_errors(session: Session, owner: Tenant, run: Run, file: Any) -> int:
    with session.database.read() as connection:
        cursor = get_cursor(connection, run.id)
    return write_error_list(session.database, owner.id, run.id, cursor, file)


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals:
            raise CommandError(f"{option} {text!r} is no COLUMN=VALUE", BAD_INPUT)
        pairs[name.strip()] = value.strip()
    return pairs
