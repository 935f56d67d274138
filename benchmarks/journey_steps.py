"""Journey steps: workers in batches of 1,000, one SQL statement a batch, peers one job a step."""

import sys
from contextlib import ExitStack
from uuid import UUID

from benchmarks import ceiling, seeding
from benchmarks.options import Options, run
from benchmarks.peers import PEERS, Peer
from benchmarks.reporting import Report, Target
from benchmarks.stack import (
    WORKERS,
    Servers,
    benchmark_servers,
    connected,
    processes,
    running_stack,
)
from benchmarks.timing import alternate, median, ratio, say, spread, wait_until
from config.settings import Settings
from db.engine import Connection, Database

BATCH_SIZE = 1000
_TENANTS = 10
_WITHIN_S = 60


class Side:
    """A database with enrolled contacts, in the same state before every round."""

    def __init__(self, servers: Servers, name: str, steps: int, contacts: int) -> None:
        self.settings: Settings = servers.settings(name, batch_size=BATCH_SIZE)
        self._steps = steps
        database = Database(self.settings, min_size=1, max_size=2)
        try:
            with connected(self.settings) as connection:
                self._tenants = seeding.enrolled_tenants(
                    connection, database, _TENANTS, contacts // _TENANTS
                )
        finally:
            database.close()

    def by_workers(self) -> float:
        """Steps a second of two worker processes, from the moment all steps are due."""
        with connected(self.settings) as connection:
            seeding.empty_steps(connection)
            with running_stack(self.settings):
                started = seeding.moment_ahead(connection, self._steps)
                seeding.seed_steps(connection, self._tenants, self._steps, due_at=started)
                seeding.settle(connection)
                seeding.await_moment(connection, started)
                self._await_done(connection)
                (ended,) = connection.execute("SELECT max(finished_at) FROM batch_runs").fetchone()
        return self._steps / (ended - started).total_seconds()

    def by_statement(self, connections: int) -> float:
        """Steps a second of one statement a batch."""
        with connected(self.settings) as connection:
            self._seed(connection)
        return ceiling.steps_per_second(
            self.settings,
            self._steps,
            connections=connections,
            batch_size=BATCH_SIZE,
            tenants=_TENANTS,
        )

    def by_peer(self, peer: Peer) -> float:
        """Steps a second of a peer's two processes, from the moment all jobs are in its queue."""
        with connected(self.settings) as connection:
            self._seed(connection)
            keys: list[tuple[UUID, int, int]] = connection.execute(
                "SELECT tenant_id, journey_contact_id, id FROM pending_executions"
                " ORDER BY scheduled_at"
            ).fetchall()
            peer.prepare(self.settings)
            with processes(self.settings, peer.commands(), "peer-", expected=WORKERS):
                deliver = peer.stage(self.settings, keys)
                started = seeding.clock(connection)
                deliver()
                self._await_done(connection)
                (ended,) = connection.execute(
                    "SELECT max(executed_at) FROM journey_node_executions"
                ).fetchone()
        return self._steps / (ended - started).total_seconds()

    def _seed(self, connection: Connection) -> None:
        seeding.empty_steps(connection)
        seeding.seed_steps(connection, self._tenants, self._steps)
        seeding.settle(connection)

    def _await_done(self, connection: Connection) -> None:
        """Wait until all steps are done, at little cost: when, the database has noted itself."""
        wait_until(
            lambda: (
                connection.execute(
                    "SELECT NOT EXISTS (SELECT FROM pending_executions"
                    " WHERE state = 'DUE' AND scheduled_at <= now())"
                ).fetchone()
                == (True,)
            ),
            timeout_s=_WITHIN_S,
            what=f"{self._steps} steps done",
        )
        done = connection.execute("SELECT count(*) FROM journey_node_executions").fetchone()
        if done != (self._steps,):
            raise RuntimeError(f"{done} of {self._steps} steps were done")


def measure(options: Options) -> int:
    """Journey steps a second: ours, one statement a batch, one job a step."""
    steps, peer_steps, rounds = (2_000, 200, 1) if options.short else (40_000, 3_000, 3)
    with ExitStack() as stack:
        servers = stack.enter_context(benchmark_servers(options))
        report = Report(
            "journey_steps",
            options.short,
            servers.describe(),
            packages=[peer.package for peer in PEERS],
        )
        say(f"seeding {steps} contacts a side")
        ours = Side(servers, "ours", steps, steps)
        statement = Side(servers, "statement", steps, steps)
        peers = {peer: Side(servers, f"peer_{peer.name}", peer_steps, steps) for peer in PEERS}
        sides = {
            "trunkline": ours.by_workers,
            "statement, 1 connection": lambda: statement.by_statement(1),
            "statement, 2 connections": lambda: statement.by_statement(2),
        }
        for peer, side in peers.items():
            sides[peer.name] = lambda peer=peer, side=side: side.by_peer(peer)
        figures = alternate(sides, rounds)
    speeds = {name: median(values) for name, values in figures.items()}
    for name, speed in speeds.items():
        report.add(name, speed, "steps/s", note=spread(figures[name]))
    best_peer = max((peer.name for peer in PEERS), key=speeds.__getitem__)
    best_statement = max((name for name in speeds if "statement" in name), key=speeds.__getitem__)
    report.add(
        "to one statement a batch",
        ratio(figures["trunkline"], figures[best_statement]),
        "×",
        Target(0.5),
        f"of {best_statement}",
    )
    report.add(
        "to one job a step",
        ratio(figures["trunkline"], figures[best_peer]),
        "×",
        Target(10),
        best_peer,
    )
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
