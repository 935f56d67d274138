from math import log2

import pytest

from db.counter import count_statements
from jobs.runs import run_next
from tests.factories import make_tenant
from tests.jobs.imports.files import (
    KINDS,
    PARTS,
    fetch,
    import_file,
    phone,
    run_of,
    start,
    write_csv,
)


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


@pytest.fixture
def refused(database):
    """Contacts whose name is Bad are refused by a trigger of somebody's."""
    with database.transaction() as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'not with that name'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON contacts FOR EACH ROW"
            " WHEN (NEW.first_name = 'Bad') EXECUTE FUNCTION refuse()"
        )


@pytest.mark.parametrize("on_existing", ["skip", "update"])
def test_a_contact_that_the_database_refuses_is_rejected_alone(
    database, settings, tenant_id, tmp_path, refused, on_existing
):
    old = [(phone(n), "Old") for n in range(3)]
    import_file(database, settings, tenant_id, write_csv(tmp_path / "0.csv", old))
    rows = [(phone(n), "Bad" if n in {1, 60, 99} else "Ann") for n in range(100)]
    rows.insert(50, ("nine", "x"))
    path = write_csv(tmp_path / "1.csv", rows)
    run_id = start(
        database, settings, tenant_id, path, campaign="Spring", on_existing=on_existing, call=True
    )
    with count_statements() as counted:
        run_next(database, settings, KINDS)
    state, result, *_ = run_of(database, run_id)
    assert state == "succeeded"
    assert result["read"] == sum(result[part] for part in PARTS) == 101
    assert result["rejected_reasons"] == {
        "phone is not a number": 1,
        "the database refuses the row": 3,
    }
    known = "skipped" if on_existing == "skip" else "updated"
    assert (result["created"], result[known]) == (95, 2)
    assert fetch(database, "SELECT line_number, reason, row FROM import_errors ORDER BY 1") == [
        (3, "not with that name", [phone(1), "Bad"]),
        (52, "phone is not a number", ["nine", "x"]),
        (63, "not with that name", [phone(60), "Bad"]),
        (102, "not with that name", [phone(99), "Bad"]),
    ]
    good = {phone(n) for n in range(100)} - {phone(n) for n in (1, 60, 99)}
    for query in (
        "SELECT c.phone_number FROM campaign_contacts m JOIN contacts c ON c.id = m.contact_id",
        "SELECT to_number FROM call_queue",
    ):
        assert {number for (number,) in fetch(database, query)} == good
    assert counted.statements <= 7 + 2 * 3 * log2(101), counted.texts
