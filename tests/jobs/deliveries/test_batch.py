"""Batches of sends against a real Postgres and a real HTTP server."""

import asyncio
import threading
import uuid
from collections import Counter
from time import monotonic

import pytest
import structlog.testing

from db.counter import count_statements
from jobs.deliveries.batch import LOOK_EVERY_S, DeliveryOutcome, run_deliveries
from jobs.deliveries.circuit import Circuit
from jobs.deliveries.gateway import SmsGateway
from jobs.deliveries.waiting import Outgoing
from standalone.http_server import Response
from standalone.ports import LOOPBACK, free_port
from tests.waiting import wait_until


def statuses(execute):
    return dict(execute("SELECT status, count(*) FROM messages GROUP BY status"))


def test_messages_are_sent_and_written_down(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    ids = queue_messages(tenant, 3, from_number="+15559990000")

    outcome = run_deliveries(database, settings, gateway)

    assert outcome == DeliveryOutcome(claimed=3, sent=3)
    assert {key for key, _, _ in carrier.posts} == set(map(str, ids))
    _, headers, message = carrier.posts[0]
    assert headers["authorization"] == "Bearer secret"
    assert message.keys() == {"to", "from", "body"}
    assert message["from"] == "+15559990000"
    rows = execute(
        "SELECT status, attempts, lease_token, error, provider_message_id LIKE 'sms-%',"
        " sent_at IS NOT NULL FROM messages"
    )
    assert set(rows) == {("SENT", 1, None, None, True, True)}


@pytest.mark.parametrize("count", [100, 2000])
def test_two_statements_and_one_for_each_half_second_whatever_the_size(
    database, settings, gateway, tenant, queue_messages, count
):
    queue_messages(tenant, count)
    settings = settings.model_copy(update={"delivery_batch_size": count})

    started = monotonic()
    with count_statements() as counted:
        outcome = run_deliveries(database, settings, gateway)

    assert outcome.sent == count
    looks = (monotonic() - started) / LOOK_EVERY_S
    assert 2 <= counted.statements <= 2 + looks


def test_more_is_said_while_a_tenant_has_more_than_its_share(
    database, settings, gateway, tenant, queue_messages
):
    queue_messages(tenant, 5)
    settings = settings.model_copy(update={"delivery_batch_size": 3})

    first = run_deliveries(database, settings, gateway)
    second = run_deliveries(database, settings, gateway)

    assert (first.sent, first.more) == (3, True)
    assert (second.sent, second.more) == (2, False)


def test_a_refusal_fails_its_message_alone(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    queue_messages(tenant, 3)
    [(refused,)] = execute("SELECT to_number FROM messages ORDER BY to_number LIMIT 1")
    carrier.answer = lambda message: (
        Response(422, {"error": f"{refused} does not want: {message['body']}"})
        if message["to"] == refused
        else Response(202, {"id": "x"})
    )

    outcome = run_deliveries(database, settings, gateway)

    assert (outcome.sent, outcome.failed) == (2, 1)
    [(error,)] = execute("SELECT error FROM messages WHERE status = 'FAILED'")
    assert error == f"HTTP 422: …{refused[-2:]} does not want: …"


def test_an_unlucky_send_is_tried_again_later_with_the_same_key(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    [message_id] = queue_messages(tenant, 1)
    carrier.answer = lambda _message: Response(503, {})

    outcome = run_deliveries(database, settings, gateway)

    assert (outcome.retried, outcome.more) == (1, False)
    [(status, attempts, later, error)] = execute(
        "SELECT status, attempts, extract(epoch FROM due_at - now()), error FROM messages"
    )
    assert (status, attempts, error) == ("QUEUED", 1, "HTTP 503")
    assert 1 < later <= settings.delivery_backoff_s
    assert run_deliveries(database, settings, gateway).claimed == 0

    execute("UPDATE messages SET due_at = now()")
    carrier.answer = lambda _message: Response(200, {"id": "x"})
    assert run_deliveries(database, settings, gateway).sent == 1
    assert [key for key, _, _ in carrier.posts] == [str(message_id)] * 2


def test_a_message_fails_after_its_last_try(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    queue_messages(tenant, 1, attempts=settings.delivery_max_attempts - 1)
    carrier.answer = lambda _message: Response(500, {})

    assert run_deliveries(database, settings, gateway).failed == 1
    assert statuses(execute) == {"FAILED": 1}


def test_silence_is_tried_again(database, settings, carrier, tenant, queue_messages, execute):
    async def never():
        await asyncio.Event().wait()

    queue_messages(tenant, 1)
    carrier.answer = lambda _message: never()
    hasty = SmsGateway(settings.model_copy(update={"delivery_timeout_s": 0.2}))

    outcome = run_deliveries(database, settings, hasty)
    hasty.close()

    assert outcome.retried == 1
    assert execute("SELECT error FROM messages") == [("no answer within 0.2 s",)]


def nobody_there(settings):
    return SmsGateway(
        settings.model_copy(update={"sms_gateway_url": f"http://{LOOPBACK}:{free_port()}"})
    )


def test_an_outage_spares_the_attempts_of_the_queue(
    database, settings, tenant, queue_messages, execute
):
    queue_messages(tenant, 300)
    nobody = nobody_there(settings)

    first = run_deliveries(database, settings, nobody)
    second = run_deliveries(database, settings, nobody)
    nobody.close()

    assert (first.retried, first.more) == (200, False)
    assert second == DeliveryOutcome()
    assert execute("SELECT DISTINCT status, attempts FROM messages") == [("QUEUED", 0)]
    waiting = "SELECT count(*) FROM messages WHERE due_at > now() AND error IS NOT NULL"
    assert execute(waiting) == [(settings.delivery_concurrency,)]


def test_no_outage_is_long_enough_to_lose_a_message(
    database, settings, gateway, tenant, queue_messages, execute
):
    queue_messages(tenant, 1)
    for _ in range(settings.delivery_max_attempts + 1):
        nobody = nobody_there(settings)
        assert run_deliveries(database, settings, nobody).retried == 1
        nobody.close()
        execute("UPDATE messages SET due_at = now()")

    assert run_deliveries(database, settings, gateway).sent == 1


@pytest.mark.parametrize("status", [308, 401, 403, 404, 405])
def test_a_wrong_token_or_url_costs_no_message(
    database, settings, carrier, tenant, queue_messages, execute, status
):
    queue_messages(tenant, 50)
    carrier.answer = lambda _message: Response(status, {"error": "not you"})
    for _ in range(settings.delivery_max_attempts + 1):
        gateway = SmsGateway(settings)
        with structlog.testing.capture_logs() as logged:
            denied = run_deliveries(database, settings, gateway)
        again = run_deliveries(database, settings, gateway)
        gateway.close()
        assert (denied.retried, denied.failed, denied.more) == (50, 0, False)
        assert again == DeliveryOutcome()  # until the circuit asks whether it is mended
        assert [(line["event"], line["log_level"]) for line in logged] == [
            ("gateway_denies", "error")
        ]
        assert logged[0]["reason"] == f"HTTP {status}: not you"
        execute("UPDATE messages SET due_at = now()")
    assert (
        len(carrier.posts) <= (settings.delivery_max_attempts + 1) * settings.delivery_concurrency
    )
    assert execute("SELECT DISTINCT status, attempts FROM messages") == [("QUEUED", 0)]

    carrier.answer = lambda _message: Response(200, {"id": "x"})
    gateway = SmsGateway(settings)
    assert run_deliveries(database, settings, gateway).sent == 50
    gateway.close()


def test_who_is_denied_while_others_are_taken_is_given_up_in_the_end(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    queue_messages(tenant, 1, from_number="+15559990000")
    carrier.answer = lambda message: (
        Response(403, {}) if message["from"] else Response(200, {"id": "x"})
    )
    tries = settings.delivery_max_attempts
    for number in range(tries):
        queue_messages(tenant, 3, start=1000 * (number + 1))
        outcome = run_deliveries(database, settings, gateway)
        assert (outcome.sent, outcome.failed) == (3, int(number == tries - 1))
        execute("UPDATE messages SET due_at = now()")

    assert execute("SELECT attempts, error FROM messages WHERE status = 'FAILED'") == [
        (tries, "HTTP 403")
    ]


def test_sends_that_could_outlast_the_lease_are_not_begun(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    queue_messages(tenant, 4)
    settings = settings.model_copy(update={"delivery_lease_s": 5.5})  # less than reserve + timeout

    outcome = run_deliveries(database, settings, gateway)

    assert outcome.retried == 4
    assert carrier.posts == []
    assert statuses(execute) == {"QUEUED": 4}
    assert execute("SELECT DISTINCT attempts FROM messages") == [(0,)]


def test_a_batch_without_a_try_is_no_proof_that_the_gateway_is_there(
    database, settings, gateway, tenant, queue_messages
):
    queue_messages(tenant, 4)
    hurried = settings.model_copy(update={"delivery_lease_s": 5.5})  # as above
    gateway.circuit = Circuit(0.0)
    gateway.circuit.record(reached=False)

    outcome = run_deliveries(database, hurried, gateway)

    assert (outcome.claimed, outcome.retried, outcome.more) == (1, 1, False)
    assert gateway.circuit.allowance(200) == 1


def test_what_is_paused_while_a_batch_is_sent_goes_no_more(
    database, settings, carrier, tenant, queue_messages, execute
):
    queue_messages(tenant, 3)
    one_at_a_time = SmsGateway(settings.model_copy(update={"delivery_concurrency": 1}))

    async def suspend_and_wait(logged):
        execute("UPDATE tenants SET status = 'SUSPENDED'")
        await asyncio.to_thread(wait_until, lambda: logged)
        return Response(200, {"id": "x"})

    with structlog.testing.capture_logs() as logged:
        carrier.answer = lambda _message: suspend_and_wait(logged)
        outcome = run_deliveries(database, settings, one_at_a_time)
    one_at_a_time.close()

    assert [(line["event"], line["messages"]) for line in logged] == [("sends_withdrawn", 2)]
    assert len(carrier.posts) == 1
    assert (outcome.claimed, outcome.sent, outcome.retried) == (3, 1, 2)
    assert statuses(execute) == {"SENT": 1, "QUEUED": 2}
    assert execute("SELECT DISTINCT attempts FROM messages WHERE status = 'QUEUED'") == [(0,)]


def test_a_batch_whose_statuses_can_not_be_looked_at_sends_no_further(settings, carrier, gateway):
    looked = threading.Event()

    async def after_the_look():
        await asyncio.to_thread(looked.wait)
        return Response(200, {"id": "x"})

    def lose_the_database(_ids):
        looked.set()
        raise ConnectionError

    carrier.answer = lambda _message: after_the_look()
    messages = [Outgoing(uuid.uuid4(), "+15550000001", None, "Hi") for _ in range(100)]
    with pytest.raises(ConnectionError):
        gateway.send_all(
            messages,
            deadline=monotonic() + 30,
            look_again=lose_the_database,
            look_every_s=0.001,
        )
    assert len(carrier.posts) <= settings.delivery_concurrency


def test_a_late_result_of_a_lost_lease_changes_nothing(
    database, settings, gateway, carrier, tenant, queue_messages, execute
):
    [message_id] = queue_messages(tenant, 1)

    def expire_and_claim_again(_message):
        """Answer the first send only after another worker has sent the message."""
        carrier.answer = lambda _message: Response(200, {"id": "second"})
        execute("UPDATE messages SET lease_until = now() - interval '1 s'")

        async def after_the_other():
            other = await asyncio.to_thread(run_deliveries, database, settings, gateway)
            assert other.sent == 1
            return Response(503, {})

        return after_the_other()

    carrier.answer = expire_and_claim_again
    outcome = run_deliveries(database, settings, gateway)

    assert (outcome.claimed, outcome.sent, outcome.retried, outcome.late) == (1, 0, 0, 1)
    assert execute("SELECT status, attempts, provider_message_id FROM messages") == [
        ("SENT", 2, "second")
    ]
    assert Counter(key for key, _, _ in carrier.posts) == {str(message_id): 2}
