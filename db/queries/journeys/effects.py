"""What a batch writes; one function, one statement, whatever the number of rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from db.bulk import array_literal, array_literals
from db.engine import Connection
from db.queries.journeys.rows import (
    AdvancedGroup,
    BatchLine,
    CallScript,
    ContactChange,
    QueuedCall,
    QueuedMessage,
    StepRow,
)
from db.statements import statement


def advance_steps(
    connection: Connection,
    steps: Sequence[tuple[StepRow, int]],
    groups: Sequence[AdvancedGroup],
    now: datetime,
) -> None:
    """Move steps from what is due to what is done, their next steps in their place.

    Args:
        connection: in the transaction that claimed the steps.
        steps: each with the index of its group.
        groups: what all steps of a group share.
        now: when they were executed.
    """
    columns = [list(column) for column in zip(*groups, strict=True)]
    columns[2] = [None if result is None else Jsonb(result) for result in columns[2]]
    statuses, outcomes, results, errors, next_nodes, next_ats, wait_keys, next_errors = map(
        array_literal, columns
    )
    connection.execute(
        statement("journeys/advance_steps"),
        {
            "ctids": array_literal([step.ctid for step, _ in steps]),
            "ids": array_literal([step.id for step, _ in steps]),
            "groups": array_literal([group for _, group in steps]),
            "group_nos": array_literal(range(len(groups))),
            "group_statuses": statuses,
            "group_outcomes": outcomes,
            "group_results": results,
            "group_errors": errors,
            "group_next_nodes": next_nodes,
            "group_next_ats": next_ats,
            "group_next_wait_keys": wait_keys,
            "group_next_errors": next_errors,
            "now": now,
        },
    )


def reschedule_steps(
    connection: Connection, steps: Sequence[tuple[StepRow, datetime, int, str | None, str | None]]
) -> None:
    """Put steps off; each with its new time, the tries spent, why, and the event it waits for."""
    rows = [row[0] for row in steps]
    ats, tries, errors, wait_keys = array_literals([row[1:] for row in steps], 4)
    connection.execute(
        statement("journeys/reschedule_steps"),
        {
            "ctids": array_literal([step.ctid for step in rows]),
            "ids": array_literal([step.id for step in rows]),
            "ats": ats,
            "tries": tries,
            "errors": errors,
            "wait_keys": wait_keys,
        },
    )


def hold_steps(connection: Connection, steps: Sequence[tuple[StepRow, str]]) -> None:
    """Hold steps, each with why, and pause their enrollments, until those are resumed."""
    connection.execute(
        statement("journeys/hold_steps"),
        {
            "ctids": array_literal([step.ctid for step, _ in steps]),
            "ids": array_literal([step.id for step, _ in steps]),
            "reasons": array_literal([reason for _, reason in steps]),
        },
    )


def finish_enrollments(
    connection: Connection,
    enrollments: Sequence[tuple[UUID, int, str, str | None]],
    now: datetime,
) -> None:
    """Close enrollments: (tenant_id, id, status, error)."""
    tenant_ids, ids, statuses, errors = array_literals(enrollments, 4)
    connection.execute(
        statement("journeys/finish_enrollments"),
        {
            "tenant_ids": tenant_ids,
            "ids": ids,
            "statuses": statuses,
            "errors": errors,
            "now": now,
        },
    )


def queue_messages(
    connection: Connection,
    messages: Sequence[QueuedMessage],
    texts: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    """Queue messages; ``texts`` are (body, sender) by group."""
    bodies, senders = array_literals(texts, 2)
    tenants, contacts, journeys, enrollments, executions, groups, untils = array_literals(
        messages, 7
    )
    connection.execute(
        statement("journeys/queue_messages"),
        {
            "tenant_ids": tenants,
            "contact_ids": contacts,
            "journey_ids": journeys,
            "journey_contact_ids": enrollments,
            "execution_ids": executions,
            "groups": groups,
            "sendable_untils": untils,
            "group_nos": array_literal(range(len(texts))),
            "bodies": bodies,
            "senders": senders,
            "now": now,
        },
    )


def queue_calls(
    connection: Connection,
    calls: Sequence[QueuedCall],
    scripts: Sequence[CallScript],
    now: datetime,
) -> None:
    """Queue calls, ``scripts`` by group; a step that has one keeps it."""
    senders, extensions, ring_timeouts_s, variables = array_literals(
        [(*script[:3], Jsonb(script.variables)) for script in scripts], 4
    )
    tenants, contacts, journeys, enrollments, executions, groups, untils = array_literals(calls, 7)
    connection.execute(
        statement("journeys/queue_calls"),
        {
            "tenant_ids": tenants,
            "contact_ids": contacts,
            "journey_ids": journeys,
            "journey_contact_ids": enrollments,
            "execution_ids": executions,
            "groups": groups,
            "callable_untils": untils,
            "group_nos": array_literal(range(len(scripts))),
            "senders": senders,
            "extensions": extensions,
            "ring_timeouts_s": ring_timeouts_s,
            "variables": variables,
            "now": now,
        },
    )


def update_contacts(
    connection: Connection, changes: Sequence[ContactChange], now: datetime
) -> None:
    """Change contacts, each given once."""
    tenant_ids, contact_ids, fields, attributes, add_tags, remove_tags = array_literals(
        [(*change[:2], *map(Jsonb, change[2:])) for change in changes], 6
    )
    connection.execute(
        statement("journeys/update_contacts"),
        {
            "tenant_ids": tenant_ids,
            "contact_ids": contact_ids,
            "fields": fields,
            "attributes": attributes,
            "add_tags": add_tags,
            "remove_tags": remove_tags,
            "now": now,
        },
    )


def join_campaigns(connection: Connection, members: Sequence[tuple[UUID, UUID, str]]) -> None:
    """Add contacts to campaigns: (tenant_id, contact_id, the campaign's name).

    Raises:
        psycopg.errors.NotNullViolation: one of the campaigns doesn't exist.
    """
    _change_campaigns(connection, "journeys/join_campaigns", members)


def leave_campaigns(connection: Connection, members: Sequence[tuple[UUID, UUID, str]]) -> None:
    """Take contacts out of campaigns: (tenant_id, contact_id, the campaign's name)."""
    _change_campaigns(connection, "journeys/leave_campaigns", members)


def _change_campaigns(
    connection: Connection, name: str, members: Sequence[tuple[UUID, UUID, str]]
) -> None:
    tenant_ids, contact_ids, campaigns = array_literals(members, 3)
    connection.execute(
        statement(name),
        {"tenant_ids": tenant_ids, "contact_ids": contact_ids, "campaigns": campaigns},
    )


def enter_journeys(
    connection: Connection, entries: Sequence[tuple[UUID, UUID, str]], now: datetime
) -> None:
    """Enroll contacts: (tenant_id, contact_id, key of the journey).

    Raises:
        psycopg.errors.NotNullViolation: one of the journeys is unknown or not active.
    """
    tenant_ids, contact_ids, journeys = array_literals(entries, 3)
    connection.execute(
        statement("journeys/enter_journeys"),
        {
            "tenant_ids": tenant_ids,
            "contact_ids": contact_ids,
            "journeys": journeys,
            "now": now,
        },
    )


def record_batch(
    connection: Connection,
    batch_id: UUID,
    lines: Sequence[BatchLine],
    *,
    split: bool,
    statements: int,
    started_at: datetime,
) -> None:
    """Write the batch into the batch history."""
    names = BatchLine._fields
    arrays = array_literals([(*line[:-1], Jsonb(line.node_counts)) for line in lines], len(names))
    values = dict(zip(("tenant_ids", "journey_ids", *names[2:]), arrays, strict=True))
    connection.execute(
        statement("journeys/record_batch"),
        {
            **values,
            "batch_id": batch_id,
            "status": "SPLIT" if split else "COMPLETED",
            "statements": statements,
            "started_at": started_at,
        },
    )
