import json
import uuid

import psycopg
import pytest
from pydantic import ValidationError

from db.counter import count_statements
from jobs.enrollment import KIND, EnrollArguments
from jobs.runs import enqueue, run_next
from tests.factories import make_contacts, make_tenant

KINDS = {KIND.name: KIND}


def make_journey(database, tenant_id, key="welcome", *, version=1, status="ACTIVE"):
    with database.transaction() as connection:
        row = connection.execute(
            "INSERT INTO journeys (tenant_id, key, name, status, version, definition)"
            " VALUES (%s, %s, %s, %s, %s, '{}') RETURNING id",
            (tenant_id, key, key, status, version),
        ).fetchone()
        for number in range(1, version + 1):
            connection.execute(
                "INSERT INTO journey_nodes"
                " (tenant_id, journey_id, version, key, type, config, edges, is_start)"
                " VALUES (%s, %s, %s, 'hello', 'send_sms', '{}', '{}', true),"
                " (%s, %s, %s, 'bye', 'end', '{}', '{}', false)",
                (tenant_id, row[0], number) * 2,
            )
    return row[0]


def start(database, tenant_id, **args):
    args = json.loads(json.dumps({"journey": "welcome", **args}, default=str))
    with database.transaction() as connection:
        return enqueue(connection, tenant_id, "enroll_contacts", args)


def fetch(database, query, *params):
    with database.transaction() as connection:
        return connection.execute(query, params).fetchall()


def run_of(database, run_id):
    return fetch(database, "SELECT state, result, error FROM job_runs WHERE id = %s", run_id)[0]


def enroll(database, settings, tenant_id, **args):
    run_id = start(database, tenant_id, **args)
    assert run_next(database, settings, KINDS).worked
    return run_of(database, run_id)


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def test_whoever_is_counted_as_success_has_a_first_step_due(database, settings, tenant_id):
    journey_id = make_journey(database, tenant_id, version=2)
    ids = make_contacts(database, tenant_id, 3)
    barred = make_contacts(database, tenant_id, 1, start=10, do_not_contact=True)
    other = make_contacts(database, make_tenant(database, "other"), 1)
    unknown = [uuid.uuid4()]
    state, result, error = enroll(
        database,
        settings,
        tenant_id,
        contact_ids=[*ids, ids[0], *barred, *other, *unknown],
        data={"coupon": "X"},
    )
    assert (state, error) == ("succeeded", None)
    assert result == {
        "success": 3,
        "failed": 2,
        "skipped": 2,
        "reasons": {"unknown": 2, "do_not_contact": 1, "duplicate": 1},
    }
    rows = fetch(
        database,
        "SELECT c.contact_id, c.version, c.entry_no, c.status, c.source, c.data, p.state,"
        " n.key, n.version, p.scheduled_at <= now() AND p.entered_at <= now(), p.journey_id"
        " FROM journey_contacts c"
        " JOIN pending_executions p ON p.tenant_id = c.tenant_id AND p.journey_contact_id = c.id"
        " JOIN journey_nodes n ON n.tenant_id = p.tenant_id AND n.id = p.node_id",
    )
    assert {row[0] for row in rows} == set(ids)
    assert len(rows) == 3
    assert {row[1:6] for row in [(*r[:5], json.dumps(r[5]), *r[6:]) for r in rows]} == {
        (2, 1, "ACTIVE", "manual", '{"coupon": "X"}')
    }
    assert {row[6:] for row in rows} == {("DUE", "hello", 2, True, journey_id)}


def test_a_contact_enters_once(database, settings, tenant_id):
    make_journey(database, tenant_id)
    make_contacts(database, tenant_id, 3)
    enroll(database, settings, tenant_id, everyone=True)
    make_contacts(database, tenant_id, 2, start=100)
    _, result, _ = enroll(database, settings, tenant_id, everyone=True)
    assert result == {
        "success": 2,
        "failed": 0,
        "skipped": 3,
        "reasons": {"already_enrolled": 3},
    }
    assert fetch(database, "SELECT count(*) FROM pending_executions") == [(5,)]


def test_contacts_of_a_campaign_and_of_an_import(database, settings, tenant_id):
    make_journey(database, tenant_id)
    ids = make_contacts(database, tenant_id, 4)
    with database.transaction() as connection:
        import_run = enqueue(connection, tenant_id, "import_contacts", {})
        connection.execute("UPDATE job_runs SET state = 'succeeded'")
        connection.execute(
            "UPDATE contacts SET import_run_id = %s WHERE id = %s", (import_run, ids[3])
        )
        row = connection.execute(
            "INSERT INTO campaigns (tenant_id, name) VALUES (%s, 'Spring') RETURNING id",
            (tenant_id,),
        ).fetchone()
        connection.execute(
            "INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id)"
            " SELECT %s, %s, unnest(%s::uuid[])",
            (tenant_id, row[0], ids[:2]),
        )
    _, result, _ = enroll(database, settings, tenant_id, campaign="Spring")
    assert result["success"] == 2
    _, result, _ = enroll(database, settings, tenant_id, import_run=import_run)
    assert result["success"] == 1
    assert set(fetch(database, "SELECT contact_id, source FROM journey_contacts")) == {
        (ids[0], "campaign"),
        (ids[1], "campaign"),
        (ids[3], "import"),
    }


@pytest.mark.parametrize("selection", ["everyone", "contact_ids"])
@pytest.mark.parametrize(("contacts", "chunks"), [(100, 1), (5000, 1), (2500, 3)])
def test_statements_per_chunk_are_the_same_at_any_size(
    database, settings, tenant_id, selection, contacts, chunks
):
    if chunks > 1:
        settings = settings.model_copy(update={"enroll_chunk_rows": 1000})
    make_journey(database, tenant_id)
    ids = make_contacts(database, tenant_id, contacts)
    args = {"everyone": True} if selection == "everyone" else {"contact_ids": ids}
    run_id = start(database, tenant_id, **args)
    with count_statements() as count:
        run_next(database, settings, KINDS)
    assert run_of(database, run_id)[1]["success"] == contacts
    assert count.statements == 1 + chunks, count.texts
    assert fetch(database, "SELECT count(*) FROM pending_executions") == [(contacts,)]


def test_two_tenants_never_see_each_other(database, settings, tenant_id):
    other_id = make_tenant(database, "other")
    make_contacts(database, tenant_id, 2)
    other_contacts = make_contacts(database, other_id, 3)
    make_journey(database, other_id)
    state, _, error = enroll(database, settings, tenant_id, everyone=True)
    assert (state, error) == ("failed", "unknown journey 'welcome'")
    make_journey(database, tenant_id)
    _, result, _ = enroll(database, settings, tenant_id, contact_ids=other_contacts)
    assert result["reasons"] == {"unknown": 3}
    _, result, _ = enroll(database, settings, tenant_id, everyone=True)
    assert result["success"] == 2
    assert fetch(database, "SELECT DISTINCT tenant_id FROM journey_contacts") == [(tenant_id,)]


def test_definite_errors_fail_at_once_in_one_clear_line(database, settings, tenant_id):
    make_contacts(database, tenant_id, 1)
    make_journey(database, tenant_id, "resting", status="PAUSED")
    make_journey(database, tenant_id)
    cases = {
        "journey 'resting' is PAUSED, not ACTIVE": {"journey": "resting", "everyone": True},
        "unknown campaign 'Nope'": {"campaign": "Nope"},
        f"unknown import run {uuid.UUID(int=7)}": {"import_run": uuid.UUID(int=7)},
        "bad arguments: give exactly one of contact_ids, campaign, import_run, everyone": {},
        "bad arguments: source: Input should be 'manual', 'webhook', 'segment', 'campaign', "
        "'import', 'journey' or 'event'; colour: Extra inputs are not permitted": {
            "everyone": True,
            "source": "moon",
            "colour": "red",
        },
    }
    for error, args in cases.items():
        assert enroll(database, settings, tenant_id, **args) == ("failed", None, error)
    assert fetch(database, "SELECT count(*) FROM journey_contacts") == [(0,)]


def test_a_connection_lost_inside_a_chunk_leaves_each_contact_enrolled_once(
    database, settings, tenant_id, monkeypatch
):
    settings = settings.model_copy(update={"enroll_chunk_rows": 4, "run_backoff_s": 1e-6})
    make_journey(database, tenant_id)
    make_contacts(database, tenant_id, 10)
    run_id = start(database, tenant_id, everyone=True)
    from jobs.enrollment import contacts  # noqa: PLC0415

    real, calls = contacts.checkpoint, []

    def cut_off(connection, *args, **kwargs):
        calls.append(kwargs["done"])
        if len(calls) == 2:
            with psycopg.connect(settings.require("database_url"), autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        real(connection, *args, **kwargs)

    monkeypatch.setattr(contacts, "checkpoint", cut_off)
    run_next(database, settings, KINDS)
    state, _, error = run_of(database, run_id)
    assert state == "queued"
    assert error
    assert fetch(database, "SELECT count(*) FROM journey_contacts") == [(4,)]
    run_next(database, settings, KINDS)
    assert run_of(database, run_id)[:2] == (
        "succeeded",
        {"success": 10, "failed": 0, "skipped": 0, "reasons": {}},
    )
    assert calls == [4, 8, 8, 10]
    assert fetch(
        database,
        "SELECT count(*), count(DISTINCT contact_id),"
        " (SELECT count(DISTINCT journey_contact_id) FROM pending_executions),"
        " (SELECT count(*) FROM pending_executions) FROM journey_contacts",
    ) == [(10, 10, 10, 10)]


def test_a_journey_paused_between_chunks_stops_the_enrollment(
    database, settings, tenant_id, monkeypatch
):
    settings = settings.model_copy(update={"enroll_chunk_rows": 4})
    journey_id = make_journey(database, tenant_id)
    make_contacts(database, tenant_id, 10)
    from jobs.enrollment import contacts  # noqa: PLC0415

    real = contacts._next_ids
    calls = []

    def pause(*args):
        calls.append(args)
        if len(calls) == 2:
            with database.transaction() as connection:
                connection.execute(
                    "UPDATE journeys SET status = 'PAUSED' WHERE id = %s", (journey_id,)
                )
        return real(*args)

    monkeypatch.setattr(contacts, "_next_ids", pause)
    state, _, error = enroll(database, settings, tenant_id, everyone=True)
    assert state == "failed"
    assert error == (
        "journey 'welcome' was paused, or its tenant suspended, after 4 contacts had entered"
    )
    assert fetch(database, "SELECT count(*) FROM pending_executions") == [(4,)]


def test_the_commit_of_a_chunk_rings_for_journeys(database, settings, tenant_id):
    make_journey(database, tenant_id)
    make_contacts(database, tenant_id, 1)
    with psycopg.connect(settings.require("database_url"), autocommit=True) as listener:
        listener.execute("LISTEN trunkline")
        enroll(database, settings, tenant_id, everyone=True)
        heard = {note.payload for note in listener.notifies(timeout=10, stop_after=2)}
    assert heard == {"runs", "journeys"}


def test_false_for_everyone_is_no_selection():
    with pytest.raises(ValidationError, match="exactly one"):
        EnrollArguments(journey="welcome", everyone=False)
    assert EnrollArguments(journey="w", everyone=False, campaign="c").selection == "campaign"
