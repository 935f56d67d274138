from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from db.cache.registry import Caches
from db.counter import count_statements
from db.queries.journeys.claims import claim_steps
from db.queries.journeys.rows import NodeRow
from jobs.journeys.batch import StepRunner
from jobs.journeys.context import ContextLoader, place_nodes
from jobs.journeys.rules import DEFAULT_RULES, ExecutionRules, OpeningHours, quiet_hours
from tests.factories import set_rules
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def row(node_id, key, kind, config, edges):
    return NodeRow(UUID(int=1), UUID(int=2), 1, node_id, key, kind, config, edges, node_id == 1)


def test_edges_lead_to_ids_and_readers_fetch_what_nodes_ask_for():
    placed = place_nodes(
        [
            row(1, "wait", "delay", {"days": 1, "next": "day"}, {"next": "day"}),
            row(2, "day", "day", {"day": 2, "at": "09:00", "next": "sms"}, {"next": "sms"}),
            row(3, "sms", "send_sms", {"body": "{{ data.x }}", "next": "end"}, {"next": "end"}),
            row(4, "end", "end", {}, {}),
        ]
    )
    assert {key: node.next_ids for key, node in placed.items()} == {
        1: {"next": 2},
        2: {"next": 3},
        3: {"next": 4},
        4: {},
    }
    assert [[name for name, _ in node.readers] for node in placed.values()] == [
        ["entered_at"],
        ["enrolled_at", "zone"],
        ["data.x", "do_not_contact"],
        [],
    ]
    # The delay's facts tell when the day after it is due, in the contact's zone.
    assert [node.reads_contact for node in placed.values()] == [True, True, True, False]
    assert [name for name, _ in placed[2].due_readers] == ["enrolled_at", "zone"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row(1, "a", "fax", {}, {}), "'fax'"),
        (row(1, "a", "delay", {"next": "b"}, {"next": "b"}), "seconds"),
        (row(1, "a", "delay", {"days": 1, "next": "c"}, {"next": "c"}), "'c', which is not there"),
    ],
)
def test_node_that_can_not_be_used_says_why_and_spares_the_others(bad, words):
    placed = place_nodes([bad, row(2, "b", "delay", {"days": 1, "next": "a"}, {"next": "a"})])
    assert placed[1].node is None
    assert "node 'a'" in placed[1].problem
    assert words in placed[1].problem
    assert "\n" not in placed[1].problem
    assert placed[2].next_ids == {"next": 1}
    assert placed[2].problem is None


def test_edge_to_nothing_ends_the_journey():
    placed = place_nodes([row(1, "a", "delay", {"days": 1, "next": "b"}, {"next": None})])
    assert placed[1].next_ids == {"next": None}
    assert placed[1].problem is None


def set_zone(database, tenant_id, zone):
    query(database, "UPDATE tenants SET timezone = %s WHERE id = %s RETURNING 1", zone, tenant_id)


def load(database, loader):
    with database.transaction() as connection:
        steps = claim_steps(connection, 100, START)
        with count_statements() as count:
            context = loader.load(connection, steps)
    return context, count.statements


def test_context_is_loaded_once_and_then_comes_from_the_cache(database, settings):
    zones = {}
    for slug, zone in [("one", "Asia/Kathmandu"), ("two", "Europe/Berlin")]:
        tenant_id, _ = enrolled(database, 3, slug=slug, at=START)
        query(
            database, "UPDATE tenants SET timezone = %s WHERE id = %s RETURNING 1", zone, tenant_id
        )
        zones[tenant_id] = zone
    other = next(iter(zones))
    laid_down = {
        "weekdays": [1, 5],
        "opens_at": "09:00",
        "closes_at": "24:00",
        "outside": "skip",
        "quiet_starts_at": "22:00",
        "quiet_ends_at": "07:30",
        "resubmission": "pause",
        "resubmission_hours": 48,
        "max_messages_per_day": 2,
        "call_gap_minutes": 7,
    }
    with database.transaction() as connection:
        set_rules(connection, tenant_id, **laid_down)
        connection.execute("DELETE FROM execution_rules WHERE tenant_id <> %s", [tenant_id])
    loader = ContextLoader(settings, database.caches)
    context, statements = load(database, loader)
    assert statements == 2
    assert context.zones == zones
    assert context.rules == {
        tenant_id: ExecutionRules(
            OpeningHours(frozenset({1, 5}), time(9), None),
            "skip",
            quiet_hours(time(22), time(7, 30)),
            "pause",
            timedelta(hours=48),
            2,
            timedelta(minutes=7),
        ),
        other: DEFAULT_RULES,
    }
    assert len(context.nodes) == 12

    again, statements = load(database, loader)
    assert (again, statements) == (context, 0)
    database.caches.clear()
    anew, statements = load(database, loader)
    assert (anew.zones, anew.rules, statements) == (context.zones, context.rules, 2)


def test_tenant_with_a_zone_that_is_none_harms_no_other(database, settings):
    enrolled(database, 2, slug="good", at=START)
    bad, _ = enrolled(database, 2, slug="bad", at=START)
    set_zone(database, bad, "Narnia")
    with database.transaction() as connection:
        set_rules(connection, bad)  # its quiet hours are read in a zone
    outcome = StepRunner(database, settings).run_batch(START)
    assert (outcome.claimed, outcome.completed, outcome.rescheduled) == (4, 2, 2)
    assert query(
        database,
        "SELECT DISTINCT error, attempts FROM pending_executions WHERE tenant_id = %s",
        bad,
    ) == [("ValueError: unknown time zone 'Narnia'", 1)]


def test_enrollment_whose_data_is_no_object_harms_no_other(database, settings):
    raw = {
        "journey": "j",
        "start": "a",
        "nodes": {
            "a": {"type": "send_sms", "body": "x{{ data.n }}", "next": "b"},
            "b": {"type": "end"},
        },
    }
    enrolled(database, 3, raw=raw, at=START)
    query(database, "UPDATE journey_contacts SET data = '[]' WHERE id = 1 RETURNING 1")
    outcome = StepRunner(database, settings).run_batch(START)
    assert (outcome.completed, outcome.rescheduled) == (2, 1)


def test_a_row_of_defaults_is_as_none_at_all(database, settings):
    with_row, _ = enrolled(database, 1, slug="with", at=START)
    without, _ = enrolled(database, 1, slug="without", at=START)
    with database.transaction() as connection:
        set_rules(connection, with_row)
        connection.execute("DELETE FROM execution_rules WHERE tenant_id = %s", [without])
    context, _ = load(database, ContextLoader(settings, Caches()))
    assert context.rules == {with_row: DEFAULT_RULES, without: DEFAULT_RULES}
