"""Leads that journeys score, in a real database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from db.counter import count_statements
from db.queries.journeys.rows import LeadRow
from jobs.journeys.batch import StepRunner
from jobs.journeys.decide import DecidedGroup
from jobs.journeys.decisions import Advance, ScoreLead
from jobs.journeys.leads import scored
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query
from tests.jobs.journeys.steps import NOW, STEP, step_of

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
JOURNEY = {
    "journey": "leads",
    "start": "score",
    "nodes": {
        "score": {
            "type": "score_lead",
            "weights": {"keywords": 50, "category": 30, "recency": 20},
            "keywords_wanted": 2,
            "fresh_days": 10,
            "attribute": "worth",
            "branches": [
                {"at_least": 70, "next": "hot"},
                {"at_least": 40, "next": "warm"},
                {"at_least": 0, "next": "cold"},
            ],
        },
        "hot": {"type": "send_sms", "body": "Worth {{ results.score.score }}", "next": "warm"},
        "warm": {"type": "goal"},
        "cold": {"type": "end"},
    },
}
LEADS = "SELECT text, status, score, scored_at FROM leads ORDER BY text, scraped_at"


def make_services(database, tenant_id, *services):
    """Insert (category, price, keywords)."""
    for category, price, keywords in services:
        query(
            database,
            "INSERT INTO services (tenant_id, name, category, price, currency, keywords)"
            " VALUES (%s, 'S', %s, %s, 'USD', %s)",
            tenant_id, category, price, keywords,
        )  # fmt: skip


def make_lead(database, tenant_id, contact_id, text, *, category=None, age_days=0, status="NEW"):
    query(
        database,
        "INSERT INTO leads (tenant_id, contact_id, category, text, scraped_at, status)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        tenant_id, contact_id, category, text, START - timedelta(days=age_days), status,
    )  # fmt: skip


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


@pytest.fixture
def acme(database):
    """(tenant_id, contact ids, journey) of a tenant that mends roofs."""
    tenant_id = make_tenant(database)
    make_services(database, tenant_id, ("Roofing", 900, ["roof repair", "leak"]))
    contacts = make_contacts(database, tenant_id, 3)
    return tenant_id, contacts, apply_journey(database, tenant_id, JOURNEY)


def test_leads_are_scored_and_lead_down_their_branches(database, runner, acme):
    tenant_id, contacts, journey = acme
    make_lead(database, tenant_id, contacts[0], "A leak: roof repair?", category="roofing")
    make_lead(database, tenant_id, contacts[1], "A leak", age_days=5)
    make_lead(database, tenant_id, contacts[2], "Hello", age_days=50)
    enroll(database, tenant_id, journey, contacts, at=START)

    assert runner.run_batch(START).completed == 3

    assert query(database, LEADS) == [
        ("A leak", "PROCESSED", 35, START),
        ("A leak: roof repair?", "PROCESSED", 100, START),
        ("Hello", "PROCESSED", 0, START),
    ]
    worth = query(database, "SELECT attributes ->> 'worth' FROM contacts ORDER BY phone_number")
    assert worth == [("100",), ("35",), ("0",)]
    assert query(
        database,
        "SELECT outcome, result FROM journey_node_executions ORDER BY (result ->> 'score')::int",
    ) == [("cold", {"score": 0}), ("cold", {"score": 35}), ("hot", {"score": 100})]
    assert runner.run_batch(START).messages == 1
    assert query(database, "SELECT body FROM messages") == [("Worth 100",)]


def test_of_several_leads_the_latest_that_nobody_has_looked_at(database, runner, acme):
    tenant_id, (contact, other, _), journey = acme
    make_lead(database, tenant_id, contact, "1 leak", age_days=3)
    make_lead(database, tenant_id, contact, "2 leak", age_days=2)
    make_lead(database, tenant_id, contact, "3 leak", age_days=1, status="CONVERTED")
    make_lead(database, tenant_id, other, "4 leak")
    make_lead(database, make_tenant(database, "other"), None, "5 leak")
    enroll(database, tenant_id, journey, [contact], at=START)
    runner.run_batch(START)
    assert [(text, status) for text, status, score, _ in query(database, LEADS) if score] == [
        ("2 leak", "PROCESSED")
    ]


def test_a_status_given_meanwhile_stands(database, runner, acme, monkeypatch):
    import jobs.journeys.leads as module  # noqa: PLC0415

    tenant_id, (contact, *_), journey = acme
    make_lead(database, tenant_id, contact, "leak")
    enroll(database, tenant_id, journey, [contact], at=START)
    write = module.queries.score_leads

    def after_somebody_else(*given):
        query(database, "UPDATE leads SET status = 'CONVERTED'")
        write(*given)

    monkeypatch.setattr(module.queries, "score_leads", after_somebody_else)
    runner.run_batch(START)
    assert query(database, LEADS) == [("leak", "CONVERTED", 45, START)]


def test_contacts_without_a_lead_are_scored_by_their_fields(database, runner):
    raw = {**JOURNEY, "nodes": {**JOURNEY["nodes"]}}
    raw["nodes"]["score"] = {
        **raw["nodes"]["score"],
        "fields": ["attributes.wants", "tags"],
        "category_field": "data.kind",
        "missing": "cold",
    }
    tenant_id = make_tenant(database)
    make_services(database, tenant_id, ("Roofing", 900, ["roof repair", "leak"]))
    wants = make_contacts(
        database, tenant_id, 1, attributes={"wants": "Roof repair"}, tags=["leak"]
    )
    nothing = make_contacts(database, tenant_id, 1, start=5)
    journey = apply_journey(database, tenant_id, raw)
    enroll(database, tenant_id, journey, wants, at=START, data={"kind": "roofing"})
    enroll(database, tenant_id, journey, nothing, at=START)
    assert runner.run_batch(START).completed == 2
    left = query(database, "SELECT outcome, result FROM journey_node_executions ORDER BY 1")
    assert left == [("hot", {"score": 100}), ("missing", None)]


def test_prices_are_asked_for_once_and_seen_anew_when_caches_are_cleared(database, runner, acme):
    tenant_id, contacts, journey = acme
    asked = []
    for n, contact in enumerate(contacts):
        make_lead(database, tenant_id, contact, "a gutter")
        enroll(database, tenant_id, journey, [contact], node="score", at=START)
        if n == 1:
            make_services(database, tenant_id, (None, 50, ["gutter"]))
        if n == 2:
            database.caches.clear()
        with count_statements() as count:
            runner.run_batch(START)
        asked.append(sum("s.currency" in text for text in count.texts))
    assert asked == [1, 0, 1]
    assert [score for *_, score, _ in query(database, LEADS)] == [20, 20, 45]


def test_a_tenant_that_sells_nothing_and_one_whose_services_are_not_active(database, runner):
    for slug in ("none", "former"):
        tenant_id = make_tenant(database, slug)
        if slug == "former":
            make_services(database, tenant_id, (None, 1, ["leak"]))
            query(database, "UPDATE services SET active = false")
        contacts = make_contacts(database, tenant_id, 1)
        make_lead(database, tenant_id, contacts[0], "leak")
        enroll(database, tenant_id, apply_journey(database, tenant_id, JOURNEY), contacts, at=START)
    with count_statements() as count:
        assert runner.run_batch(START).completed == 2
    assert [score for *_, score, _ in query(database, LEADS)] == [20, 20]
    assert sum("s.currency" in text for text in count.texts) == 1


def test_a_lead_that_two_journeys_score_is_written_once():
    lead = LeadRow(UUID(int=9), None, "", NOW)
    first, second = (
        STEP._replace(id=n, lead=lead, scheduled_at=NOW + timedelta(hours=n)) for n in (1, 2)
    )
    groups = [
        (step, DecidedGroup(Advance("hot", effects=(ScoreLead(score, "SEEN"),)), [step]))
        for step, score in ((second, 2), (first, 1), (step_of(UUID(int=5)), 3))
    ]
    assert [tuple(one) for one in scored(groups)] == [(STEP.tenant_id, lead.id, 2, "SEEN")]


@pytest.mark.parametrize("size", [100, 5000])
def test_statements_do_not_grow_with_the_leads(database, runner, acme, size):
    tenant_id, _, journey = acme
    figures = []
    for n in range(2):
        contacts = make_contacts(database, tenant_id, size, start=10 + n * size)
        query(
            database,
            "INSERT INTO leads (tenant_id, contact_id, text, scraped_at) SELECT tenant_id, id,"
            " 'leak ' || id, %s FROM contacts WHERE id = ANY(%s)",
            START,
            contacts,
        )
        enroll(database, tenant_id, journey, contacts, at=START)
        query(database, "DELETE FROM pending_executions WHERE node_id IN"
              " (SELECT id FROM journey_nodes WHERE key <> 'score')")  # fmt: skip
        outcome = runner.run_batch(START)
        assert outcome.completed == size
        figures.append(outcome.statements)
    # claim, nodes, tenants, leads, services, scores, contacts, next steps; then without the caches'
    assert figures == [8, 5]
