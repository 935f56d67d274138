"""One batch of webhook calls: lease, call, hand the steps their answers."""

import concurrent.futures
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from config.settings import Settings
from db.counter import uncounted
from db.engine import Database
from db.queries import webhooks
from db.queries.runs import notify
from db.queries.webhooks import AppliedAnswers, CallResult, ClaimedCall
from jobs.webhooks.answers import Answer, Verdict
from jobs.webhooks.client import Call, WebhookClient

# A paused journey's call is looked at again after this.
PAUSED_WAIT_S = 15.0
# Answers that came are written down so often: those of quick servers don't wait for slow ones.
WRITE_EVERY_S = 0.5
# Time of a lease beyond the last answer's, for writing it down.
_RESERVE_S = 15.0


@dataclass(frozen=True, slots=True)
class WebhookOutcome:
    """Calls by what became of them; ``late`` were those whose lease was lost meanwhile.

    ``more``: more was due, so that another run at once is of use.
    """

    claimed: int = 0
    answered: int = 0
    retried: int = 0
    late: int = 0
    more: bool = False


def run_webhooks(
    database: Database,
    settings: Settings,
    client: WebhookClient,
    now: datetime | None = None,
    stopping: threading.Event | None = None,
) -> WebhookOutcome:
    """Call one batch: all at once, in a statement to claim and one each time answers are written.

    The lease is committed before the first call, so a worker killed in the middle has counted a
    try, and another calls again, with the same idempotency key, once the lease has run out.

    Args:
        database: where the calls are.
        settings: sizes, tries, times.
        client: makes them.
        now: the clock (aware); None for the database's.
        stopping: once it is set, what has no answer is left to be tried again.
    """
    lease_token = uuid4()
    with database.transaction() as connection:
        claimed = webhooks.claim_calls(
            connection,
            batch_size=settings.webhook_concurrency,
            per_tenant=settings.webhook_tenant_concurrency,
            lease_token=lease_token,
            lease_s=settings.webhook_timeout_s + _RESERVE_S,
            paused_wait_s=PAUSED_WAIT_S,
            now=now,
        )
    more = any(call.more_due for call in claimed)
    calling = [call for call in claimed if not call.paused]
    if not calling:
        return WebhookOutcome(more=more)
    waiting = {_begin(client, call, settings): call for call in calling}
    applied = AppliedAnswers(0, 0, 0)
    try:
        while waiting:
            done, begun = concurrent.futures.wait(waiting, timeout=WRITE_EVERY_S)
            if stopping and stopping.is_set():
                done |= {answer for answer in begun if answer.cancel()}
            results = [decide(waiting.pop(answer), _came(answer), settings) for answer in done]
            if results:
                written = _write(database, lease_token, results, now)
                applied = AppliedAnswers(*map(sum, zip(applied, written, strict=True)))
    finally:
        for answer in waiting:
            answer.cancel()
    return WebhookOutcome(
        claimed=len(calling),
        answered=applied.answered,
        retried=applied.again,
        late=len(calling) - applied.answered - applied.again,
        more=more,
    )


def _begin(client: WebhookClient, call: ClaimedCall, settings: Settings) -> Future[Answer]:
    """Make the call; of one whose workers were lost too often, say so."""
    if call.attempts > settings.webhook_max_attempts:
        lost: Future[Answer] = Future()
        tries = call.attempts - 1
        lost.set_result(Answer(Verdict.FAILED, error=f"its worker was lost {tries} times"))
        return lost
    return client.post(
        Call(call.id, call.url, call.body, call.webhook_secret, call.webhook_allow_private)
    )


def _came(answer: Future[Answer]) -> Answer:
    if answer.cancelled():
        return Answer(Verdict.FAILED, error="its worker was stopped")
    return answer.result()


def decide(call: ClaimedCall, answer: Answer, settings: Settings) -> CallResult:
    """What becomes of a call after an answer: another try, or the answer for its step; pure."""
    if answer.verdict is Verdict.FAILED and call.attempts < settings.webhook_max_attempts:
        return CallResult(call.tenant_id, call.id, None, settings.webhook_retry_s, answer.error)
    told = {
        "outcome": answer.verdict.value,
        "attempts": min(call.attempts, settings.webhook_max_attempts),
        "status": answer.status,
        "answer": answer.said,
        "error": answer.error,
    }
    return CallResult(
        call.tenant_id, call.id, {name: value for name, value in told.items() if value is not None}
    )


def _write(
    database: Database, lease_token: UUID, results: Sequence[CallResult], now: datetime | None
) -> AppliedAnswers:
    """One transaction: the calls, their steps, and the word that steps are due."""
    with database.transaction() as connection:
        applied = webhooks.apply_answers(connection, lease_token, results, now)
        if applied.told:
            with uncounted():
                notify(connection, "journeys")
    return applied
