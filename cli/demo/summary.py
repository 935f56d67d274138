"""What the demo did, in figures that come from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from cli.demo import gateway
from cli.output import print_fields, say
from cli.session import Session
from db.queries import demo as queries
from db.queries.runs import Run
from db.queries.tenants import Tenant


@dataclass(frozen=True)
class Summary:
    """``problems`` is empty if all went as it should."""

    asked: int
    tenants: Sequence[Tenant]
    imports: Sequence[Run]
    progress: queries.Progress
    rejected_reasons: Mapping[str, int]
    batches: queries.Batches
    history: queries.History
    gateway: gateway.Comparison

    @property
    def problems(self) -> list[str]:
        g, p = self.gateway, self.progress
        found = {
            "contacts were not imported": abs(self.asked - p.contacts),
            "contacts are not through": p.contacts - p.completed,
            "steps failed": self.history.steps_failed,
            "messages were not sent": p.messages_failed + p.messages_waiting,
            "messages count as sent but never reached the gateway": g.missing,
            "messages reached the gateway but don't count as sent": g.unexpected,
            "messages reached the gateway more than once": g.repeated,
        }
        return [f"{number:,} {what}" for what, number in found.items() if number]

    def as_json(self) -> dict[str, Any]:
        p, h, b = self.progress, self.history, self.batches
        return {
            "ok": not self.problems,
            "problems": self.problems,
            "tenants": [
                {"slug": t.slug, "region": t.region, "timezone": t.timezone} for t in self.tenants
            ],
            "contacts": {
                "imported": p.contacts,
                "rejected": sum(self.rejected_reasons.values()),
                "rejected_reasons": dict(self.rejected_reasons),
                "duplicates": self._duplicates,
                "through": p.completed,
            },
            "steps": {
                "executed": h.steps_completed + h.steps_skipped,
                "failed": h.steps_failed,
            },
            "messages": {"sent": p.messages_sent, "failed": p.messages_failed},
            "gateway": {**asdict(self.gateway), "exact": self.gateway.exact},
            "batches": {
                "count": b.batches,
                "statements_median": b.statements_median,
                "statements_max": b.statements_max,
            },
            "longest_lateness_ms": b.longest_late_ms,
            "duration_s": round(h.duration_s or 0, 3),
        }

    def print(self) -> None:
        """For a person."""
        p, h, b, g = self.progress, self.history, self.batches, self.gateway
        zones = ", ".join(f"{tenant.slug} ({tenant.timezone})" for tenant in self.tenants)
        rejected = sum(self.rejected_reasons.values())
        same = "the same messages, each once" if g.exact else "NOT what the database says"
        say("")
        print_fields(
            {
                "tenants": zones,
                "contacts imported": f"{p.contacts:,}",
                "rows rejected": f"{rejected:,}",
                **{f"  {why}": f"{rows:,}" for why, rows in self.rejected_reasons.items()},
                "duplicates left out": f"{self._duplicates:,}",
                "steps executed": f"{h.steps_completed + h.steps_skipped:,}",
                "messages sent": f"{p.messages_sent:,}",
                "gateway received": f"{g.received:,}: {same}",
                "batches": f"{b.batches:,}",
                "statements a batch": f"median {b.statements_median}, max {b.statements_max}",
                "longest lateness": f"{b.longest_late_ms:,} ms",
                "duration": f"{h.duration_s or 0:.1f} s",
            }
        )
        for problem in self.problems:
            say(f"PROBLEM: {problem}")

    @property
    def _duplicates(self) -> int:
        return sum(int((run.result or {}).get("duplicates", 0)) for run in self.imports)


def summarize(
    session: Session, tenants: Sequence[Tenant], imports: Sequence[Run], first: UUID, asked: int
) -> Summary:
    """Read all figures and ask the gateway; ``first`` is an id from before the first message."""
    taken = gateway.taken_since(session.settings, first)
    ids = [tenant.id for tenant in tenants]
    with session.database.transaction() as connection:
        messages = queries.list_messages(connection, ids)
        unknown = [key for key in taken if key not in messages]
        strangers = queries.find_messages(connection, unknown) if unknown else set()
        return Summary(
            asked=asked,
            tenants=tenants,
            imports=imports,
            progress=queries.measure_progress(connection, ids),
            rejected_reasons=queries.count_rejected_rows(connection, ids),
            batches=queries.measure_batches(connection, ids),
            history=queries.measure_history(connection, ids),
            gateway=gateway.compare(messages, taken, strangers),
        )
