import json
import uuid

import pytest

from db.counter import count_statements
from jobs.imports import CONTACTS, DIDS, UNDO, start_undo
from jobs.imports import undo as undoing
from jobs.runs import DefiniteError, run_next
from tests.factories import make_tenant
from tests.jobs.imports.files import KINDS, fetch, import_file, phone, run_of, start, write_csv

ALL_KINDS = {**KINDS, UNDO.name: UNDO}


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def undo(database, settings, tenant_id, import_id):
    """Undo it to the end; returns (run id, result)."""
    with database.transaction() as connection:
        run_id = start_undo(connection, tenant_id, import_id)
    while run_next(database, settings, ALL_KINDS, run_id).worked:
        pass
    state, result, error, *_ = run_of(database, run_id)
    assert (state, error) == ("succeeded", None)
    return run_id, result


def numbers_file(tmp_path, numbers, name="list.csv"):
    return write_csv(tmp_path / name, [(phone(n), "Ann") for n in numbers])


def contact_at(database, number):
    return fetch(database, "SELECT id FROM contacts WHERE phone_number = %s", phone(number))[0][0]


def phones(database):
    return [n for (n,) in fetch(database, "SELECT phone_number FROM contacts ORDER BY 1")]


def kept(database, run_id):
    return fetch(
        database,
        "SELECT row ->> 0, reason FROM import_errors WHERE run_id = %s ORDER BY line_number",
        run_id,
    )


def test_what_it_created_is_gone_and_nothing_else(database, settings, tenant_id, tmp_path):
    settings = settings.model_copy(update={"import_chunk_rows": 3})
    import_file(database, settings, tenant_id, numbers_file(tmp_path, [1, 2]))
    run_id, _ = import_file(
        database, settings, tenant_id, numbers_file(tmp_path, range(10)), campaign="Spring"
    )
    import_file(database, settings, tenant_id, numbers_file(tmp_path, [20]), campaign="Spring")
    other_id = make_tenant(database, "other")
    import_file(database, settings, other_id, numbers_file(tmp_path, [5]), campaign="Spring")
    assert fetch(database, "SELECT count(*) FROM campaign_contacts") == [(12,)]

    _, result = undo(database, settings, tenant_id, run_id)
    assert result == {
        "removed": 8,
        "left_campaign": 2,
        "kept": 0,
        "reasons": {},
        "unrestored": 0,
    }
    assert fetch(
        database, "SELECT phone_number FROM contacts WHERE tenant_id = %s ORDER BY 1", tenant_id
    ) == [(phone(n),) for n in (1, 2, 20)]
    assert fetch(database, "SELECT count(*) FROM campaign_contacts") == [(2,)]
    _, again = undo(database, settings, tenant_id, run_id)
    assert (again["removed"], again["left_campaign"], again["kept"]) == (0, 0, 0)


def touch(database, tenant_id, number, how):
    contact_id = contact_at(database, number)
    values = {"tenant_id": tenant_id, "contact_id": contact_id, "id": uuid.uuid4()}
    with database.transaction() as connection:
        for statement in how.split(";"):
            connection.execute(statement, values)


TOUCHES = {
    "was changed": "UPDATE contacts SET email = 'a@b.c' WHERE id = %(contact_id)s",
    "was enrolled": (
        "INSERT INTO journeys (tenant_id, id, key, name, version, definition)"
        " VALUES (%(tenant_id)s, %(id)s, 'w', 'W', 1, '{}');"
        "INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source)"
        " VALUES (%(tenant_id)s, %(id)s, %(contact_id)s, 1, 'manual')"
    ),
    "was messaged": (
        "INSERT INTO messages (tenant_id, contact_id, to_number, body)"
        " VALUES (%(tenant_id)s, %(contact_id)s, '+1', 'hi')"
    ),
    "has an appointment": (
        "INSERT INTO appointments (tenant_id, contact_id, scheduled_at)"
        " VALUES (%(tenant_id)s, %(contact_id)s, now())"
    ),
    "was called": (
        "INSERT INTO call_queue (tenant_id, contact_id, to_number)"
        " VALUES (%(tenant_id)s, %(contact_id)s, '+1')"
    ),
    "was called or has called": (
        "INSERT INTO call_logs (tenant_id, contact_id, pbx, unique_id, linked_id)"
        " VALUES (%(tenant_id)s, %(contact_id)s, 'p', '1', '1')"
    ),
    "was reached in a campaign, or is in another": (
        "INSERT INTO campaigns (tenant_id, id, name) VALUES (%(tenant_id)s, %(id)s, 'Other');"
        "INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id)"
        " VALUES (%(tenant_id)s, %(id)s, %(contact_id)s)"
    ),
    "is used in notes": (
        "CREATE TABLE notes (tenant_id uuid, n uuid,"
        " FOREIGN KEY (tenant_id, n) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE);"
        "INSERT INTO notes VALUES (%(tenant_id)s, %(contact_id)s)"
    ),
}


@pytest.mark.parametrize(("reason", "how"), TOUCHES.items())
def test_a_contact_that_was_touched_stays_and_is_listed(
    database, settings, tenant_id, tmp_path, reason, how
):
    run_id, _ = import_file(
        database, settings, tenant_id, numbers_file(tmp_path, range(5)), campaign="Spring"
    )
    touch(database, tenant_id, 3, how)
    undone, result = undo(database, settings, tenant_id, run_id)
    assert (result["removed"], result["reasons"]) == (4, {reason: 1})
    assert phones(database) == [phone(3)]
    assert kept(database, undone) == [(phone(3), reason)]


def test_calls_that_were_not_begun_go_with_their_contacts(database, settings, tenant_id, tmp_path):
    import_file(database, settings, tenant_id, numbers_file(tmp_path, [7]))
    run_id, _ = import_file(
        database, settings, tenant_id, numbers_file(tmp_path, [7, 8, 9]), campaign="Spring"
    )
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO call_queue (tenant_id, campaign_id, contact_id, to_number, attempts)"
            " SELECT m.tenant_id, m.campaign_id, m.contact_id, c.phone_number,"
            " (right(c.phone_number, 1) = '9')::int"
            " FROM campaign_contacts m JOIN contacts c ON c.id = m.contact_id"
        )
    undone, result = undo(database, settings, tenant_id, run_id)
    assert (result["removed"], result["left_campaign"]) == (1, 1)
    assert kept(database, undone) == [(phone(9), "was called")]
    assert fetch(database, "SELECT to_number FROM call_queue") == [(phone(9),)]
    assert phones(database) == [phone(7), phone(9)]


def test_numbers_that_were_used_stay(database, settings, tenant_id, tmp_path):
    run_id, _ = import_file(database, settings, tenant_id, numbers_file(tmp_path, range(5)), DIDS)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO inbound_agent_config (tenant_id, did_id)"
            " SELECT tenant_id, id FROM dids WHERE number = %s",
            [phone(1)],
        )
        connection.execute("UPDATE dids SET status = 'INACTIVE' WHERE number = %s", [phone(2)])
        connection.execute(
            "INSERT INTO call_logs (tenant_id, did, pbx, unique_id, linked_id)"
            " VALUES (%s, %s, 'p', '1', '1')",
            [tenant_id, phone(3)],
        )
    undone, result = undo(database, settings, tenant_id, run_id)
    assert (result["removed"], result["kept"]) == (2, 3)
    assert kept(database, undone) == [
        (phone(1), "is answered"),
        (phone(2), "was changed"),
        (phone(3), "was used"),
    ]


@pytest.mark.parametrize(("count", "size", "chunks"), [(50, 50, 1), (500, 500, 1), (400, 100, 4)])
def test_statements_per_chunk_are_the_same_at_any_size(
    database, settings, tenant_id, tmp_path, count, size, chunks
):
    run_id, _ = import_file(database, settings, tenant_id, numbers_file(tmp_path, range(count)))
    settings = settings.model_copy(update={"import_chunk_rows": size})
    touch(database, tenant_id, 0, TOUCHES["was changed"])
    with database.transaction() as connection:
        started = start_undo(connection, tenant_id, run_id)
    with count_statements() as counted:
        run_next(database, settings, ALL_KINDS, started)
    assert run_of(database, started)[0] == "succeeded"
    # What to undo, what refers to it; lock and remove a chunk; what stays; a look that finds none.
    assert counted.statements == 2 + 2 * chunks + 1 + 1, counted.texts


def test_taken_up_again_it_goes_on_where_it_was(
    database, settings, tenant_id, tmp_path, monkeypatch
):
    settings = settings.model_copy(update={"import_chunk_rows": 2, "run_backoff_s": 1e-6})
    run_id, _ = import_file(database, settings, tenant_id, numbers_file(tmp_path, range(9)))
    touch(database, tenant_id, 1, TOUCHES["was changed"])
    real, calls = undoing.checkpoint, []

    def fail_twice(*args, **kwargs):
        calls.append(kwargs["done"])
        if len(calls) in {2, 4}:
            raise RuntimeError("cut off")
        real(*args, **kwargs)

    monkeypatch.setattr(undoing, "checkpoint", fail_twice)
    undone, result = undo(database, settings, tenant_id, run_id)
    assert (result["removed"], result["kept"]) == (8, 1)
    assert kept(database, undone) == [(phone(1), "was changed")]
    assert len(calls) > 6


def test_what_cannot_be_undone_is_one_sentence(database, settings, tenant_id, tmp_path):
    waiting = start(database, settings, tenant_id, numbers_file(tmp_path, [1]))
    other_id = make_tenant(database, "other")
    with database.transaction() as connection:
        with pytest.raises(DefiniteError, match=f"import {waiting} has not ended"):
            start_undo(connection, tenant_id, waiting)
        with pytest.raises(DefiniteError, match=f"there is no import {waiting}"):
            start_undo(connection, other_id, waiting)


def test_two_at_once_are_one(database, settings, tenant_id, tmp_path):
    run_id, _ = import_file(database, settings, tenant_id, numbers_file(tmp_path, [1]), CONTACTS)
    with database.transaction() as connection:
        assert len({start_undo(connection, tenant_id, run_id) for _ in range(2)}) == 1
    assert json.dumps(run_of(database, run_id)[1])
