"""Contacts whose drafted replies are before people."""

from datetime import UTC, datetime, timedelta

from jobs.approvals import ApprovalDecision, decide_approvals
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
OVER = START + timedelta(hours=4)

JOURNEY = {
    "journey": "reply",
    "start": "review",
    "nodes": {
        "review": {
            "type": "approval",
            "draft": "Hi {{ first_name }}",
            "hours": 4,
            "approved": "send",
            "rejected": "no",
            "expired": "late",
            "priority": 3,
            "assign_to": "ann",
        },
        "send": {"type": "send_sms", "body": "{{ results.review.text }}", "next": "done"},
        "no": {"type": "update_contact", "add_tags": ["rejected"], "next": "done"},
        "late": {"type": "update_contact", "add_tags": ["late"], "next": "done"},
        "done": {"type": "end"},
    },
}


def asked(database, runner, count, *, raw=JOURNEY, slug="acme", at=START, **columns):
    """A tenant whose contacts' drafts are before people; returns (tenant_id, journey)."""
    tenant_id, journey = enrolled(
        database, count, raw=raw, slug=slug, at=at, **{"first_name": "Ada", **columns}
    )
    outcome = runner.run_batch(at)
    assert (outcome.claimed, outcome.rescheduled) == (count, count)
    return tenant_id, journey


def requests(database, tenant_id):
    """Ids of a tenant's requests, in order."""
    return [
        row[0]
        for row in query(
            database,
            "SELECT id FROM response_approvals WHERE tenant_id = %s ORDER BY id",
            tenant_id,
        )
    ]


def decide(database, *decisions, now=START):
    """Decide (tenant_id, id, action, by[, text]) in one transaction."""
    with database.transaction() as connection:
        return decide_approvals(
            connection, [ApprovalDecision(*decision) for decision in decisions], now
        )


def history(database):
    """(action, actor, old text, new text), in order."""
    return query(
        database, "SELECT action, actor, old_text, new_text FROM approval_history ORDER BY id"
    )


def queued(database):
    """Requests that are before a person."""
    return [row[0] for row in query(database, "SELECT approval_id FROM approval_queue ORDER BY id")]


def left_by(database):
    """How many left the node `review` by each outcome."""
    return dict(
        query(
            database,
            "SELECT x.outcome, count(*) FROM journey_node_executions x JOIN journey_nodes n"
            " ON n.id = x.node_id WHERE n.key = 'review' GROUP BY 1",
        )
    )
