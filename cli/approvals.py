"""``trunkline approvals``: drafted replies that wait for a person's word."""

from typing import Annotated, Literal

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson, TenantSlug
from cli.output import print_json, print_table, say
from cli.session import open_session, parse_id, tenant_named
from db.queries.approvals import find_request, list_pending
from jobs.approvals import ApprovalDecision, DecidedApproval, decide_approvals

app = typer.Typer(help="Look at drafted replies that journeys wait for, and decide on them.")

ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="As `approvals list` shows it.")]
Name = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; it is kept.")]


@app.command("list")
def list_approvals(
    tenant: TenantSlug,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what waits for a decision, the most urgent first."""
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        with session.database.transaction() as connection:
            pending = list_pending(connection, owner.id, limit)
    if as_json:
        print_json(pending)
        return
    print_table(
        ("id", "priority", "for", "phone", "contact", "journey", "since", "expires", "draft"),
        [
            (
                *(one.id, one.priority, one.assigned_to, one.phone, one.contact, one.journey),
                *(one.created_at, one.expires_at, one.body),
            )
            for one in pending
        ],
    )


@app.command("approve")
def approve(approval_id: ApprovalId, by: Name, as_json: AsJson = False) -> None:
    """Let a draft go as it is."""
    _decide(approval_id, "approve", by, None, as_json=as_json)


@app.command("edit")
def edit(
    approval_id: ApprovalId,
    by: Name,
    text: Annotated[str, typer.Option("--text", help="What is sent instead of the draft.")],
    as_json: AsJson = False,
) -> None:
    """Let another text go in a draft's place."""
    _decide(approval_id, "edit", by, text, as_json=as_json)


@app.command("reject")
def reject(approval_id: ApprovalId, by: Name, as_json: AsJson = False) -> None:
    """Let nothing go."""
    _decide(approval_id, "reject", by, None, as_json=as_json)


def _decide(
    text_id: str,
    action: Literal["approve", "edit", "reject"],
    by: str,
    text: str | None,
    *,
    as_json: bool,
) -> None:
    approval_id = parse_id(text_id, "request for approval")
    with open_session() as session, session.database.transaction() as connection:
        tenant_id = find_request(connection, approval_id)
        if tenant_id is None:
            raise CommandError(f"there is no request for approval {approval_id}", BAD_INPUT)
        decision = ApprovalDecision(tenant_id, approval_id, action, by, text)
        (decided,) = decide_approvals(connection, [decision])
    if not decided.changed:
        raise CommandError(f"{approval_id} is {_told(decided)} already")
    if as_json:
        print_json(decided)
    else:
        say(f"{approval_id} is {_told(decided)}")


def _told(decided: DecidedApproval) -> str:
    by = f" by {decided.decided_by}" if decided.decided_by else ""
    return f"{decided.status}{by}"
