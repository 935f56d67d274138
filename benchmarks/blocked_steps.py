"""A thousand runnable steps beside 100,000 that a tenant's closed hours block, and alone."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

from benchmarks import seeding
from benchmarks.options import Options, run
from benchmarks.reporting import Report, Target
from benchmarks.stack import Servers, benchmark_servers, connected, running_stack
from benchmarks.timing import alternate, median, ratio, say, spread, wait_until
from config.settings import Settings
from db.engine import Connection, Database

_WITHIN_S = 120


class Blocked:
    """Two tenants: one whose hours are closed today, one whose steps may run."""

    def __init__(self, servers: Servers, runnable: int, contacts: int) -> None:
        self.settings: Settings = servers.settings("blocked")
        self._runnable = runnable
        database = Database(self.settings, min_size=1, max_size=2)
        with connected(self.settings) as connection:
            self._closed, self._open = seeding.enrolled_tenants(connection, database, 2, contacts)
            connection.execute(
                "INSERT INTO execution_rules (tenant_id, weekdays) VALUES (%s, %s)",
                (self._closed, [_another_weekday()]),
            )
        database.close()

    def milliseconds(self, blocked: int) -> float:
        """From the moment all steps are due until the last runnable one is done."""
        with connected(self.settings) as connection:
            seeding.empty_steps(connection)
            with running_stack(self.settings):
                started = seeding.moment_ahead(connection, self._runnable + blocked)
                self._seed(connection, self._open, self._runnable, started)
                if blocked:
                    self._seed(connection, self._closed, blocked, started)
                seeding.settle(connection)
                seeding.await_moment(connection, started)
                wait_until(
                    lambda: self._done(connection) == self._runnable,
                    timeout_s=_WITHIN_S,
                    what="runnable steps done",
                )
                (ended,) = connection.execute(
                    "SELECT max(finished_at) FROM batch_runs WHERE tenant_id = %s", (self._open,)
                ).fetchone()
        return (ended - started).total_seconds() * 1000

    def _seed(self, connection: Connection, tenant: UUID, steps: int, due_at: datetime) -> None:
        seeding.seed_steps(connection, [tenant], steps, mix=["hello"], due_at=due_at)

    def _done(self, connection: Connection) -> int:
        (done,) = connection.execute(
            "SELECT count(*) FROM journey_node_executions WHERE tenant_id = %s", (self._open,)
        ).fetchone()
        return done


def _another_weekday() -> int:
    """The ISO weekday three days from now: closed today, tomorrow and the day before."""
    return (datetime.now(UTC) + timedelta(days=3)).isoweekday()


def measure(options: Options) -> int:
    """Milliseconds until 1,000 runnable steps are done."""
    runnable, blocked, rounds = (200, 5_000, 1) if options.short else (1_000, 100_000, 3)
    with benchmark_servers(options) as servers:
        report = Report("blocked_steps", options.short, servers.describe())
        say("seeding")
        scene = Blocked(servers, runnable, 2_000)
        figures = alternate(
            {
                "alone": lambda: scene.milliseconds(0),
                "beside blocked": lambda: scene.milliseconds(blocked),
            },
            rounds,
        )
    alone, beside = median(figures["alone"]), median(figures["beside blocked"])
    report.add(f"{runnable:,} alone", alone, "ms", note=spread(figures["alone"]))
    report.add(
        f"{runnable:,} beside {blocked:,} blocked",
        beside,
        "ms",
        note=spread(figures["beside blocked"]),
    )
    report.add(
        "beside blocked to alone",
        ratio(figures["beside blocked"], figures["alone"]),
        "×",
        Target(1.5, at_most=True),
    )
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
