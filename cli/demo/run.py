"""The main job from files to sent messages, on a stack that runs."""

import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from cli.demo.data import most_contacts, write_contacts
from cli.demo.summary import Summary, summarize
from cli.demo.view import Snapshot, View
from cli.enrollment import start_enrollment
from cli.errors import CommandError
from cli.session import Session
from cli.waiting import ENDED, look_at, patiently
from db.queries import demo as queries
from db.queries.runs import Run
from db.queries.tenants import Tenant
from jobs.enrollment import EnrollArguments
from jobs.imports import CONTACTS, start_import
from jobs.journeys.definition import read_definition
from jobs.journeys.versions import apply_definition
from jobs.tenants import change_rules, create_tenant

JOURNEY = Path(__file__).resolve().parents[2] / "examples" / "welcome.yaml"
_LOOK_EVERY_S = 0.25
_PLACES = (
    ("newyork", "New York branch", "US", "America/New_York"),
    ("berlin", "Berlin branch", "DE", "Europe/Berlin"),
)


class Demo:
    """One run, for tenants of its own: data of earlier runs stay and are not counted."""

    def __init__(self, session: Session, contacts: int, view: View, *, timeout_s: float) -> None:
        self._session = session
        self._contacts = contacts
        self._view = view
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._tenants: list[Tenant] = []
        self._imports: list[Run] = []
        self._first = UUID(int=0)

    def run(self) -> Summary:
        """Do it all.

        Raises:
            CommandError: a run failed, or the time was over; the text names what is missing.
        """
        with self._view.shown():
            self._make_tenants()
            self._import_files()
            self._enroll_everyone()
            self._await(
                "journey",
                lambda p: p.completed + p.failed >= self._contacts and not p.messages_waiting,
            )
        return summarize(
            self._session, self._tenants, self._imports, self._first, asked=self._contacts
        )

    def _make_tenants(self) -> None:
        suffix = secrets.token_hex(3)
        with self._session.database.transaction() as connection:
            self._first = queries.next_message_id(connection)
            self._tenants = [
                create_tenant(
                    connection, f"demo-{place}-{suffix}", name=name, region=region, timezone=zone
                )
                for place, name, region, zone in _PLACES
            ]
            for tenant in self._tenants:  # the demo is shown at any hour
                change_rules(connection, tenant.id, {"quiet": "none"})

    def _import_files(self) -> None:
        germans = min(self._contacts // 2, most_contacts("DE"))
        shares = (self._contacts - germans, germans)
        with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as folder:
            started = []
            for tenant, share in zip(self._tenants, shares, strict=True):
                file = Path(folder) / f"{tenant.slug}.csv"
                write_contacts(file, tenant.region, share)
                run_id = start_import(
                    self._session.database,
                    self._session.settings,
                    tenant.id,
                    CONTACTS,
                    file,
                    campaign="Welcome",
                )
                started.append((tenant, run_id))
        self._imports = self._await_runs("import", started)

    def _enroll_everyone(self) -> None:
        definition = read_definition(JOURNEY)
        arguments = EnrollArguments(journey=definition.key, everyone=True)
        started = []
        for tenant in self._tenants:
            apply_definition(self._session.database, tenant.id, definition)
            started.append((tenant, start_enrollment(self._session, tenant, arguments)))
        self._await_runs("enroll", started)

    def _await_runs(self, phase: str, started: Sequence[tuple[Tenant, UUID]]) -> list[Run]:
        runs: list[Run] = []

        def all_ended(_: queries.Progress) -> bool:
            found = [look_at(self._session, tenant.slug, run_id) for tenant, run_id in started]
            runs[:] = [run for run in found if run is not None]
            if phase == "import":
                self._imports = runs
            return all(run.state in ENDED for run in runs)

        self._await(phase, all_ended)
        for run in runs:
            if run.state != "succeeded":
                raise CommandError(f"run {run.id} ({run.kind}) {run.state}: {run.reason}")
        return list(runs)

    def _await(self, phase: str, is_over: Callable[[queries.Progress], bool]) -> None:
        while True:
            progress, nodes = patiently(self._look)
            over = is_over(progress)
            imported = {
                run.tenant: (run.progress_done, run.progress_total) for run in self._imports
            }
            self._view.show(Snapshot(phase, self._contacts, imported, progress, nodes))
            if over:
                return
            if time.monotonic() > self._deadline:
                raise CommandError(self._missing(phase, progress))
            time.sleep(_LOOK_EVERY_S)

    def _look(self) -> tuple[queries.Progress, dict[str, int]]:
        ids = [tenant.id for tenant in self._tenants]
        with self._session.database.transaction() as connection:
            return (
                queries.measure_progress(connection, ids),
                queries.count_contacts_at_nodes(connection, ids),
            )

    def _missing(self, phase: str, p: queries.Progress) -> str:
        return (
            f"not done after {self._timeout_s:g} s, at {phase}: "
            f"{p.contacts:,} of {self._contacts:,} contacts imported, "
            f"{p.completed:,} through, {p.active:,} on their way, "
            f"{p.messages_waiting:,} messages wait to be sent; "
            "`trunkline doctor` and the logs in the state folder tell more"
        )
