"""What an import would do, shown before it is started."""

from pathlib import Path
from typing import Any

from cli.output import counts, print_json, print_table, say
from cli.session import open_session, tenant_named
from jobs.imports.preview import Preview, PreviewedColumn, PreviewedRow, preview_file
from jobs.runs import Kind


def preview(
    kind: Kind[Any], file: Path, tenant: str, arguments: dict[str, Any], *, as_json: bool
) -> None:
    """Print what the file's columns are taken for, and what would become of its first rows.

    Raises:
        UnreadableFileError: as the import itself would.
    """
    asked = kind.arguments(file=str(file), filename=file.name, **arguments)
    with open_session() as session:
        region = tenant_named(session.database, tenant).region
    found = preview_file(file, asked, region=region)
    if as_json:
        print_json(found.as_json())
        return
    say(_described(found))
    print_table(("column", "name", "is", "because of", "such as"), map(_column, found.columns))
    say("")
    print_table(("line", "phone", "outcome"), map(_row, found.rows))


def _described(found: Preview) -> str:
    where = f"header on line {found.header_line}" if found.header_line else "no header"
    sheet = f", sheet {found.sheet!r}" if found.sheet else ""
    return f"{found.filename}: {found.encoding}{sheet}, {where}, about {found.lines:,} lines"


def _column(column: PreviewedColumn) -> tuple[Any, ...]:
    because = {"asked": "you", "name": "its name", "content": "its values", "rest": ""}
    return (
        column.number,
        column.name,
        column.field,
        because[column.how],
        ", ".join(column.samples),
    )


def _row(row: PreviewedRow) -> tuple[Any, ...]:
    return (
        row.line,
        row.phone_number,
        f"rejected: {row.reason}" if row.reason else counts(row.values),
    )
