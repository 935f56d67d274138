"""A file of contacts: the import, and COPY with INSERT…SELECT ON CONFLICT on one connection."""

import csv
import sys
import time
from pathlib import Path

from benchmarks import seeding
from benchmarks.options import Options, run
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


class Imports:
    """One file, brought into empty tables again and again."""

    def __init__(self, servers: Servers, rows: int) -> None:
        self.settings: Settings = servers.settings("imports")
        self._rows = rows
        self._database = Database(self.settings, min_size=1, max_size=4)
        self._file = servers.state_dir / "contacts.csv"
        _write_file(self._file, rows)
        with connected(self.settings) as connection:
            (self._tenant,) = seeding.seed_tenants(connection, 1)

    def by_run(self) -> float:
        """Rows a second of the product's import, phones checked and all."""
        self._empty()
        arguments = {
            "file": str(keep_file(self.settings, self._file)),
            "filename": self._file.name,
            "campaign": _CAMPAIGN,
        }
        elapsed_s, result = seconds_of_run(
            self._database, self.settings, self._tenant, "import_contacts", arguments
        )
        if result["created"] != self._rows:
            raise RuntimeError(f"not all rows made a contact: {result}")
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

    def close(self) -> None:
        self._database.close()

    def _empty(self) -> None:
        with connected(self.settings) as connection:
            connection.execute("TRUNCATE contacts, campaigns, campaign_contacts, job_runs CASCADE")
            connection.execute("CHECKPOINT")


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
    """Rows a second of a contact import, and of COPY with INSERT…SELECT ON CONFLICT."""
    rows, rounds = (6_000, 1) if options.short else (200_000, 3)
    with benchmark_servers(options) as servers:
        report = Report("imports", options.short, servers.describe())
        imports = Imports(servers, rows)
        try:
            figures = alternate({"import": imports.by_run, "COPY": imports.by_copy}, rounds)
        finally:
            imports.close()
    ours, bare = median(figures["import"]), median(figures["COPY"])
    report.add(f"import of {rows:,} rows", ours, "rows/s", note=spread(figures["import"]))
    report.add("COPY, INSERT…SELECT", bare, "rows/s", note=spread(figures["COPY"]))
    report.add("import to COPY", ratio(figures["import"], figures["COPY"]), "×", Target(0.7))
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
