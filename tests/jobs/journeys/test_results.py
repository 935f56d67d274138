"""Conditions on what earlier nodes left, in a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.definition import DefinitionError, check_definition
from jobs.journeys.signals import Signal, send_signals
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query

START = datetime(2026, 3, 2, 15, tzinfo=UTC)


def when(field, value, following):
    return {"when": {"field": field, "op": "eq", "value": value}, "next": following}


RAW = {
    "journey": "j",
    "start": "hello",
    "nodes": {
        "hello": {"type": "send_sms", "body": "{{ attributes.text }}", "next": "share"},
        "share": {
            "type": "split",
            "branches": [
                {"weight": 1, "next": "which", "name": "left"},
                {"weight": 1, "next": "which", "name": "right"},
            ],
        },
        "which": {
            "type": "condition",
            "branches": [
                when("results.hello.skipped", "do_not_contact", "z"),
                when("results.hello.segments", 2, "z"),
                when("results.share.outcome", "left", "z"),
                when("results.later.outcome", "end", "z"),
            ],
            "default": "later",
        },
        "later": {"type": "delay", "seconds": 1, "next": "z"},
        "z": {"type": "end"},
    },
}
SHARES = [{"weight": 1, "next": key, "name": key} for key in ("which", "later")]
TOOK = (
    "SELECT jc.contact_id, n.key, x.outcome FROM journey_node_executions x"
    " JOIN journey_nodes n ON n.id = x.node_id"
    " JOIN journey_contacts jc ON jc.id = x.journey_contact_id"
    " WHERE n.key IN ('share', 'which') AND x.outcome IS NOT NULL"
)


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


@pytest.mark.parametrize("clock", [START, None])
def test_condition_sees_what_earlier_nodes_left(database, runner, clock):
    tenant_id = make_tenant(database)
    long = make_contacts(database, tenant_id, 2, attributes={"text": "x" * 161})
    barred = make_contacts(
        database, tenant_id, 2, start=10, attributes={"text": "x"}, do_not_contact=True
    )
    short = make_contacts(database, tenant_id, 40, start=20, attributes={"text": "x"})
    journey = apply_journey(database, tenant_id, RAW)
    enroll(database, tenant_id, journey, [*long, *barred, *short], at=clock)
    for _ in range(3):
        runner.run_batch(clock)
    took = {(contact, key): outcome for contact, key, outcome in query(database, TOOK)}
    assert {took[one, "which"] for one in barred} == {"branch-1"}
    assert {took[one, "which"] for one in long} == {"branch-2"}
    for one in short:
        expected = {"left": "branch-3", "right": "default"}[took[one, "share"]]
        assert took[one, "which"] == expected


@pytest.mark.parametrize("real", [True, False])
def test_only_a_real_clock_bounds_the_history_that_is_read(database, runner, real):
    """Enrollments that a simulated clock dates lie before or after what is written now."""
    clock = None if real else datetime.now(UTC) + timedelta(days=90)
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id, RAW)
    long = make_contacts(database, tenant_id, 3, attributes={"text": "x" * 161})
    enroll(database, tenant_id, journey, long, at=clock)
    for _ in range(2):
        runner.run_batch(clock)
    # Where the clock is real nothing of an enrollment is older than itself: it isn't looked for.
    query(database, "UPDATE journey_contacts SET entered_at = now() + interval '1 hour'")
    runner.run_batch(clock)
    outcomes = {outcome for _, key, outcome in query(database, TOOK) if key == "which"}
    assert outcomes == ({"default"} if real else {"branch-2"})


def leave(database, key, outcome, executed_at, *, enrollment, version=1):
    """Write into history that the enrollment left the node."""
    query(
        database,
        "INSERT INTO journey_node_executions (tenant_id, id, journey_id, journey_contact_id,"
        " node_id, status, scheduled_at, executed_at, attempts, outcome)"
        " SELECT tenant_id, (random() * 1e15)::bigint, journey_id, %s, id, 'COMPLETED', %s, %s, 1,"
        " %s FROM journey_nodes WHERE key = %s AND version = %s",
        enrollment, executed_at, executed_at, outcome, key, version,
    )  # fmt: skip


def test_the_last_result_counts_of_this_enrollment_and_in_any_version(database, runner):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, 3)
    apply_journey(database, tenant_id, RAW)
    second = apply_journey(database, tenant_id, {**RAW, "name": "changed"})
    assert second.version == 2
    enroll(database, tenant_id, second, contacts, node="which", at=START)
    ids = [row[0] for row in query(database, "SELECT id FROM journey_contacts ORDER BY id")]
    earlier = START - timedelta(hours=1)
    leave(database, "share", "right", START, enrollment=ids[0])
    leave(database, "share", "left", earlier, enrollment=ids[0])
    leave(database, "share", "right", earlier, enrollment=ids[1])
    leave(database, "share", "left", START, enrollment=ids[1], version=2)
    runner.run_batch(START)
    took = query(
        database,
        "SELECT journey_contact_id, outcome FROM journey_node_executions x JOIN journey_nodes n"
        " ON n.id = x.node_id WHERE n.key = 'which' ORDER BY 1",
    )
    assert took == [(ids[0], "default"), (ids[1], "branch-3"), (ids[2], "default")]


@pytest.mark.parametrize("size", [10, 300])
def test_results_cost_one_statement_and_only_where_a_node_looks_at_them(database, runner, size):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, size, attributes={"text": "x"})
    enroll(database, tenant_id, apply_journey(database, tenant_id, RAW), contacts, at=START)
    loads = []
    for _ in range(3):
        with count_statements() as count:
            runner.run_batch(START)
        loads.append(sum("WITH wanted" in text for text in count.texts))
    assert loads == [0, 0, 1]


def test_a_message_may_quote_what_earlier_nodes_left(database, runner):
    raw = {
        "journey": "quote",
        "start": "ask",
        "nodes": {
            "ask": {"type": "wait_for", "event": "reply", "next": "say"},
            "say": {
                "type": "send_sms",
                "body": "You said {{ results.ask.text }} ({{ results['ask'].outcome }})",
                "next": "z",
            },
            "z": {"type": "end"},
        },
    }
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, 3)
    enroll(database, tenant_id, apply_journey(database, tenant_id, raw), contacts, at=START)
    runner.run_batch(START)
    signals = [
        Signal(tenant_id, one, "reply", {"text": f"no {n}"}) for n, one in enumerate(contacts)
    ]
    with database.transaction() as connection:
        assert send_signals(connection, signals, START) == 3
    runner.run_batch(START)
    assert runner.run_batch(START).messages == 3
    bodies = query(database, "SELECT body FROM messages ORDER BY body")
    assert bodies == [(f"You said no {n} (reply)",) for n in range(3)]


@pytest.mark.parametrize(
    "node",
    [
        {"type": "send_sms", "body": "{{ results.helo.segments }}", "next": "z"},
        {
            "type": "condition",
            "branches": [when("results.helo.segments", 2, "later")],
            "default": "z",
        },
    ],
)
def test_result_of_a_node_that_is_not_there_is_a_mistake(node):
    raw = {**RAW, "nodes": {**RAW["nodes"]}}
    raw["nodes"]["share"] = {**raw["nodes"]["share"], "branches": SHARES}
    raw["nodes"]["which"] = node
    with pytest.raises(DefinitionError) as caught:
        check_definition(raw)
    assert caught.value.problems == [
        "node 'which', field 'results.helo.segments': there is no node 'helo'"
    ]
