"""One batch of sends: lease, send, write down."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid4

import structlog

from config.settings import DELIVERY_RESERVE_S, Settings
from db.engine import Database
from db.queries import deliveries
from db.queries.deliveries import ClaimedMessage, SendResult
from jobs.deliveries.answers import NOT_TAKEN, Answer, Verdict, backoff_s
from jobs.deliveries.circuit import Circuit
from jobs.deliveries.gateway import SmsGateway
from jobs.deliveries.hours import NextHours, put_off
from jobs.deliveries.waiting import Outgoing

log = structlog.get_logger(__name__)

# A paused journey's message is looked at again after this.
PAUSED_WAIT_S = 15.0
# How often a run looks whether what it has not begun to send may still go.
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """Messages by what became of them.

    ``late`` ones were sent under a lease lost meanwhile; those ``put_off`` had missed the hours in
    which their contacts may be reached.
    ``more``: more was due, and the gateway takes messages, so that another run at once is of use.
    """

    claimed: int = 0
    sent: int = 0
    retried: int = 0
    failed: int = 0
    cancelled: int = 0
    late: int = 0
    put_off: int = 0
    more: bool = False


def run_deliveries(
    database: Database,
    settings: Settings,
    gateway: SmsGateway,
    next_hours: NextHours | None = None,
    now: datetime | None = None,
) -> DeliveryOutcome:
    """Send one batch: two statements, whatever its size, and one every half second between.

    At most two more where messages missed their hours.

    The lease is committed before the first send, so a worker killed in the middle has counted an
    attempt, and another sends again, with the same idempotency key, once the lease has run out.

    Args:
        database: where the messages are.
        settings: sizes, leases, tries.
        gateway: where they go.
        next_hours: knows the tenants' rules; None: what missed its hours is not sent, but waits for
            a run that knows them.
        now: the clock (aware); None for the database's.
    """
    allowance = gateway.circuit.allowance(settings.delivery_batch_size)
    if not allowance:
        return DeliveryOutcome()
    lease_token = uuid4()
    deadline = monotonic() + settings.delivery_lease_s - DELIVERY_RESERVE_S
    with database.transaction() as connection:
        claimed = deliveries.claim_messages(
            connection,
            batch_size=allowance,
            max_attempts=settings.delivery_max_attempts,
            lease_token=lease_token,
            lease_s=settings.delivery_lease_s,
            paused_wait_s=PAUSED_WAIT_S,
            now=now,
        )
        stale = [message for message in claimed if message.stale]
        if stale and next_hours:
            put_off(connection, stale, next_hours)
    sending = [message for message in claimed if message.status == "SENDING"]
    closed = Counter(message.status for message in claimed)
    more = any(message.more_due for message in claimed)
    if not sending:
        return DeliveryOutcome(
            failed=closed["FAILED"], cancelled=closed["CANCELLED"], put_off=len(stale), more=more
        )

    tenant_ids = {message.id: message.tenant_id for message in sending}

    def look_again(ids: Sequence[UUID]) -> list[UUID]:
        with database.transaction() as connection:
            return deliveries.find_withdrawn(
                connection, lease_token, [(tenant_ids[id_], id_) for id_ in ids], now
            )

    answers = gateway.send_all(
        [Outgoing(m.id, m.to_number, m.from_number, m.body) for m in sending],
        deadline=deadline,
        look_again=look_again,
        look_every_s=LOOK_EVERY_S,
    )
    reached = _note(gateway.circuit, answers)

    with database.transaction() as connection:
        applied = Counter(
            deliveries.apply_results(
                connection, lease_token, _results(sending, answers, settings), now
            ).values()
        )
    return DeliveryOutcome(
        claimed=len(sending),
        sent=applied["SENT"],
        retried=applied["QUEUED"],
        failed=applied["FAILED"] + closed["FAILED"],
        cancelled=closed["CANCELLED"],
        late=len(sending) - applied.total(),
        put_off=len(stale),
        more=more and reached,
    )


def _note(circuit: Circuit, answers: Sequence[Answer]) -> bool:
    """Tell the circuit what a batch learned of the gateway: whether it takes messages.

    A batch in which nothing was tried has learned nothing, and doesn't say that it does.
    """
    tried = [answer for answer in answers if answer.verdict is not Verdict.UNSENT]
    reached = any(answer.verdict not in NOT_TAKEN for answer in tried)
    if tried:
        circuit.record(reached=reached)
    denied = [answer.reason for answer in tried if answer.verdict is Verdict.DENIED]
    if denied:
        log.error("gateway_denies", messages=len(denied), reason=denied[0])
    elif tried and not reached:
        log.warning("gateway_unreachable", messages=len(tried))
    return reached


def _results(
    messages: Sequence[ClaimedMessage], answers: Sequence[Answer], settings: Settings
) -> list[SendResult]:
    taken = any(answer.verdict is Verdict.SENT for answer in answers)
    return [
        decide(message, answer, settings, others_taken=taken)
        for message, answer in zip(messages, answers, strict=True)
    ]


def decide(
    message: ClaimedMessage, answer: Answer, settings: Settings, *, others_taken: bool
) -> SendResult:
    """What becomes of a message after an answer: sent, failed, or queued again; pure.

    ``others_taken``: the gateway took others of the batch, so that one it denied is itself to
    blame, and each try counts.
    """
    status, wait_s, unsent = "QUEUED", 0.0, 0
    match answer.verdict:
        case Verdict.SENT:
            status = "SENT"
        case Verdict.REFUSED:
            status = "FAILED"
        case Verdict.UNSENT:
            unsent = 1
        case Verdict.RETRY | Verdict.UNREACHABLE | Verdict.DENIED:
            wait_s = max(backoff_s(message.attempts, settings.delivery_backoff_s), answer.wait_s)
            if answer.verdict is Verdict.UNREACHABLE or (
                answer.verdict is Verdict.DENIED and not others_taken
            ):
                unsent = 1
            elif message.attempts >= settings.delivery_max_attempts:
                status = "FAILED"
    reason = answer.reason.replace(message.body, "…") if answer.reason else None
    return SendResult(
        message.tenant_id, message.id, status, answer.provider_id, reason, wait_s, unsent
    )
