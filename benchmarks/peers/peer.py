"""What the comparison needs to know of a peer, and the work its jobs do."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import redis

from benchmarks.statements import benchmark_statement
from config.settings import Settings, load_settings

Steps = Sequence[tuple[UUID, int, int]]
"""Keys of pending steps (tenant_id, journey_contact_id, id), in the order they are to be done."""

APPLICATION_NAME = "peer-"
PREPARED = {"plan_cache_mode": "force_generic_plan"}
"""One row at a time has one good plan: planning it again each time would cost half a step."""


@dataclass(frozen=True)
class Peer:
    """A queue.

    ``commands`` start two processes. ``stage`` puts jobs beside the queue, one for each step, and
    returns what brings all of them into the queue at once. ``prepare`` empties it before a round.
    """

    name: str
    package: str
    commands: Callable[[], Sequence[tuple[str, ...]]]
    stage: Callable[[Settings, Steps], Callable[[], None]]
    prepare: Callable[[Settings], None]


def step_statement() -> str:
    """One step's whole change in one statement, so one round trip and one commit."""
    return benchmark_statement("claim_one", "change_steps")


def application_name() -> str:
    return f"{APPLICATION_NAME}{os.getpid()}"


_held = threading.local()


def do_step(tenant_id: str, journey_contact_id: int, step_id: int) -> None:
    """Do one step on this thread's own connection, with a prepared statement."""
    connection().execute(
        step_statement(),
        {"tenant_id": tenant_id, "journey_contact_id": journey_contact_id, "id": step_id},
        prepare=True,
    )


def connection() -> psycopg.Connection:
    """This thread's connection; never made before a fork."""
    if not hasattr(_held, "connection"):
        options = " ".join(f"-c {name}={value}" for name, value in PREPARED.items())
        _held.connection = psycopg.connect(
            load_settings().require("database_url"),
            autocommit=True,
            application_name=application_name(),
            options=options,
        )
    return _held.connection


def empty_valkey(settings: Settings) -> None:
    """Forget every job of the round before."""
    with redis.Redis.from_url(settings.require("redis_url")) as client:
        client.flushdb()


def delivery(settings: Settings, staged: str, queue: str) -> Callable[[], None]:
    """What renames a list of jobs to the queue's, in one command."""

    def deliver() -> None:
        with redis.Redis.from_url(settings.require("redis_url")) as client:
            client.rename(staged, queue)

    return deliver
