from datetime import UTC, datetime, timedelta

from db.queries.journeys.versions import count_nodes
from jobs.journeys.batch import StepRunner
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def figures(database, tenant_id, journey):
    with database.transaction() as connection:
        rows = count_nodes(connection, tenant_id, journey.id)
    return {row.key: row[3:] for row in rows}


def test_figures_by_node_are_right_after_every_batch(database, settings):
    """Counted from the history of steps one by one, they are the same."""
    runner = StepRunner(database, settings.model_copy(update={"step_max_attempts": 1}))
    tenant_id, journey = enrolled(database, 10, at=START)
    enrolled(database, 3, slug="other", at=START)
    query(
        database,
        "UPDATE contacts SET attributes = '{\"plan\": \"pro\"}', last_name = 'L'"
        " WHERE right(phone_number, 1) < '4'",
    )
    query(database, "UPDATE contacts SET do_not_contact = true WHERE phone_number LIKE '%9'")
    query(
        database,
        'UPDATE journey_nodes SET config = config || \'{"body": "{{ last_name }}"}\''
        " WHERE key = 'bye'",
    )

    assert figures(database, tenant_id, journey)["hello"] == (10, 10, {}, 0, 0)
    later = START + timedelta(seconds=5)
    for now in [START, *[later] * 6]:
        runner.run_batch(now)
        for key, (entered, waiting, completed, skipped, failed) in figures(
            database, tenant_id, journey
        ).items():
            assert entered == waiting + sum(completed.values()) + skipped + failed, key
            assert recounted(database, tenant_id, key) == (waiting, completed, skipped, failed)

    assert figures(database, tenant_id, journey) == {
        "hello": (10, 0, {"next": 9}, 1, 0),
        "pause": (10, 0, {"next": 10}, 0, 0),
        "which": (10, 0, {"branch-1": 4, "default": 6}, 0, 0),
        "mark": (4, 0, {"next": 4}, 0, 0),
        "bye": (10, 0, {"next": 4}, 1, 5),
        "done": (5, 0, {"end": 5}, 0, 0),
    }


def recounted(database, tenant_id, key):
    rows = query(
        database,
        "SELECT status, outcome, count(*) FROM journey_node_executions x JOIN journey_nodes n"
        " ON n.id = x.node_id WHERE x.tenant_id = %s AND n.key = %s GROUP BY 1, 2",
        tenant_id,
        key,
    )
    ((waiting,),) = query(
        database,
        "SELECT count(*) FROM pending_executions p JOIN journey_nodes n ON n.id = p.node_id"
        " WHERE p.tenant_id = %s AND n.key = %s",
        tenant_id,
        key,
    )
    return (
        waiting,
        {outcome: count for status, outcome, count in rows if status == "COMPLETED"},
        sum(count for status, _, count in rows if status == "SKIPPED"),
        sum(count for status, _, count in rows if status == "FAILED"),
    )
