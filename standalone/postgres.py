"""A real Postgres on the loopback address, from the programs of a wheel, data kept."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from standalone.accounts import Account, can_enter, unprivileged_account
from standalone.ports import LOOPBACK
from standalone.postgres_binaries import postgres_programs
from standalone.postgres_remains import await_end_of_old_server, clear_remains
from standalone.processes import ChildSpec, die_with_parent, inherited_environment
from standalone.state import Identity, StandaloneError, keep_identity, load_identity

DATABASE = "trunkline"
_SUPERUSER = "postgres"
_SYSTEM_STATE = Path("/var/lib")
_DRAFT_PREFIX = ".postgres-initdb-"

_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Details and statements of errors quote rows, so phone numbers and texts: not in a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class EmbeddedPostgres:
    """Postgres with its data in ``state_dir/postgres``; made on the first start, kept after.

    Postgres refuses to run as root, and its data must belong to the account it runs under. So
    root runs it under the account that owns the data, at first ``postgres`` or ``nobody``. Where
    that account can't reach ``state_dir`` (a checkout in a private home), the data lie in
    ``/var/lib/trunkline-HASH`` instead (HASH of the path of ``state_dir``): opening up a home is
    not ours to do, temporary folders are emptied, and in ``/var/lib`` no other user can put
    something in our place. That folder is written down in ``postgres.json`` beside port and
    password (0600); if ``state_dir`` is deleted, the next start there begins with an empty one.
    """

    def __init__(
        self, state_dir: Path, *, options: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        """``options`` are server settings (``{"fsync": "off"}``) that win over ours."""
        self._state_dir = state_dir.resolve()
        self._options = {**_OPTIONS, **(options or {})}
        self._log = log
        self._identity: Identity | None = None

    @property
    def url(self) -> str:
        """The database ``trunkline``; known after `child`."""
        return self._database_url(DATABASE)

    def child(self) -> ChildSpec:
        """Everything done but the start itself; the caller holds the lock of the state folder.

        Raises:
            StandaloneError: no programs, no account, or data that can't be used.
        """
        home = self._home()
        data_dir = home / "postgres"
        account = unprivileged_account(data_dir)
        if not can_enter(account, home):
            raise StandaloneError(f"the account that owns {data_dir} can't reach it any more")
        await_end_of_old_server(data_dir)
        self._identity = keep_identity(
            self._identity_file, home=None if home == self._state_dir else str(home)
        )
        programs = postgres_programs(account, home)
        if data_dir.exists():
            _check_version(programs, data_dir)
        else:
            _initialise(programs, data_dir, account, self._identity.password)
        options = {**self._options, "port": str(self._identity.port)}
        settings = (part for name, value in options.items() for part in ("-c", f"{name}={value}"))
        return ChildSpec(
            name="postgres",
            argv=(str(programs / "postgres"), "-D", str(data_dir), *settings),
            env=inherited_environment(),
            log=self._log,
            account=account,
            cwd=Path("/"),
            before_start=lambda: clear_remains(data_dir),
            is_ready=self._is_ready,
            stop_signals=((signal.SIGINT, 20), (signal.SIGQUIT, 5)),
            death_signal=signal.SIGINT,
        )

    @property
    def _identity_file(self) -> Path:
        return self._state_dir / "postgres.json"

    def _home(self) -> Path:
        """The folder for the data and, if need be, the programs."""
        kept = load_identity(self._identity_file)
        if kept and kept.home and Path(kept.home).exists():
            return Path(kept.home)
        if (self._state_dir / "postgres").exists():
            if kept is None:
                raise StandaloneError(
                    f"{self._identity_file} with the password is gone: restore it, "
                    f"or delete {self._state_dir} to begin anew"
                )
            return self._state_dir
        if can_enter(unprivileged_account(self._state_dir / "postgres"), self._state_dir):
            return self._state_dir
        name = hashlib.sha256(bytes(self._state_dir)).hexdigest()[:12]
        home = _SYSTEM_STATE / f"trunkline-{name}"
        if kept is None and home.exists():
            shutil.rmtree(home)  # of a state folder that was deleted
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
        return home

    def _is_ready(self) -> bool:
        """Whether it answers; the database is created on the first such call of its life."""
        plain = make_conninfo(
            self._database_url("postgres"),
            sslmode="disable",
            gssencmode="disable",
            options="",
            connect_timeout=2,
        )
        try:
            with psycopg.connect(plain, autocommit=True) as connection:
                known = connection.execute(
                    "SELECT FROM pg_database WHERE datname = %s", (DATABASE,)
                ).rowcount
                if not known:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def _database_url(self, database: str) -> str:
        if self._identity is None:
            raise RuntimeError("child() comes first: it chooses the port")
        password, port = self._identity.password, self._identity.port
        return f"postgresql://{_SUPERUSER}:{password}@{LOOPBACK}:{port}/{database}"


def _initialise(programs: Path, data_dir: Path, account: Account | None, password: str) -> None:
    """Make the data folder under another name, so that a killed initdb leaves no half of one."""
    for leftover in data_dir.parent.glob(f"{_DRAFT_PREFIX}*"):
        shutil.rmtree(leftover)
    workplace = Path(tempfile.mkdtemp(dir=data_dir.parent, prefix=_DRAFT_PREFIX))
    draft, password_file = workplace / "data", workplace / "password"
    draft.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if account:
        for path in (workplace, draft, password_file):
            os.chown(path, account.uid, account.gid)
    result = subprocess.run(
        [
            *(programs / "initdb", "-D", draft, "-U", _SUPERUSER, "-E", "UTF8", "-N"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        ],
        env=inherited_environment(),
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=die_with_parent(signal.SIGKILL),  # see processes.spawn
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        shutil.rmtree(workplace)
        raise StandaloneError(f"initdb failed: {' | '.join(result.stderr.split(chr(10)))}")
    draft.replace(data_dir)
    shutil.rmtree(workplace)


def _check_version(programs: Path, data_dir: Path) -> None:
    data = (data_dir / "PG_VERSION").read_text().strip()
    version = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    if version.split(".")[0] != data:
        raise StandaloneError(
            f"{data_dir} was made by Postgres {data}, this is {version}: "
            f"use pg_upgrade, or delete it to begin anew"
        )


def delete_data(state_dir: Path) -> None:
    """Delete what a stopped Postgres of ``state_dir`` keeps, wherever that is."""
    kept = load_identity(state_dir / "postgres.json")
    shutil.rmtree(state_dir / "postgres", ignore_errors=True)
    if kept and kept.home:
        shutil.rmtree(kept.home, ignore_errors=True)
