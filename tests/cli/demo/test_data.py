import csv
from pathlib import Path

import pytest

from cli.demo.data import HEADER, PLANS, most_contacts, write_contacts
from jobs.imports import CONTACTS, ImportArguments
from jobs.runs import enqueue, run_next
from tests.factories import make_tenant


@pytest.fixture(params=["US", "DE"])
def region(request):
    return request.param


@pytest.fixture
def file(tmp_path):
    return Path(tmp_path, "contacts.csv")


def rows(file):
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def test_it_has_the_dirt_of_real_files(file, region):
    written = write_contacts(file, region, 500)
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") > 500
    header, *records = rows(file)
    assert header == list(HEADER)
    cells = [cell for record in records if len(record) == len(HEADER) for cell in record]
    for dirt in (",", '"', "\n"):
        assert any(dirt in cell for cell in cells)
    phones = [record[0] for record in records if len(record) == len(HEADER)]
    marks = {"".join(sorted({c for c in phone if not c.isalnum()})) for phone in phones}
    assert len(marks) >= 6  # spellings
    names = [record[1] for record in records if len(record) == len(HEADER)]
    assert any(not name for name in names)
    assert any(not name.isascii() for name in names)
    blank = [record for record in records if not any(map(str.strip, record))]
    assert len(blank) == written.blank_lines > 0
    assert set(written.plans) == set(PLANS)
    assert min(written.bad_phones, written.duplicates) > 0
    assert len(records) == (
        written.contacts + written.bad_phones + written.duplicates + written.blank_lines
    )


def test_the_same_arguments_make_the_same_file(file, tmp_path, region):
    write_contacts(file, region, 50)
    write_contacts(tmp_path / "again.csv", region, 50)
    assert file.read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_numbers_are_kept_free_for_fiction(file):
    write_contacts(file, "US", 300)
    phones = ["".join(filter(str.isdigit, record[0])) for record in rows(file)[1:] if record]
    complete = [phone for phone in phones if len(phone) in {10, 11}]
    assert len(complete) >= 300
    # 555-0100 to 555-0199 of any area.
    assert {phone[-7:-2] for phone in complete if "999" not in phone[:3]} == {"55501"}


def test_the_import_finds_what_was_planted(file, region, database, settings):
    planted = write_contacts(file, region, most_contacts("DE"))
    tenant_id = make_tenant(database, region=region)
    arguments = ImportArguments(file=str(file), filename=file.name).model_dump(mode="json")
    with database.transaction() as connection:
        run_id = enqueue(connection, tenant_id, CONTACTS.name, arguments)
    run_next(database, settings, {CONTACTS.name: CONTACTS}, run_id)
    with database.transaction() as connection:
        result, error = connection.execute("SELECT result, error FROM job_runs").fetchone()
    assert error is None
    assert result["created"] == planted.contacts == 5000
    assert result["duplicates"] == planted.duplicates
    assert result["rejected"] == planted.bad_phones
