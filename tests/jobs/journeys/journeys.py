"""Journeys and enrollments that the tests of batches start from."""

import json

from jobs.journeys.definition import check_definition
from jobs.journeys.versions import apply_definition
from tests.factories import make_contacts, make_tenant

WELCOME = {
    "journey": "welcome",
    "start": "hello",
    "nodes": {
        "hello": {"type": "send_sms", "body": "Hi {{ first_name or 'there' }}!", "next": "pause"},
        "pause": {"type": "delay", "seconds": 5, "next": "which"},
        "which": {
            "type": "condition",
            "branches": [
                {"when": {"field": "attributes.plan", "op": "eq", "value": "pro"}, "next": "mark"}
            ],
            "default": "bye",
        },
        "mark": {
            "type": "update_contact",
            "set": {"status": "VIP", "attributes.seen": True},
            "add_tags": ["vip"],
            "next": "bye",
        },
        "bye": {"type": "send_sms", "body": "Bye {{ last_name }}", "next": "done"},
        "done": {"type": "end"},
    },
}

# Every node type, with all that its config can hold.
EVERY_TYPE = {
    "journey": "every-type",
    "name": "Every type ☎",
    "start": "hello",
    "nodes": {
        "hello": {"type": "send_sms", "body": "Hé {{ first_name }}\n☎", "next": "short"},
        "short": {"type": "delay", "seconds": 1.5, "next": "long"},
        "long": {"type": "delay", "days": 2, "hours": 3, "minutes": 4, "seconds": 5, "next": "day"},
        "day": {"type": "day", "day": 3, "at": "09:00:30.5", "next": "first"},
        "first": {
            "type": "day",
            "day": 1,
            "at": "09:00",
            "spread_minutes": 45,
            "window": {"from": "22:00", "to": "06:30", "weekdays": ["mon", 7]},
            "next": "morning",
        },
        "morning": {"type": "delay", "until": "08:15", "next": "renewal"},
        "renewal": {
            "type": "wait_until",
            "date": "attributes.renewal",
            "days": -3,
            "hours": 2,
            "minutes": -5,
            "at": "10:00",
            "window": {"from": "09:00", "to": "17:00"},
            "missing": "office",
            "next": "office",
        },
        "office": {"type": "wait_until", "window": {"weekdays": [1, 2, 3]}, "next": "which"},
        "which": {
            "type": "condition",
            "branches": [
                {
                    "when": {
                        "all": [
                            {"field": "attributes.n", "op": "in", "value": [1, 1.5, "x", True]},
                            {
                                "any": [
                                    {"field": "tags", "op": "contains", "value": "vip"},
                                    {"field": "email", "op": "is_set"},
                                    {"field": "enrolled_at", "op": "ge", "value": "2026-03-02"},
                                ]
                            },
                        ]
                    },
                    "next": "mark",
                },
                {"when": {"field": "attributes.n", "op": "eq", "value": True}, "next": "long"},
            ],
            "default": "done",
        },
        "mark": {
            "type": "update_contact",
            "set": {
                "status": "VIP",
                "last_name": None,
                "attributes.n": 1,
                "attributes.x": 1.5,
                "attributes.flag": False,
                "attributes.since": "2026-03-02",
            },
            "add_tags": ["vip", "☎"],
            "remove_tags": ["new"],
            "next": "share",
        },
        "share": {
            "type": "split",
            "branches": [
                {"weight": 70, "next": "ask", "name": "most"},
                {"weight": 30, "next": "ask"},
            ],
            "seed": "spring ☎",
        },
        "ask": {
            "type": "wait_for",
            "event": "reply",
            "next": "crm",
            "timeout": "done",
            "days": 1.5,
            "on_failure": "done",
        },
        "crm": {
            "type": "webhook",
            "url": "https://hooks.example/{{ attributes.id }}",
            "fields": ["first_name", "results.ask.outcome"],
            "payload": {"next": ["☎ {{ last_name }}", 1, None]},
            "next": "review",
            "refused": "done",
            "failed": "done",
        },
        "review": {
            "type": "approval",
            "draft": "Hé {{ first_name }}, {{ results.ask.text }}",
            "approved": "worth",
            "edited": "worth",
            "rejected": "lost",
            "expired": "done",
            "minutes": 30,
            "hours": 1.5,
            "days": 2,
            "priority": 7,
            "assign_to": "Ann ☎",
        },
        "worth": {
            "type": "score_lead",
            "weights": {"keywords": 5, "category": 3, "price": 2, "recency": 1},
            "keywords": ["asap", "très ☎ urgent"],
            "keywords_wanted": 2,
            "price_bands": [
                {"at_least": 99.9, "points": 100},
                {"at_least": 0, "points": 10},
            ],
            "currency": "USD",
            "fresh_days": 7.5,
            "fields": ["attributes.interest", "tags"],
            "category_field": "attributes.category",
            "attribute": "worth",
            "status": "SCORED",
            "branches": [
                {"at_least": 70, "next": "won"},
                {"at_least": 40, "next": "lost", "name": "so-so"},
                {"at_least": 0, "next": "lost"},
            ],
            "missing": "lost",
        },
        "won": {"type": "add_to_campaign", "campaign": "Won ☎", "next": "lost"},
        "lost": {"type": "remove_from_campaign", "campaign": "Open", "next": "again"},
        "again": {"type": "enroll", "journey": "welcome", "next": "phone"},
        "phone": {
            "type": "make_call",
            "sender": "random",
            "extension": "sales",
            "ring_seconds": 20,
            "variables": {"NAME": "{{ first_name }} ☎"},
            "answered": "goal",
            "none": "done",
            "next": "goal",
        },
        "goal": {"type": "goal"},
        "done": {"type": "end"},
    },
}


def apply_journey(database, tenant_id, raw=None):
    """Bring a journey into the database; returns the AppliedJourney."""
    return apply_definition(database, tenant_id, check_definition(raw or WELCOME))


_ENROLL = """
WITH node AS (
  SELECT id FROM journey_nodes
  WHERE tenant_id = %(tenant)s AND journey_id = %(journey)s AND version = %(version)s
    AND CASE WHEN %(node)s::text IS NULL THEN is_start ELSE key = %(node)s END
), entered AS (
  INSERT INTO journey_contacts (
    tenant_id, journey_id, contact_id, version, source, data, entered_at
  )
  SELECT
    %(tenant)s, %(journey)s, contact, %(version)s, 'manual', %(data)s, coalesce(%(at)s, now())
  FROM unnest(%(contacts)s::uuid[]) AS contact
  RETURNING id, entered_at AS at
)
INSERT INTO pending_executions (
  tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at
)
SELECT %(tenant)s, %(journey)s, entered.id, node.id, entered.at, entered.at FROM entered, node
"""


def enroll(database, tenant_id, journey, contact_ids, *, at=None, node=None, data=None):
    """Enroll contacts, each with a due step at the start node or the one named, at ``at``."""
    with database.transaction() as connection:
        connection.execute(
            _ENROLL,
            {
                "tenant": tenant_id,
                "journey": journey.id,
                "version": journey.version,
                "node": node,
                "contacts": contact_ids,
                "data": json.dumps(data or {}),
                "at": at,
            },
        )


def enrolled(database, count, *, slug="acme", raw=None, node=None, at=None, **columns):
    """A tenant with ``count`` contacts enrolled in a journey; returns (tenant_id, journey)."""
    tenant_id = make_tenant(database, slug)
    journey = apply_journey(database, tenant_id, raw)
    contacts = make_contacts(database, tenant_id, count, **columns)
    enroll(database, tenant_id, journey, contacts, node=node, at=at)
    return tenant_id, journey


def query(database, text, *parameters):
    """All rows of a statement; of one that returns none, an empty list."""
    with database.transaction() as connection:
        cursor = connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []
