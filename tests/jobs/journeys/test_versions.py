"""Journey files in a real database: new versions, old ones, and nodes as they come back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.queries.journeys.claims import load_nodes
from jobs.journeys.batch import StepRunner
from jobs.journeys.context import place_nodes
from jobs.journeys.definition import DefinitionError, check_definition, read_definition
from jobs.journeys.nodes.registry import NODE_TYPES
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import EVERY_TYPE, WELCOME, apply_journey, enroll, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def stored_nodes(database, tenant_id, journey):
    """{key: node} of the journey's version, as batches read them."""
    key = (tenant_id, journey.id, journey.version)
    with database.transaction() as connection:
        placed = place_nodes(load_nodes(connection, [key])[key])
    return {node.key: node.node for node in placed.values()}


def test_every_node_type_comes_back_as_it_was(database):
    tenant_id = make_tenant(database)
    definition = check_definition(EVERY_TYPE)
    assert {node.type for node in definition.nodes.values()} == set(NODE_TYPES)

    journey = apply_journey(database, tenant_id, EVERY_TYPE)
    assert stored_nodes(database, tenant_id, journey) == definition.nodes
    # Python takes 1 for True and 1.0: compare what is written, too.
    assert repr(stored_nodes(database, tenant_id, journey)["which"]) == repr(
        definition.nodes["which"]
    )
    assert query(database, "SELECT key, name, version, definition FROM journeys") == [
        ("every-type", "Every type ☎", 1, EVERY_TYPE)
    ]
    assert query(database, "SELECT key FROM journey_nodes WHERE is_start") == [("hello",)]


values = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(-1e15, 1e15),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.dates(),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values, fixed=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(-9, 9)))
def test_any_value_comes_back_as_it_was_and_is_no_change(database, value, fixed):
    tenants = query(database, "SELECT id FROM tenants")
    tenant_id = tenants[0][0] if tenants else make_tenant(database)
    raw = {
        "journey": "any",
        "start": "which",
        "nodes": {
            "which": {
                "type": "condition",
                "branches": [
                    {"when": {"field": "attributes.x", "op": "eq", "value": value}, "next": "mark"}
                ],
                "default": "done",
            },
            "mark": {"type": "update_contact", "set": {"attributes.x": fixed}, "next": "done"},
            "done": {"type": "end"},
        },
    }
    definition = check_definition(raw)
    journey = apply_journey(database, tenant_id, raw)
    assert repr(stored_nodes(database, tenant_id, journey)) == repr(definition.nodes)
    again = apply_journey(database, tenant_id, raw)
    assert (again.changed, again.version) == (False, journey.version)


def test_unchanged_file_makes_no_version(database, tmp_path):
    tenant_id = make_tenant(database)
    path = tmp_path / "journey.yaml"
    path.write_text(
        "journey: j\nstart: a\nnodes:\n"
        "  a: {type: condition, default: b, branches: [{next: b, when:"
        " {field: enrolled_at, op: ge, value: 2026-03-02}}]}\n"
        "  b: {type: delay, days: 1.50e0, next: c}\n"
        "  c: {type: end}\n"
    )
    first = apply_journey(database, tenant_id, read_definition(path).source)
    again = apply_journey(database, tenant_id, read_definition(path).source)
    assert (first.version, first.changed, first.nodes) == (1, True, 3)
    assert (again.version, again.changed, again.nodes) == (1, False, 3)
    assert again.id == first.id
    assert query(database, "SELECT count(*) FROM journey_nodes") == [(3,)]


def changed(raw, **nodes):
    return {**raw, "nodes": {**raw["nodes"], **nodes}}


@pytest.mark.parametrize(
    "raw",
    [
        {**WELCOME, "name": "Welcome!"},
        {**WELCOME, "start": "pause"}
        | {"nodes": {k: v for k, v in WELCOME["nodes"].items() if k != "hello"}},
        changed(WELCOME, pause={"type": "delay", "seconds": 6, "next": "which"}),
        changed(WELCOME, mark={**WELCOME["nodes"]["mark"], "set": {"attributes.seen": 1}}),
    ],
)
def test_changed_file_makes_the_next_version_and_leaves_the_old(database, raw):
    raw_before = changed(
        WELCOME, mark={**WELCOME["nodes"]["mark"], "set": {"attributes.seen": True}}
    )
    tenant_id = make_tenant(database)
    first = apply_journey(database, tenant_id, raw_before)
    second = apply_journey(database, tenant_id, raw)
    assert (second.id, second.version, second.changed) == (first.id, 2, True)
    assert stored_nodes(database, tenant_id, first) == check_definition(raw_before).nodes
    assert stored_nodes(database, tenant_id, second) == check_definition(raw).nodes
    assert query(database, "SELECT version, definition FROM journeys") == [(2, raw)]


def test_same_key_of_another_tenant_is_another_journey(database):
    journeys = [apply_journey(database, make_tenant(database, slug)) for slug in ("one", "two")]
    assert [journey.version for journey in journeys] == [1, 1]
    assert journeys[0].id != journeys[1].id


def test_new_version_keeps_the_journeys_status(database):
    tenant_id = make_tenant(database)
    apply_journey(database, tenant_id)
    query(database, "UPDATE journeys SET status = 'PAUSED' RETURNING 1")
    apply_journey(database, tenant_id, {**WELCOME, "name": "New"})
    assert query(database, "SELECT status, version FROM journeys") == [("PAUSED", 2)]


def test_contacts_in_flight_finish_on_the_version_they_entered(database, settings):
    runner = StepRunner(database, settings)
    tenant_id = make_tenant(database)
    early, late = make_contacts(database, tenant_id, 2)
    first = apply_journey(database, tenant_id)
    enroll(database, tenant_id, first, [early], at=START)
    runner.run_batch(START)  # has said hello, waits

    shorter = {
        **WELCOME,
        "nodes": {
            "hello": {"type": "send_sms", "body": "New hello", "next": "bye"},
            "bye": {"type": "send_sms", "body": "New bye", "next": "done"},
            "done": {"type": "end"},
        },
    }
    second = apply_journey(database, tenant_id, shorter)
    enroll(database, tenant_id, second, [late], at=START)
    while runner.run_batch(START + timedelta(seconds=5)).claimed:
        pass

    assert query(
        database,
        "SELECT jc.version, jc.status, array_agg(m.body ORDER BY m.id)"
        " FROM messages m JOIN journey_contacts jc ON jc.id = m.journey_contact_id"
        " GROUP BY jc.tenant_id, jc.id ORDER BY jc.id",
    ) == [
        (1, "COMPLETED", ["Hi there!", "Bye"]),
        (2, "COMPLETED", ["New hello", "New bye"]),
    ]
    assert query(
        database,
        "SELECT jc.version, array_agg(n.key ORDER BY x.created_at) FROM journey_node_executions x"
        " JOIN journey_nodes n ON n.id = x.node_id AND n.version IN (1, 2)"
        " JOIN journey_contacts jc ON jc.id = x.journey_contact_id AND jc.version = n.version"
        " GROUP BY jc.version ORDER BY jc.version",
    ) == [(1, ["hello", "pause", "which", "bye", "done"]), (2, ["hello", "bye", "done"])]


@pytest.mark.parametrize(
    ("node", "refused"),
    [
        ({"type": "day", "day": 1, "at": "09:00", "next": "z"}, True),
        ({"type": "delay", "until": "09:00", "next": "z"}, True),
        ({"type": "wait_until", "window": {"weekdays": [1]}, "next": "z"}, True),
        ({"type": "delay", "days": 1, "next": "z"}, False),
    ],
)
def test_zone_without_data_is_told_when_the_journey_is_applied(database, node, refused):
    tenant_id = make_tenant(database, timezone="America/Narnia")
    raw = {"journey": "j", "start": "a", "nodes": {"a": node, "z": {"type": "end"}}}
    if not refused:
        assert apply_journey(database, tenant_id, raw).changed
        return
    with pytest.raises(DefinitionError, match=r"node 'a' .*'America/Narnia'.*tzdata"):
        apply_journey(database, tenant_id, raw)
    assert query(database, "SELECT count(*) FROM journeys") == [(0,)]
