"""Webhooks of journeys, from the step that asks to the branch its contact takes, over real HTTP."""

import asyncio
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle import contacts as people
from jobs.journeys.lifecycle import journeys as lives
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.nodes.webhook import GIVE_UP
from jobs.webhooks.batch import PAUSED_WAIT_S, WRITE_EVERY_S, WebhookOutcome, run_webhooks
from standalone.http_server import Response
from standalone.ports import LOOPBACK, free_port
from tests.factories import make_contacts
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(**later):
    return START + timedelta(**later)


def journey(url, **fields):
    return {
        "journey": "hooked",
        "start": "hook",
        "nodes": {
            "hook": {
                "type": "webhook",
                "url": url,
                "fields": ["phone_number"],
                "next": "which",
                "refused": "no",
                "failed": "lost",
                **fields,
            },
            "which": {
                "type": "condition",
                "branches": [
                    {
                        "when": {"field": "results.hook.answer.score", "op": "ge", "value": 5},
                        "next": "good",
                    }
                ],
                "default": "poor",
            },
            **{name: {"type": "end"} for name in ("good", "poor", "no", "lost")},
        },
    }


@pytest.fixture
def steps(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


@pytest.fixture
def asked(database, steps, service):
    """(count, **fields of the node) → tenant_id: contacts whose webhook calls are written down."""

    def ask(count=1, *, slug="acme", allow_private=True, url=None, **fields):
        raw = journey(url or service.url, **fields)
        tenant_id, _ = enrolled(database, count, slug=slug, raw=raw, at=START)
        query(
            database,
            "UPDATE tenants SET webhook_allow_private = %s WHERE id = %s",
            allow_private,
            tenant_id,
        )
        outcome = steps.run_batch(START)
        assert (outcome.webhooks, outcome.rescheduled) == (count, count)
        return tenant_id

    return ask


def ended(database):
    """Where contacts ended: name of the end → how many."""
    rows = query(
        database,
        "SELECT n.key FROM journey_node_executions x JOIN journey_nodes n ON n.id = x.node_id"
        " WHERE n.type = 'end'",
    )
    return dict(Counter(key for (key,) in rows))


def left(database):
    """(outcome, result) of every webhook step that is over."""
    return query(
        database,
        "SELECT x.status, x.outcome, x.result FROM journey_node_executions x"
        " JOIN journey_nodes n ON n.id = x.node_id WHERE n.key = 'hook'",
    )


def calls(database, columns="count(*)"):
    return query(database, f"SELECT {columns} FROM webhook_calls")


def go_on(steps, now):
    while steps.run_batch(now).claimed:
        pass


def test_a_contact_goes_on_by_what_the_service_answers(
    database, settings, client, service, steps, asked
):
    service.answer = lambda request: Response(
        200, {"score": int(json.loads(request.body)["fields"]["phone_number"][-1])}
    )
    tenant_id = asked(8)
    assert steps.run_batch(at(minutes=5)).claimed == 0  # nothing is left due

    outcome = run_webhooks(database, settings, client, START)

    assert outcome == WebhookOutcome(claimed=8, answered=8)
    assert calls(database) == [(0,)]
    go_on(steps, at(seconds=1))
    assert ended(database) == {"good": 3, "poor": 5}
    status, outcome, result = left(database)[0]
    assert (status, outcome) == ("COMPLETED", "success")
    assert result == {"status": 200, "answer": result["answer"], "attempts": 1}
    document = service.documents[0]
    assert document.keys() == {
        "id", "journey", "node", "contact_id", "enrollment_id", "execution_id", "fields",
    }  # fmt: skip
    assert (document["journey"], document["node"]) == ("hooked", "hook")
    assert service.requests[0].headers["idempotency-key"] == document["id"]
    assert query(
        database,
        "SELECT count(*) FROM journey_contacts jc JOIN contacts c ON c.id = jc.contact_id"
        " WHERE jc.tenant_id = %s AND jc.id = %s AND c.id = %s AND c.phone_number = %s",
        tenant_id,
        document["enrollment_id"],
        document["contact_id"],
        document["fields"]["phone_number"],
    ) == [(1,)]
    assert {d["execution_id"] for d in service.documents} == {
        row[0]
        for row in query(
            database,
            "SELECT x.id FROM journey_node_executions x JOIN journey_nodes n ON n.id = x.node_id"
            " WHERE n.key = 'hook'",
        )
    }


def test_the_signature_is_by_the_tenants_own_secret(database, settings, client, service, asked):
    asked(slug="acme")
    asked(slug="beta")
    secrets = {s for (s,) in query(database, "SELECT webhook_secret FROM tenants")}
    assert len(secrets) == 2
    assert all(len(secret) == 64 for secret in secrets)

    assert run_webhooks(database, settings, client, START).answered == 2

    signatures = [r.headers["trunkline-signature"] for r in service.requests]
    assert len(set(signatures)) == 2


def test_a_refusal_is_not_tried_again(database, settings, client, service, steps, asked):
    service.answer = lambda _request: Response(422, {"why": "no"})
    asked()

    assert run_webhooks(database, settings, client, START).answered == 1

    go_on(steps, at(seconds=1))
    assert ended(database) == {"no": 1}
    assert left(database) == [
        (
            "COMPLETED",
            "refused",
            {"status": 422, "answer": {"why": "no"}, "attempts": 1, "error": "HTTP 422"},
        )
    ]


def test_three_tries_a_second_apart_then_the_failure_branch(
    database, settings, client, service, steps, asked
):
    service.answer = lambda _request: Response(503, {})
    asked()
    for number in range(2):
        now = at(seconds=number)
        assert run_webhooks(database, settings, client, now).retried == 1
        assert calls(database, "attempts, due_at, lease_token, error") == [
            (number + 1, at(seconds=number + 1), None, "HTTP 503")
        ]
        almost = now + timedelta(seconds=0.99)
        assert run_webhooks(database, settings, client, almost).claimed == 0
    assert steps.run_batch(at(seconds=2)).claimed == 0

    assert run_webhooks(database, settings, client, at(seconds=2)).answered == 1

    assert len(service.requests) == 3
    assert len({r.headers["idempotency-key"] for r in service.requests}) == 1
    assert len({r.body for r in service.requests}) == 1
    go_on(steps, at(seconds=3))
    assert ended(database) == {"lost": 1}
    assert left(database) == [
        ("COMPLETED", "failed", {"status": 503, "answer": {}, "attempts": 3, "error": "HTTP 503"})
    ]


def test_an_outcome_without_a_branch_fails_the_step(
    database, settings, client, service, steps, asked
):
    service.answer = lambda _request: Response(404, {})
    asked(refused=None, on_failure="no")
    run_webhooks(database, settings, client, START)

    go_on(steps, at(seconds=1))

    assert ended(database) == {"no": 1}
    assert query(database, "SELECT error FROM journey_node_executions WHERE status = 'FAILED'") == [
        ("webhook refused: HTTP 404",)
    ]


def test_private_addresses_are_refused_unless_the_tenant_allows_them(
    database, settings, client, service, steps, asked
):
    asked(allow_private=False)

    assert run_webhooks(database, settings, client, START).answered == 1

    assert service.requests == []
    go_on(steps, at(seconds=1))
    assert ended(database) == {"no": 1}
    assert left(database)[0][2]["error"] == "the host's address is not one to be called"


def test_one_that_answers_at_once_does_not_wait_for_one_that_hangs(
    database, settings, client, service, steps, asked
):
    """Its answer is written while the other's is waited for, and wakes the scheduler."""
    written = threading.Event()

    async def hang_until_written():
        await asyncio.to_thread(written.wait, 60)
        return Response(200, {})

    service.answer = lambda request: (
        hang_until_written() if request.path == "/slow" else Response(200, {"score": 9})
    )
    asked(slug="quick")
    asked(slug="slow", url=service.url + "/slow")
    with psycopg.connect(settings.require("database_url"), autocommit=True) as listener:
        listener.execute("LISTEN trunkline")
        run = threading.Thread(target=run_webhooks, args=(database, settings, client, START))
        run.start()
        try:
            [notice] = listener.notifies(timeout=60, stop_after=1)
            assert notice.payload == "journeys"
            assert calls(database, "count(*), count(lease_token)") == [(1, 1)]
        finally:
            written.set()
            run.join(60)
    assert calls(database) == [(0,)]
    go_on(steps, at(seconds=1))
    assert ended(database) == {"good": 1, "poor": 1}


@pytest.mark.parametrize("size", [100, 5000])
def test_asking_costs_two_statements_whatever_the_number(database, steps, service, size):
    """One that writes the calls down, one that lets the steps wait."""
    tenant_id, hooked = enrolled(database, size, raw=journey(service.url), at=START)
    steps.run_batch(START)  # warms the caches
    more = make_contacts(database, tenant_id, size, start=size)
    enroll(database, tenant_id, hooked, more, at=START)

    with count_statements() as counted:
        outcome = steps.run_batch(START)

    assert (outcome.webhooks, counted.statements) == (size, 4), counted.texts
    assert calls(database, "count(*), count(DISTINCT id)") == [(2 * size, 2 * size)]


@pytest.mark.parametrize("size", [10, 300])
def test_answers_cost_one_statement_a_writing(database, settings, client, asked, size):
    wide = settings.model_copy(
        update={"webhook_concurrency": size, "webhook_tenant_concurrency": size}
    )
    asked(size)
    started = monotonic()
    with count_statements() as counted:
        outcome = run_webhooks(database, wide, client, START)
    looks = (monotonic() - started) / WRITE_EVERY_S

    assert outcome.answered == size
    claims = sum("RECURSIVE waiting" in text for text in counted.texts)
    writings = sum("result AS MATERIALIZED" in text for text in counted.texts)
    assert claims == 1
    assert 1 <= writings <= 1 + looks
    assert counted.statements == claims + writings


CHANGES = {
    "removed": (people.remove_contacts, 0),
    "do not contact": (
        people.forbid_contacts,
        0,
    ),
    "archived": (lambda database, tenant, _: lives.archive_journey(database, tenant, "hooked"), 0),
    "paused": (lambda database, tenant, _: lives.pause_journey(database, tenant, "hooked"), 1),
    "contacts paused": (
        people.pause_contacts,
        1,
    ),
    "suspended": (lambda database, tenant, _: lives.suspend_tenant(database, tenant), 1),
}


@pytest.mark.parametrize(("change", "waiting"), CHANGES.values(), ids=CHANGES)
def test_what_was_stopped_is_not_called(
    database, settings, client, service, asked, change, waiting
):
    tenant_id = asked()
    change(database, tenant_id, [row[0] for row in query(database, "SELECT id FROM contacts")])

    for later in (0, 1, PAUSED_WAIT_S, 2 * PAUSED_WAIT_S):
        assert run_webhooks(database, settings, client, at(seconds=later)).claimed == 0

    assert service.requests == []
    assert calls(database, "count(*), coalesce(sum(attempts), 0)") == [(waiting, 0)]


@pytest.mark.parametrize("stop", ["paused", "contacts paused", "suspended"])
def test_what_goes_on_is_called(database, settings, client, steps, asked, stop):
    tenant_id = asked()
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]
    CHANGES[stop][0](database, tenant_id, ids)
    run_webhooks(database, settings, client, START)
    query(database, "UPDATE tenants SET status = 'ACTIVE'")
    query(database, "UPDATE journeys SET status = 'ACTIVE'")
    query(database, "UPDATE journey_contacts SET status = 'ACTIVE'")
    query(database, "UPDATE pending_executions SET state = 'DUE'")

    assert run_webhooks(database, settings, client, at(seconds=PAUSED_WAIT_S)).answered == 1
    go_on(steps, at(seconds=PAUSED_WAIT_S))
    assert ended(database) == {"poor": 1}


@pytest.mark.parametrize("stop", ["paused", "contacts paused", "suspended"])
def test_a_pause_of_days_leaves_time_for_the_answer(database, settings, client, steps, asked, stop):
    tenant_id = asked()
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]
    CHANGES[stop][0](database, tenant_id, ids)
    run_webhooks(database, settings, client, START)
    now = datetime.now(UTC)  # long after START and a day
    run = Overdue("run")
    if stop == "paused":
        lives.resume_journey(database, tenant_id, "hooked", run)
    elif stop == "suspended":
        lives.resume_tenant(database, tenant_id, run)
    else:
        people.resume_contacts(database, tenant_id, ids, overdue=run)

    go_on(steps, now)
    assert ended(database) == {}
    assert run_webhooks(database, settings, client, now).answered == 1
    go_on(steps, now)
    assert ended(database) == {"poor": 1}


def test_a_step_of_an_archived_journey_is_told_and_goes_on_if_that_is_resumed(
    database, settings, client, steps, asked
):
    tenant_id = asked()
    lives.archive_journey(database, tenant_id, "hooked")
    assert run_webhooks(database, settings, client, START).claimed == 0
    assert calls(database) == [(0,)]

    lives.resume_journey(database, tenant_id, "hooked", Overdue("run"))
    go_on(steps, datetime.now(UTC))

    assert ended(database) == {"lost": 1}
    assert left(database)[0][1:] == ("failed", {"error": "the journey is archived"})


def test_a_contact_not_to_be_contacted_is_no_reason_not_to_call(
    database, settings, client, service, asked
):
    """A webhook reaches a service and not the contact."""
    asked()
    query(database, "UPDATE contacts SET do_not_contact = true")
    assert run_webhooks(database, settings, client, START).answered == 1
    assert len(service.requests) == 1


def test_an_answer_for_a_paused_contact_is_kept_until_it_goes_on(
    database, settings, client, service, steps, asked
):
    tenant_id = asked()
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]

    async def pause_first():
        await asyncio.to_thread(people.pause_contacts, database, tenant_id, ids)
        return Response(200, {"score": 7})

    service.answer = lambda _request: pause_first()
    assert run_webhooks(database, settings, client, START).answered == 1
    assert steps.run_batch(at(seconds=1)).claimed == 0
    people.resume_contacts(database, tenant_id, ids, overdue=None, now=START - timedelta(days=1))
    go_on(steps, at(seconds=1))
    assert ended(database) == {"good": 1}


def test_a_step_that_gets_no_answer_gives_up_and_its_call_is_dropped(
    database, settings, client, service, steps, asked
):
    asked()
    assert steps.run_batch(START + GIVE_UP - timedelta(seconds=1)).claimed == 0
    go_on(steps, START + GIVE_UP)
    assert ended(database) == {"lost": 1}
    assert left(database)[0][1:] == ("failed", {"error": "no answer within a day"})

    assert run_webhooks(database, settings, client, START + GIVE_UP).claimed == 0
    assert (service.requests, calls(database)) == ([], [(0,)])


def test_a_killed_worker_has_counted_a_try_and_another_calls_after_its_lease(
    database, settings, client, service, steps, asked
):
    asked()
    lease = timedelta(seconds=settings.webhook_timeout_s + 15)

    class Killed:
        def post(self, _call):
            raise KeyboardInterrupt

    now = START
    for tries in range(1, settings.webhook_max_attempts + 1):
        with pytest.raises(KeyboardInterrupt):
            run_webhooks(database, settings, Killed(), now)
        assert calls(database, "attempts, due_at") == [(tries, now + lease)]
        early = now + lease - timedelta(seconds=1)
        assert run_webhooks(database, settings, client, early).claimed == 0
        now += lease

    assert run_webhooks(database, settings, client, now).answered == 1

    assert service.requests == []  # three tries may have reached it
    go_on(steps, now)
    assert left(database) == [
        ("COMPLETED", "failed", {"attempts": 3, "error": "its worker was lost 3 times"})
    ]


def test_a_worker_that_is_stopped_leaves_what_has_no_answer_to_others(
    database, settings, client, service, steps, asked
):
    async def never():
        await asyncio.Event().wait()

    service.answer = lambda _request: never()
    asked(2)
    stopping = threading.Event()
    stopping.set()

    outcome = run_webhooks(database, settings, client, START, stopping)

    assert (outcome.claimed, outcome.retried) == (2, 2)
    service.answer = lambda _request: Response(200, {})
    assert run_webhooks(database, settings, client, at(seconds=1)).answered == 2
    go_on(steps, at(seconds=1))
    assert {result["attempts"] for _, _, result in left(database)} == {2}


def test_a_late_answer_of_a_lost_lease_counts_for_nothing(
    database, settings, client, service, steps, asked
):
    asked()

    def expire_and_call_again(_request):
        """Answer the first call only after another worker has got an answer."""
        service.answer = lambda _request: Response(200, {"score": 9})
        query(database, "UPDATE webhook_calls SET due_at = %s", START)

        async def after_the_other():
            other = await asyncio.to_thread(run_webhooks, database, settings, client, START)
            assert other.answered == 1
            return Response(404, {})

        return after_the_other()

    service.answer = expire_and_call_again
    outcome = run_webhooks(database, settings, client, START)

    assert (outcome.claimed, outcome.answered, outcome.late) == (1, 0, 1)
    go_on(steps, at(seconds=1))
    assert ended(database) == {"good": 1}
    assert len({r.headers["idempotency-key"] for r in service.requests}) == 1


def test_a_step_that_became_another_while_it_was_called_is_not_handed_the_answer(
    database, settings, client, service, asked
):
    """Moved to a version whose node of that name waits for something else, it keeps its id."""
    asked()

    def move_first(_request):
        query(database, "UPDATE pending_executions SET wait_key = 'reply'")
        return Response(200, {})

    service.answer = move_first
    assert run_webhooks(database, settings, client, START).answered == 1
    assert query(database, "SELECT signal FROM pending_executions") == [(None,)]


def test_a_call_whose_step_became_another_is_dropped(database, settings, client, service, asked):
    asked()
    query(database, "UPDATE pending_executions SET wait_key = 'reply'")

    assert run_webhooks(database, settings, client, START).claimed == 0

    assert calls(database) == [(0,)]
    assert query(database, "SELECT signal FROM pending_executions") == [(None,)]
    assert service.requests == []


def test_a_contact_whose_address_can_not_be_made_fails_alone(database, steps, service):
    enrolled(
        database,
        3,
        raw=journey(service.url + "/{{ attributes.id }}/x"),
        at=START,
        attributes={"id": "fine"},
    )
    query(
        database,
        'UPDATE contacts SET attributes = \'{"id": ".."}\' WHERE id ='
        " (SELECT id FROM contacts ORDER BY phone_number LIMIT 1)",
    )
    outcome = steps.run_batch(START)
    assert (outcome.webhooks, outcome.rescheduled) == (2, 3)  # one of them to be tried again
    assert calls(database, "DISTINCT url") == [(service.url + "/fine/x",)]
    assert query(database, "SELECT error FROM pending_executions WHERE attempts = 1") == [
        ("ValueError: the address is none for this contact",)
    ]


def test_a_document_the_database_refuses_fails_alone(database, steps, service):
    enrolled(
        database,
        3,
        raw=journey(
            service.url,
            payload={"x": "{{ '\\x00' if attributes.bad else 'fine' }}"},
            on_failure="no",
        ),
        at=START,
    )
    query(
        database,
        "UPDATE contacts SET attributes = '{\"bad\": true}' WHERE id ="
        " (SELECT id FROM contacts ORDER BY phone_number LIMIT 1)",
    )
    outcome = steps.run_batch(START)
    assert (outcome.webhooks, outcome.failed) == (2, 1)
    assert calls(database) == [(2,)]
    go_on(steps, at(seconds=1))
    assert ended(database) == {"no": 1}


def test_nobody_there_is_tried_again(database, settings, client, steps, asked):
    asked(url=f"http://{LOOPBACK}:{free_port()}")
    for number in range(3):
        run_webhooks(database, settings, client, at(seconds=number))
    go_on(steps, at(seconds=3))
    assert left(database) == [("COMPLETED", "failed", {"attempts": 3, "error": "no connection"})]


def test_secrets_and_addresses_are_in_no_error(database, settings, client, asked):
    asked(url="http://hooks.invalid/secret-path?token=secret")
    run_webhooks(database, settings, client, START)
    [(error,)] = calls(database, "error")
    assert "secret" not in error


def test_applying_a_journey_again_keeps_those_who_wait(database, settings, client, service, asked):
    tenant_id = asked()
    apply_journey(database, tenant_id, journey(service.url + "/other"))
    assert run_webhooks(database, settings, client, START).answered == 1
