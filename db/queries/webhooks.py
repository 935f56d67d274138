"""Statements on webhook calls that are to be made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import bulk
from db.engine import Connection
from db.statements import statement

WAIT_KEY = "webhook answer"
"""What a step waits for that has asked for a call; a word that no ``wait_for`` can name."""


class AskedCall(NamedTuple):
    """A call that a step asks for; ``group`` is the index of what is called."""

    tenant_id: UUID
    contact_id: UUID
    journey_id: UUID
    journey_contact_id: int
    execution_id: int
    node_id: int
    group: int


class ClaimedCall(NamedTuple):
    """A call the claim touched; one that is ``paused`` is not to be made.

    ``attempts`` counts the try that now begins. ``more_due`` says that its tenant had at least as
    many calls due as it could get.
    """

    tenant_id: UUID
    id: UUID
    url: str
    body: str
    attempts: int
    webhook_secret: str
    webhook_allow_private: bool
    paused: bool
    more_due: bool


class CallResult(NamedTuple):
    """What becomes of a call: its step gets ``answer``, or with None it is tried again.

    ``wait_s`` is the time until the next try in seconds, ``error`` why there is one.
    """

    tenant_id: UUID
    id: UUID
    answer: dict[str, Any] | None
    wait_s: float = 0.0
    error: str | None = None


class AppliedAnswers(NamedTuple):
    """How many calls were answered and are tried again, and how many steps got their answer."""

    answered: int
    again: int
    told: int


def ask_calls(
    connection: Connection,
    calls: Sequence[AskedCall],
    groups: Sequence[tuple[str, Mapping[str, Any]]],
    now: datetime,
) -> None:
    """Write down calls that are to be made; ``groups`` are (url, document)."""
    urls, documents = bulk.columns(groups, 2)
    tenants, contacts, journeys, enrollments, executions, nodes, numbers = bulk.columns(calls, 7)
    connection.execute(
        statement("webhooks/ask_calls"),
        {
            "tenant_ids": bulk.array_literal(tenants),
            "contact_ids": bulk.array_literal(contacts),
            "journey_ids": bulk.array_literal(journeys),
            "journey_contact_ids": bulk.array_literal(enrollments),
            "execution_ids": bulk.array_literal(executions),
            "node_ids": bulk.array_literal(nodes),
            "groups": bulk.array_literal(numbers),
            "group_nos": list(range(len(groups))),
            "urls": urls,
            "documents": list(map(Jsonb, documents)),
            "now": now,
        },
    )


def claim_calls(
    connection: Connection,
    *,
    batch_size: int,
    per_tenant: int,
    lease_token: UUID,
    lease_s: float,
    paused_wait_s: float,
    now: datetime | None = None,
) -> list[ClaimedCall]:
    """Lease due calls, and drop those that nobody waits for; ``now`` None: the database's clock."""
    with connection.cursor(row_factory=class_row(ClaimedCall)) as cursor:
        return cursor.execute(
            statement("webhooks/claim_calls"),
            {
                "batch_size": batch_size,
                "per_tenant": per_tenant,
                "lease_token": lease_token,
                "lease_s": lease_s,
                "paused_wait_s": paused_wait_s,
                "now": now,
            },
        ).fetchall()


def apply_answers(
    connection: Connection,
    lease_token: UUID,
    results: Sequence[CallResult],
    now: datetime | None = None,
) -> AppliedAnswers:
    """Write the results whose lease still holds, and hand the waiting steps their answers."""
    tenant_ids, ids, answers, waits_s, errors = bulk.columns(results, 5)
    row = connection.execute(
        statement("webhooks/apply_answers"),
        {
            "lease_token": lease_token,
            "tenant_ids": tenant_ids,
            "ids": ids,
            "answers": [None if answer is None else Jsonb(answer) for answer in answers],
            "waits_s": waits_s,
            "errors": errors,
            "now": now,
        },
    ).fetchone()
    return AppliedAnswers._make(row)  # type: ignore[arg-type]  # always a row
