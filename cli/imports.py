"""``trunkline import``: files into the tables, and what couldn't be read back out."""

import sys
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.import_limits import import_limits
from cli.import_preview import preview
from cli.options import AnyTenantSlug, AsJson, Detach, TenantSlug
from cli.output import print_json, say, tell
from cli.session import Session, open_session, parse_id, tenant_named
from cli.waiting import describe_result, insist_on_success, leave, wait_with_bar
from db.queries.runs import Run, get_cursor, get_run
from db.queries.tenants import Tenant
from jobs.imports import CONTACTS, DIDS, inspect_file, start_import, start_undo
from jobs.imports.arguments import MERGED_COLUMNS, Duplicates, OnExisting
from jobs.imports.error_list import whole_file, write_error_list
from jobs.imports.headers import Target
from jobs.imports.tally import Tally
from jobs.runs import Kind

TARGETS: tuple[str, ...] = get_args(Target)
POLICIES: tuple[str, ...] = get_args(OnExisting)

File = Annotated[Path, typer.Argument(help="A file with a column of phone numbers.")]
WhichDuplicate = Annotated[
    Duplicates, typer.Option(help="Of rows with the same number, the one that counts.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="What a column is, by its name or number, where its name doesn't say it: one of "
        f"{', '.join(TARGETS)}; may be given again.",
    ),
]
PhoneColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of phone numbers, by its name or number."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Write nothing: show what the columns are taken for, and the first rows."
    ),
]
ErrorFile = Annotated[
    Path | None,
    typer.Option("--errors", metavar="FILE", help="Where rejected rows go; default: beside FILE."),
]

app = typer.Typer(help="Import files, see what was refused, take an import back.")
app.command("limits")(import_limits)


@app.command("contacts")
def import_contacts(
    file: File,
    tenant: TenantSlug,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="Put its contacts there; made if missing.")
    ] = None,
    call: Annotated[
        bool, typer.Option("--call", help="Queue a call to each; made once the campaign runs.")
    ] = False,
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
    mapped: Mapped = None,
    phone_column: PhoneColumn = None,
    dry_run: DryRun = False,
    errors: ErrorFile = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Import contacts: phones made E.164, duplicates and bad rows left out and counted."""
    arguments = {
        "campaign": campaign,
        "call": call,
        "on_existing": on_existing,
        "column_policy": _pairs(column_policy, "--column-policy", POLICIES),
        "duplicates": duplicates,
        "mapping": _mapping(mapped, phone_column),
    }
    if dry_run:
        preview(CONTACTS, file, tenant, arguments, as_json=as_json)
    else:
        _import(CONTACTS, file, tenant, arguments, errors, detach=detach, as_json=as_json)


@app.command("dids")
def import_dids(
    file: File,
    tenant: TenantSlug,
    duplicates: WhichDuplicate = "first",
    mapped: Mapped = None,
    phone_column: PhoneColumn = None,
    dry_run: DryRun = False,
    errors: ErrorFile = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Import the tenant's own numbers, to send from and be called on; each is one's alone."""
    arguments = {"duplicates": duplicates, "mapping": _mapping(mapped, phone_column)}
    if dry_run:
        preview(DIDS, file, tenant, arguments, as_json=as_json)
    else:
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
    if errors is not None and errors.resolve() == file.resolve():
        raise CommandError("--errors names the file itself", BAD_INPUT)
    inspect_file(file, mapping=arguments["mapping"])
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


def _mapping(mapped: Sequence[str] | None, phone_column: str | None) -> dict[str, str]:
    mapping = _pairs(mapped, "--map", TARGETS)
    if phone_column is not None:
        mapping[phone_column.strip()] = "phone"
    return mapping


def _pairs(texts: Sequence[str] | None, option: str, values: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not equals or value.strip() not in values:
            raise CommandError(f"{option} {text!r}: wanted is NAME={'|'.join(values)}", BAD_INPUT)
        pairs[name.strip()] = value.strip()
    return pairs
