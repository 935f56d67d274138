"""Servers, databases and processes that benchmarks run on; everything is stopped at the end."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from benchmarks.options import Options
from benchmarks.timing import wait_until
from config.settings import Settings, load_settings
from db.engine import Connection
from db.migrations import migrate
from standalone.processes import ChildSpec, spawn, stop
from standalone.servers import embedded_servers, temporary_state
from standalone.stack import scheduler_command, settings_environment
from workers.command import worker_command

WORKERS = 2
_TEMPLATE = "benchmark_template"
_READY_S = 60
# What a server of this size is given; the same for every side. A checkpoint in the middle of a
# round would hit one side alone.
_POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}


@dataclass(frozen=True)
class Servers:
    """One Postgres and one Valkey, both with a place for each side."""

    postgres_url: str
    valkey_url: str
    state_dir: Path
    options: Options
    _numbers: Iterator[int]

    def settings(self, name: str, **overrides: object) -> Settings:
        """Settings of a stack on a fresh migrated database and an empty keyspace of its own."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return load_settings(
            database_url=_with_path(self.postgres_url, name),
            redis_url=_with_path(self.valkey_url, str(next(self._numbers))),
            state_dir=self.state_dir / name,
            sms_gateway_url=None,
            log_format="json",
            worker_processes=WORKERS,
            **overrides,
        )

    def describe(self) -> dict[str, str]:
        """Versions and settings that the figures depend on."""
        with psycopg.connect(self.postgres_url) as connection:
            postgres = [
                (connection.execute(f"SHOW {name}").fetchone() or ("",))[0]
                for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers")
            ]
        with closing(redis.Redis.from_url(self.valkey_url)) as client:
            valkey = client.info("server")
        return {
            "Postgres": postgres[0],
            "fsync": postgres[1],
            "synchronous_commit": postgres[2],
            "shared_buffers": postgres[3],
            "Valkey": str(valkey.get("valkey_version") or valkey["redis_version"]),
        }


@contextmanager
def benchmark_servers(options: Options) -> Iterator[Servers]:
    """Start both servers on data that are thrown away."""
    with (
        temporary_state() as folder,
        embedded_servers(postgres_options=_POSTGRES | {"fsync": options.fsync}) as urls,
    ):
        servers = Servers(*urls, folder, options, itertools.count(1))
        with psycopg.connect(urls[0], autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(load_settings(database_url=_with_path(urls[0], _TEMPLATE)))
        yield servers


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """An autocommit connection of the benchmark's own."""
    with psycopg.connect(
        settings.direct_url, autocommit=True, application_name="benchmark"
    ) as connection:
        yield connection


@contextmanager
def running_stack(settings: Settings) -> Iterator[None]:
    """A scheduler and two worker processes as the product runs them, ready, stopped at the end."""
    workers = [worker_command(settings)] * WORKERS
    with (
        processes(settings, [scheduler_command()], "trunkline-scheduler", "scheduler"),
        processes(settings, workers, "trunkline-"),
    ):
        yield


@contextmanager
def processes(
    settings: Settings,
    commands: Sequence[tuple[str, ...]],
    application_name: str,
    kind: str = "worker",
    *,
    expected: int | None = None,
) -> Iterator[None]:
    """Run commands until the block ends.

    They are ready when as many more processes as ``expected`` (one a command) are connected to the
    database by an ``application_name`` that begins so.
    """
    environment = settings_environment(settings)
    with ExitStack() as running, connected(settings) as connection:
        known = _connected_names(connection, application_name)
        for number, argv in enumerate(commands, 1):
            log = settings.state_dir / "logs" / f"{kind}-{number}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            spec = ChildSpec(f"{kind}-{number}", argv, environment, log=log)
            running.callback(stop, spec, spawn(spec))
        wait_until(
            lambda: (
                len(_connected_names(connection, application_name) - known)
                >= (expected or len(commands))
            ),
            timeout_s=_READY_S,
            what=f"{kind} processes connected",
        )
        yield


def _connected_names(connection: Connection, prefix: str) -> set[str]:
    rows = connection.execute(
        "SELECT DISTINCT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND starts_with(application_name, %s)",
        (prefix,),
    )
    return {name for (name,) in rows}


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
