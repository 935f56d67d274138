"""A tenant with 100 steps due now and then, while another's million is being worked off."""

import random
import sys

from benchmarks import seeding
from benchmarks.options import Options, run
from benchmarks.reporting import Report, Target
from benchmarks.stack import benchmark_servers, connected, running_stack
from benchmarks.statements import benchmark_statement
from benchmarks.timing import median, percentile, say, wait_until
from config.settings import Settings
from db.engine import Connection, Database

_CONTACTS = 2_000
_SEED = 20_260_329
_FIRST_S = 5
_GRACE_S = 60


def _lateness_s(settings: Settings, backlog: int, quiet: int, within_s: float) -> list[float]:
    """Seconds from when each of the quiet tenant's steps was due until it was executed."""
    database = Database(settings, min_size=1, max_size=2)
    with connected(settings) as connection:
        noisy, other = seeding.enrolled_tenants(connection, database, 2, _CONTACTS)
        database.close()
        seeding.seed_steps(connection, [noisy], backlog)
        seeding.settle(connection)
        with running_stack(settings):
            moments = random.Random(_SEED)  # noqa: S311 - moments, not secrets
            connection.execute(
                benchmark_statement("seed_moments"),
                {
                    "tenant_id": other,
                    "after_s": [_FIRST_S + moments.random() * within_s for _ in range(quiet)],
                },
            )
            wait_until(
                lambda: _count(connection, other) == quiet,
                timeout_s=_FIRST_S + within_s + _GRACE_S,
                what="the quiet tenant's steps done",
            )
            say(f"the noisy tenant has {_left(connection, noisy):,} steps left")
        rows = connection.execute(
            "SELECT extract(epoch FROM executed_at - scheduled_at)::float"
            " FROM journey_node_executions WHERE tenant_id = %s",
            (other,),
        )
        return [lateness for (lateness,) in rows]


def _count(connection: Connection, tenant_id: object) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM journey_node_executions WHERE tenant_id = %s", (tenant_id,)
    ).fetchone()
    return count


def _left(connection: Connection, tenant_id: object) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM pending_executions WHERE tenant_id = %s AND scheduled_at <= now()",
        (tenant_id,),
    ).fetchone()
    return count


def measure(options: Options) -> int:
    """Seconds that a quiet tenant's steps are late beside a noisy one."""
    backlog, quiet, within_s = (20_000, 10, 2) if options.short else (1_000_000, 100, 60)
    with benchmark_servers(options) as servers:
        report = Report("noisy_neighbour", options.short, servers.describe())
        say(f"seeding {backlog} steps")
        late = _lateness_s(servers.settings("noisy"), backlog, quiet, within_s)
    report.add("p50 lateness", median(late), "s", note=f"{quiet} steps within {within_s} s")
    report.add("p99 lateness", percentile(late, 0.99), "s", Target(2, at_most=True))
    report.add("longest lateness", max(late), "s")
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
