from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.imports import CONTACTS, TooMuchError, start_import
from jobs.runs import run_next
from tests.factories import make_tenant
from tests.jobs.imports.files import KINDS, fetch, import_file, phone, run_of, start, write_csv

AT_ONCE = "too many imports at once: the tenant may have {}; wait for one to end, or cancel it"


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


@pytest.fixture
def path(tmp_path):
    return write_csv(tmp_path / "list.csv", [(phone(n), "two\nlines") for n in range(3)])


def allow(database, **limits):
    with database.transaction() as connection:
        for name, most in limits.items():
            connection.execute(f"UPDATE tenants SET {name} = %s", [most])


def refusal(database, settings, tenant_id, path):
    run_id = start(database, settings, tenant_id, path, campaign="Spring")
    run_next(database, settings, KINDS, run_id)
    state, _, error, *_ = run_of(database, run_id)
    assert state == "failed"
    assert fetch(database, "SELECT count(*) FROM contacts") == [(0,)]
    assert fetch(database, "SELECT count(*) FROM campaigns") == [(0,)]
    return error


@pytest.mark.parametrize(
    ("limit", "most", "sentence"),
    [
        (
            "import_max_bytes",
            80,
            "list.csv: too large: 96 bytes, and the tenant may import 80 in one file",
        ),
        (
            "import_max_columns",
            1,
            "list.csv: too many columns: 2, and the tenant may import 1",
        ),
        (
            "import_max_rows",
            2,
            "list.csv: too many rows: more than the 2 that the tenant may import in one file",
        ),
    ],
)
def test_more_than_the_tenant_may_import_is_refused_before_anything_is_written(
    database, settings, tenant_id, path, limit, most, sentence
):
    allow(database, **{limit: most})
    assert refusal(database, settings, tenant_id, path) == sentence
    make_tenant(database, "other")
    allow(database, **{limit: None})
    tight = settings.model_copy(update={limit: most})
    assert refusal(database, tight, tenant_id, path) == sentence


def test_rows_are_counted_not_lines(database, settings, tenant_id, path):
    allow(database, import_max_rows=3)
    assert import_file(database, settings, tenant_id, path)[1]["created"] == 3


def test_no_more_imports_at_once_than_allowed(database, settings, tenant_id, path):
    allow(database, imports_at_once=2)
    other_id = make_tenant(database, "other")
    allow(database, imports_at_once=2)
    for _ in range(2):
        start_import(database, settings, other_id, CONTACTS, path)

    def try_to_start(_):
        try:
            return start_import(database, settings, tenant_id, CONTACTS, path)
        except TooMuchError as error:
            return str(error)

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(try_to_start, range(4)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert refused == [AT_ONCE.format(2)] * 2
    kept = list((settings.state_dir / "files").iterdir())
    assert len(kept) == 4  # those of refused ones are gone
    while run_next(database, settings, KINDS).worked:
        pass
    assert fetch(database, "SELECT DISTINCT state FROM job_runs") == [("succeeded",)]
    start_import(database, settings, tenant_id, CONTACTS, path)


def test_an_import_that_another_way_in_let_pass_is_refused_by_the_worker(
    database, settings, tenant_id, path
):
    allow(database, imports_at_once=1)
    first, second = (start(database, settings, tenant_id, path) for _ in range(2))
    run_next(database, settings, KINDS, second)
    assert run_of(database, second)[2] == AT_ONCE.format(1)
    run_next(database, settings, KINDS, first)
    assert run_of(database, first)[0] == "succeeded"
