"""A file with a tenth of bad rows; and its error list, mended and imported."""

import csv

from db.queries.runs import get_cursor
from jobs.imports.error_list import whole_file, write_error_list
from tests.jobs.imports.files import fetch, import_file

HEADER = ["Full Name", "Mobile", "E-Mail", "note"]


def _phone(number):
    return f"+1212{220 + number // 10_000}{number % 10_000:04}"


def _row(number):
    return [f"=Näme {number}", _phone(number), f"c{number}@example.com", f"-{number}\n"]


def import_and_mend(database, settings, tenant_id, folder, rows):
    """The good rows are imported, then the bad ones from the mended list: all, and as they were."""
    path = folder / "list.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        for number in range(rows):
            row = _row(number)
            writer.writerow([row[0], f"no. {number}", *row[2:]] if number % 10 == 3 else row)
    run_id, result = import_file(database, settings, tenant_id, path)
    bad = rows // 10
    assert (result["created"], result["rejected"]) == (rows - bad, bad)

    listed, mended = folder / "list.errors.csv", folder / "mended.csv"
    with database.read() as connection:
        cursor = get_cursor(connection, run_id)
    with whole_file(listed) as file:
        assert write_error_list(database, tenant_id, run_id, cursor, file) == bad
    with (
        listed.open(newline="", encoding="utf-8-sig") as source,
        mended.open("w", newline="", encoding="utf-8") as target,
    ):
        reader, writer = csv.reader(source, delimiter=";"), csv.writer(target, delimiter=";")
        names = next(reader)
        assert names == [*HEADER, "error"]
        writer.writerow(names)
        for number, row in zip(range(3, rows, 10), reader, strict=True):
            assert row[1] == f"no. {number}"
            row[1] = _phone(number)
            writer.writerow(row)

    _, result = import_file(database, settings, tenant_id, mended)
    assert (result["created"], result["rejected"]) == (bad, 0)
    found = fetch(
        database,
        "SELECT attributes ->> 'Full Name', phone_number, email, attributes ->> 'note',"
        " (SELECT count(*) FROM jsonb_object_keys(attributes))"
        " FROM contacts WHERE tenant_id = %s ORDER BY phone_number",
        tenant_id,
    )
    assert found == [(*(cell.strip() for cell in _row(number)), 2) for number in range(rows)]
