from math import ceil, log2

import pytest

from db.counter import count_statements
from jobs.imports import DIDS
from jobs.runs import run_next
from tests.factories import make_tenant
from tests.jobs.imports.files import KINDS, PARTS, fetch, import_file, phone, run_of, start

THE_TAKEN = "the number is taken"


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def refuse(database, *numbers):
    """Let the database itself raise for some numbers, as a trigger of somebody's would."""
    with database.transaction() as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'carrier does not serve this'; END $$"
        )
        listed = ", ".join(f"'{number}'" for number in numbers)
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON dids FOR EACH ROW"
            f" WHEN (NEW.number IN ({listed})) EXECUTE FUNCTION refuse()"
        )


def number_file(path, numbers):
    path.write_text("Phone Number,Trunk\n" + "".join(f"{n},main\n" for n in numbers))
    return path


def errors(database):
    return fetch(database, "SELECT line_number, reason, row FROM import_errors ORDER BY 1")


def test_numbers_become_the_tenants_once_each(database, settings, tenant_id, tmp_path):
    path = number_file(tmp_path / "dids.csv", ["(212) 555-0100", phone(101), phone(100), "nine"])
    run_id, result = import_file(database, settings, tenant_id, path, DIDS)
    assert [result[part] for part in PARTS] == [2, 0, 0, 1, 1]
    assert fetch(
        database, "SELECT number, tenant_id, status, import_run_id FROM dids ORDER BY 1"
    ) == [(phone(n), tenant_id, "ACTIVE", run_id) for n in (100, 101)]
    assert errors(database) == [(5, "phone is not a number", ["nine", "main"])]
    _, again = import_file(database, settings, tenant_id, path, DIDS)
    assert [again[part] for part in PARTS] == [0, 0, 2, 1, 1]


def test_another_tenants_number_is_taken_and_nothing_more(database, settings, tenant_id, tmp_path):
    other_id = make_tenant(database, "other")
    import_file(database, settings, other_id, number_file(tmp_path / "1.csv", [phone(1)]), DIDS)
    path = number_file(tmp_path / "2.csv", [phone(0), phone(1), phone(2)])
    _, result = import_file(database, settings, tenant_id, path, DIDS)
    assert [result[part] for part in PARTS] == [2, 0, 0, 0, 1]
    assert errors(database) == [(3, THE_TAKEN, [phone(1), "main"])]
    assert fetch(database, "SELECT tenant_id FROM dids WHERE number = %s", phone(1)) == [
        (other_id,)
    ]


@pytest.mark.parametrize("count", [100, 1000])
def test_four_statements_whatever_is_in_the_file(database, settings, tenant_id, tmp_path, count):
    other_id = make_tenant(database, "other")
    theirs = number_file(tmp_path / "1.csv", [phone(n) for n in range(0, count, 10)])
    import_file(database, settings, other_id, theirs, DIDS)
    numbers = [phone(n) if n % 7 else "bad" for n in range(count)]
    run_id = start(database, settings, tenant_id, number_file(tmp_path / "2.csv", numbers), DIDS)
    with count_statements() as counted:
        run_next(database, settings, KINDS)
    assert run_of(database, run_id)[0] == "succeeded"
    assert counted.statements == 4, counted.texts


@pytest.mark.parametrize(("count", "bad"), [(1000, (0, 500, 999)), (1000, (3, 4, 5)), (64, (9,))])
def test_what_the_database_refuses_is_halved_until_it_stands_alone(
    database, settings, tenant_id, tmp_path, count, bad
):
    refuse(database, *map(phone, bad))
    path = number_file(tmp_path / "dids.csv", [phone(n) for n in range(count)])
    run_id = start(database, settings, tenant_id, path, DIDS)
    with count_statements() as counted:
        run_next(database, settings, KINDS)
    assert counted.statements <= 4 + 2 * len(bad) * log2(count), counted.texts
    assert counted.statements > 2 * ceil(log2(count))  # they were alone in the end
    state, result, *_ = run_of(database, run_id)
    assert (state, result["created"]) == ("succeeded", count - len(bad))
    assert result["rejected_reasons"] == {"the database refuses the row": len(bad)}
    assert errors(database) == [
        (n + 2, "carrier does not serve this", [phone(n), "main"]) for n in bad
    ]


def test_two_imports_of_the_same_numbers_at_once_share_them(
    database, settings, tenant_id, tmp_path
):
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    settings = settings.model_copy(update={"import_chunk_rows": 50})
    other_id = make_tenant(database, "other")
    numbers = [phone(n) for n in range(1000)]
    path, back = (
        number_file(tmp_path / f"{n}.csv", of) for n, of in enumerate((numbers, numbers[::-1]))
    )
    with ThreadPoolExecutor(2) as threads:
        done = threads.map(
            lambda given: import_file(database, settings, *given, DIDS),
            ((tenant_id, path), (other_id, back)),
        )
        (_, first), (_, second) = done
    assert first["created"] + second["created"] == 1000
    assert first["rejected_reasons"].get(THE_TAKEN, 0) == second["created"]
    assert fetch(database, "SELECT count(*) FROM dids") == [(1000,)]
