"""A file of contacts: the import, and COPY with INSERT…SELECT ON CONFLICT on one connection."""

import csv
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import seeding
from benchmarks.options import Options, run, silence
from benchmarks.reporting import Report, Target
from benchmarks.runs import seconds_of_run
from benchmarks.stack import Servers, benchmark_servers, connected
from benchmarks.statements import benchmark_statement
from benchmarks.timing import alternate, median, ratio, spread
from config.settings import Settings
from db.engine import Database
from jobs.imports import keep_file

_CAMPAIGN = "spring"
_BLOCK = 1 << 20
_MEMORY = Target(200, at_most=True)


class Imports:
    """One file, brought into empty tables again and again."""

    def __init__(self, servers: Servers, name: str, rows: int) -> None:
        self.settings: Settings = servers.settings(name)
        self._rows = rows
        self._file = servers.state_dir / f"{name}.csv"
        self.most_mib = 0.0
        _write_file(self._file, rows)
        with connected(self.settings) as connection:
            (self._tenant,) = seeding.seed_tenants(connection, 1)
            # One that comes in the middle of the bare side's single transaction finds none of its
            # rows, and foreign keys are from then on checked by reading all of them for each.
            for table in ("contacts", "campaign_contacts"):
                connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")

    def by_run(self) -> float:
        """Rows a second of the product's import, phones checked, in a process of its own."""
        self._empty()
        arguments = {
            "file": keep_file(self.settings, self._file),
            "filename": self._file.name,
            "campaign": _CAMPAIGN,
        }
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
            elapsed_s, result, mib = worker.submit(
                _do_run, self.settings, self._tenant, arguments
            ).result()
        if result["created"] != self._rows:
            raise RuntimeError(f"not all rows made a contact: {result}")
        self.most_mib = max(self.most_mib, mib)
        return self._rows / elapsed_s

    def by_copy(self) -> float:
        """Rows a second of the bare statements, phones taken as they are."""
        self._empty()
        parameters = {"tenant_id": self._tenant, "campaign": _CAMPAIGN}
        with connected(self.settings) as connection:
            started = time.perf_counter()
            with connection.transaction():
                connection.execute(benchmark_statement("stage_file"))
                with (
                    connection.cursor().copy(benchmark_statement("copy_file")) as copy,
                    self._file.open("rb") as file,
                ):
                    while block := file.read(_BLOCK):
                        copy.write(block)
                connection.execute("ANALYZE staged_file")
                joined = connection.execute(benchmark_statement("insert_file"), parameters).rowcount
            elapsed_s = time.perf_counter() - started
        if joined != self._rows:
            raise RuntimeError(f"{joined} of {self._rows} rows made a contact")
        return self._rows / elapsed_s

    def _empty(self) -> None:
        with connected(self.settings) as connection:
            connection.execute("TRUNCATE contacts, campaigns, campaign_contacts, job_runs CASCADE")
            connection.execute("CHECKPOINT")


def _do_run(
    settings: Settings, tenant_id: UUID, arguments: dict[str, Any]
) -> tuple[float, dict[str, Any], float]:
    """Seconds, result, and the most memory this process ever had, in MiB."""
    silence()
    database = Database(settings, min_size=1, max_size=4)
    try:
        elapsed_s, result = seconds_of_run(
            database, settings, tenant_id, "import_contacts", arguments
        )
    finally:
        database.close()
    unit = 1 if sys.platform == "darwin" else 1 << 10  # what ru_maxrss counts in
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20)
    return elapsed_s, result, mib


def _write_file(path: Path, rows: int) -> None:
    """Valid numbers in E.164, in no order, so that neither side has them sorted for nothing."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("phone", "first_name", "last_name", "email"))
        for n in range(rows):
            number = n * 7_919 % rows
            phone = f"+1212{220 + number // 10_000}{number % 10_000:04}"
            writer.writerow((phone, f"Name{n % 200}", f"Last{n}", f"contact{n}@example.com"))


def measure(options: Options) -> int:
    """Rows a second of a contact import, and of COPY with INSERT…SELECT ON CONFLICT; its memory."""
    sizes = ((6_000, 1),) if options.short else ((200_000, 3), (1_000_000, 1))
    with benchmark_servers(options) as servers:
        report = Report("imports", options.short, servers.describe())
        for rows, rounds in sizes:
            imports = Imports(servers, f"imports_{rows}", rows)
            sides = {f"import of {rows:,}": imports.by_run, f"COPY of {rows:,}": imports.by_copy}
            ours, bare = alternate(sides, rounds).values()
            report.add(f"import of {rows:,} rows", median(ours), "rows/s", note=spread(ours))
            report.add("COPY, INSERT…SELECT", median(bare), "rows/s", note=spread(bare))
            report.add("import to COPY", ratio(ours, bare), "×", Target(0.7))
            report.add("memory of the import", imports.most_mib, "MiB", _MEMORY)
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
