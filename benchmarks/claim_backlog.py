"""Claims from a backlog of 5,000,000 steps, over dead tuples, and beside an old snapshot."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import seeding
from benchmarks.claims import TimedRunner, timed_runner
from benchmarks.options import Options, run
from benchmarks.reporting import Report, Target
from benchmarks.stack import Servers, benchmark_servers, connected
from benchmarks.statements import benchmark_statement
from benchmarks.timing import alternate, median, ratio, say, spread
from config.settings import Settings
from db.engine import Connection, Database

_TENANTS = 100
_CONTACTS_EACH = 500
_BATCH = 1000
_FEW = 50_000


def _backlog(servers: Servers, name: str, pending: int, consumed: int) -> Settings:
    """A database with ``pending`` steps due, and the dead tuples of ``consumed`` others before.

    They stay: autovacuum leaves the table alone.
    """
    settings = servers.settings(name, batch_size=_BATCH)
    database = Database(settings, min_size=1, max_size=2)
    with connected(settings) as connection:
        tenants = seeding.enrolled_tenants(connection, database, _TENANTS, _CONTACTS_EACH)
        connection.execute("ALTER TABLE pending_executions SET (autovacuum_enabled = false)")
        seeding.seed_steps(
            connection, tenants, pending + consumed, mix=["wait"], late_s=(3600, 86_400)
        )
        seeding.settle(connection)
        _consume(connection, consumed)
    database.close()
    return settings


def _consume(connection: Connection, steps: int) -> None:
    """Take steps out in order of time, 100 of each tenant at once, as batches do."""
    text = benchmark_statement("consume_steps")
    for _ in range(steps // (100 * _TENANTS)):
        connection.execute(text, {"each": 100})


@contextmanager
def _old_snapshot(settings: Settings) -> Iterator[None]:
    """Another session that looked once and has been open since."""
    with connected(settings) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM tenants")
        yield


def measure(options: Options) -> int:
    """Milliseconds of a claim of 1,000 steps, by what lies in its way."""
    pending, consumed, held, rounds = (
        (200_000, 50_000, 5_000, 5) if options.short else (5_000_000, 1_000_000, 200_000, 15)
    )
    with ExitStack() as stack:
        servers = stack.enter_context(benchmark_servers(options))
        report = Report("claim_backlog", options.short, servers.describe())
        say(f"seeding {_FEW} and {pending} + {consumed} steps")
        small = stack.enter_context(timed_runner(_backlog(servers, "few", _FEW, 0)))
        settings = _backlog(servers, "many", pending, consumed)
        large = stack.enter_context(timed_runner(settings))
        for runner in (small, large):  # caches, and the first look over what lies dead
            say(f"first claim: {runner.claim_ms():.1f} ms")
        figures = alternate({"few": small.claim_ms, "many": large.claim_ms}, rounds)
        beside = _beside_snapshot(settings, large, held, rounds)
    few_ms, many_ms = median(figures["few"]), median(figures["many"])
    report.add(f"{_FEW:,} pending", few_ms, "ms", note=spread(figures["few"]))
    report.add(
        f"{pending:,} pending, {consumed:,} dead", many_ms, "ms", note=spread(figures["many"])
    )
    report.add(
        "large to small backlog",
        ratio(figures["many"], figures["few"]),
        "×",
        Target(1.5, at_most=True),
    )
    before_ms, after_ms = median(beside["before"]), median(beside["after"])
    report.add("before the snapshot", before_ms, "ms", note=spread(beside["before"]))
    report.add(f"{held:,} consumed beside it", after_ms, "ms", note=spread(beside["after"]))
    report.add("beside the snapshot to before", after_ms / before_ms, "×", Target(2, at_most=True))
    report.add(
        "mean claim while they are consumed",
        sum(beside["during"]) / len(beside["during"]),
        "ms",
        note="the looks from the very bottom among them",
    )
    report.add("slowest of these", max(beside["during"]), "ms")
    return report.finish()


def _beside_snapshot(
    settings: Settings, runner: TimedRunner, held: int, rounds: int
) -> dict[str, list[float]]:
    before = [runner.claim_ms() for _ in range(rounds)]
    with _old_snapshot(settings):
        say(f"consuming {held} steps beside an old snapshot")
        during = runner.consume(held)
        after = [runner.claim_ms() for _ in range(rounds)]
    return {"before": before, "during": during, "after": after}


if __name__ == "__main__":
    sys.exit(run(measure))
