"""An import whose workers are killed again and again, beside one of the same file that is left."""

import contextlib
import csv
import os
import random
import signal
import time
from pathlib import Path

from cli.session import Session
from jobs.imports import CONTACTS, start_import
from tests.factories import make_tenant
from tests.standalone.waiting import child_pids
from tests.waiting import wait_until

PATIENCE_S = 600
CHUNKS = 40
SETTINGS = {"RUN_LEASE_S": "1", "RUN_MAX_ATTEMPTS": "10000", "WORKER_PROCESSES": "1"}

# What an import leaves behind, without ids and times.
LEFT = {
    "contacts": "SELECT phone_number, first_name, last_name, email, tags, attributes,"
    " import_run_id IS NOT NULL FROM contacts WHERE tenant_id = %s ORDER BY 1",
    "campaign": "SELECT k.name, c.phone_number, m.status FROM campaign_contacts m"
    " JOIN campaigns k USING (tenant_id) JOIN contacts c USING (tenant_id)"
    " WHERE m.tenant_id = %s AND k.id = m.campaign_id AND c.id = m.contact_id ORDER BY 1, 2",
    "errors": "SELECT line_number, reason, row FROM import_errors WHERE tenant_id = %s ORDER BY 1",
    "runs": "SELECT state, result, error, progress_done FROM job_runs WHERE tenant_id = %s"
    " ORDER BY created_at",
}


def write_file(path, rows, *, seed):
    """Contacts in no order, a tenth of them bad, a tenth of them twice, with the dirt of both."""
    chance = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("phone", "first_name", "last_name", "email", "tags", "plan"))
        for n in range(rows):
            kind = chance.random()
            number = chance.randrange(n + 1) if 0.1 < kind < 0.2 else n
            phone = "bad" if kind < 0.1 else f"+1212{220 + number // 10_000}{number % 10_000:04}"
            name, tag = f"Name {n}", chance.choice(("", "a", "a;b"))
            writer.writerow((phone, name, f'"{n}"\n', f"c{n}@example.com", tag, n % 7 or ""))
    return path


class KilledImport:
    """Of ``rows`` rows in 40 chunks, into a tenant that has every fifth contact already."""

    def __init__(self, stack, folder, rows):
        self._stack = stack
        session = Session(stack.settings, stack.database)
        path = write_file(Path(folder) / f"{rows}.csv", rows, seed=rows)
        self.tenants = []
        self.runs = []
        for slug in ("left", "killed"):
            tenant_id = make_tenant(stack.database, slug)
            with stack.database.transaction() as connection:
                connection.execute(
                    "INSERT INTO contacts (tenant_id, phone_number, first_name)"
                    " SELECT %s, '+1212' || 220 + n / 10000 || to_char(n %% 10000, 'FM0000'), 'Old'"
                    " FROM generate_series(0, %s, 5) AS n",
                    [tenant_id, rows],
                )
            self.tenants.append(tenant_id)
            run_id = start_import(
                session.database,
                session.settings,
                tenant_id,
                CONTACTS,
                path,
                campaign="Spring",
                on_existing="update",
            )
            self.runs.append(run_id)
            if slug == "left":
                wait_until(lambda: self.state(0)[0] == "succeeded", timeout_s=PATIENCE_S)

    def state(self, number):
        """(state, rows done) of the import that is left (0) or killed (1)."""
        return self._stack.query(
            "SELECT state, progress_done FROM job_runs WHERE id = %s", self.runs[number]
        )[0]

    def kill(self, times):
        """Kill the worker, wait until another has come further, and so on; at random moments."""
        chance = random.Random()
        for _ in range(times):
            _, done = self.state(1)
            wait_until(lambda: self.state(1)[1] > done, timeout_s=PATIENCE_S)  # noqa: B023
            time.sleep(chance.uniform(0, 0.3))  # anywhere in a chunk
            state, _ = self.state(1)
            assert state != "succeeded", "it was over before all kills"
            for master in self._stack.worker_masters().values():
                with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                    for pid in (*child_pids(master), master):
                        os.kill(pid, signal.SIGKILL)

    def check(self):
        """Wait for the end; then both tenants have the same, row for row."""
        wait_until(lambda: self.state(1)[0] == "succeeded", timeout_s=PATIENCE_S)
        left, killed = self.tenants
        for what, query in LEFT.items():
            assert self._stack.query(query, killed) == self._stack.query(query, left), what
        [(result,)] = self._stack.query("SELECT result FROM job_runs WHERE id = %s", self.runs[1])
        parts = ("created", "updated", "skipped", "duplicates", "rejected")
        assert result["read"] == sum(result[part] for part in parts)
        assert min(result[part] for part in ("created", "updated", "duplicates", "rejected")) > 0
