"""All contacts of a tenant into a journey: the enrollment, and one INSERT…SELECT."""

import sys
import time

from benchmarks import seeding
from benchmarks.options import Options, run
from benchmarks.reporting import Report, Target
from benchmarks.runs import seconds_of_run
from benchmarks.stack import Servers, benchmark_servers, connected
from benchmarks.statements import benchmark_statement
from benchmarks.timing import alternate, median, ratio, spread
from config.settings import Settings
from db.engine import Database


class Enrollment:
    """One tenant's contacts, enrolled in the same journey again and again."""

    def __init__(self, servers: Servers, contacts: int) -> None:
        self.settings: Settings = servers.settings("enrollment")
        self._contacts = contacts
        self._database = Database(self.settings, min_size=1, max_size=4)
        with connected(self.settings) as connection:
            (self._tenant,) = seeding.seed_tenants(connection, 1)
            seeding.seed_contacts(connection, [self._tenant], contacts)
            seeding.seed_journeys(self._database, [self._tenant])
            seeding.settle(connection)

    def by_run(self) -> float:
        """Contacts a second of the product's enrollment, chunk by chunk."""
        self._empty()
        arguments = {"journey": seeding.MIXED["journey"], "everyone": True}
        elapsed_s, result = seconds_of_run(
            self._database, self.settings, self._tenant, "enroll_contacts", arguments
        )
        if result["success"] != self._contacts:
            raise RuntimeError(f"not all contacts entered: {result}")
        return self._contacts / elapsed_s

    def by_statement(self) -> float:
        """Contacts a second of one statement for all."""
        self._empty()
        with connected(self.settings) as connection:
            started = time.perf_counter()
            entered = connection.execute(
                benchmark_statement("enroll_all"), {"tenant_id": self._tenant}
            ).rowcount
            elapsed_s = time.perf_counter() - started
        if entered != self._contacts:
            raise RuntimeError(f"{entered} of {self._contacts} contacts entered")
        return self._contacts / elapsed_s

    def close(self) -> None:
        self._database.close()

    def _empty(self) -> None:
        with connected(self.settings) as connection:
            connection.execute("TRUNCATE journey_contacts, pending_executions, job_runs CASCADE")
            connection.execute("CHECKPOINT")


def measure(options: Options) -> int:
    """Contacts a second of a bulk enrollment, and of one INSERT…SELECT."""
    contacts, rounds = (6_000, 1) if options.short else (200_000, 3)
    with benchmark_servers(options) as servers:
        report = Report("enrollment", options.short, servers.describe())
        enrollment = Enrollment(servers, contacts)
        try:
            figures = alternate(
                {"enrollment": enrollment.by_run, "statement": enrollment.by_statement}, rounds
            )
        finally:
            enrollment.close()
    ours, bare = median(figures["enrollment"]), median(figures["statement"])
    report.add(
        f"enrollment of {contacts:,}", ours, "contacts/s", note=spread(figures["enrollment"])
    )
    report.add("one INSERT…SELECT", bare, "contacts/s", note=spread(figures["statement"]))
    report.add(
        "enrollment to one statement",
        ratio(figures["enrollment"], figures["statement"]),
        "×",
        Target(0.7),
    )
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
