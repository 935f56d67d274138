"""PgQueuer over asyncpg: two processes, jobs fetched 100 at a time, ten connections each."""

import asyncio
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
from pgqueuer import PgQueuer, Queries
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job

from benchmarks.peers.peer import PREPARED, Peer, Steps, application_name, step_statement
from config.settings import Settings, load_settings

_ENTRYPOINT = "do_step"
_CONNECTIONS = 10
_BATCH = 100
_PLACES = {"tenant_id": "$1", "journey_contact_id": "$2", "id": "$3"}
_NAMES = re.compile(rf"%\(({'|'.join(_PLACES)})\)s")


def _numbered(text: str) -> str:
    """The statement as asyncpg takes it: $1 the tenant, $2 the step."""
    return _NAMES.sub(lambda name: _PLACES[name[1]], text)


async def _work() -> None:
    url = load_settings().require("database_url")
    settings = {**PREPARED, "application_name": application_name()}
    async with asyncpg.create_pool(
        url, min_size=_CONNECTIONS, max_size=_CONNECTIONS, server_settings=settings
    ) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        text = _numbered(step_statement())

        @queue.entrypoint(_ENTRYPOINT)
        async def do_step(job: Job) -> None:
            tenant_id, *ids = (job.payload or b"").decode().split()
            await pool.fetchval(text, UUID(tenant_id), *map(int, ids))

        await queue.run(batch_size=_BATCH, dequeue_timeout=timedelta(seconds=5))


def _commands() -> list[tuple[str, ...]]:
    return [(sys.executable, "-m", "benchmarks.peers.pgqueuer_peer")] * 2


def _prepare(settings: Settings) -> None:
    async def install() -> None:
        connection = await asyncpg.connect(settings.require("database_url"))
        queries = Queries(AsyncpgDriver(connection))
        if not await queries.schema_is_installed():
            await queries.install()
        await queries.clear_queue()
        await queries.clear_queue_log()
        await connection.close()

    asyncio.run(install())


def _stage(settings: Settings, steps: Steps) -> Callable[[], None]:
    """Enqueue all in one statement; its commit is the delivery."""
    runner = asyncio.Runner()

    async def enqueue() -> tuple[asyncpg.Connection, asyncpg.transaction.Transaction]:
        connection = await asyncpg.connect(settings.require("database_url"))
        transaction = connection.transaction()
        await transaction.start()
        payloads = [" ".join(map(str, key)).encode() for key in steps]
        count = len(payloads)
        await Queries(AsyncpgDriver(connection)).enqueue(
            [_ENTRYPOINT] * count, payloads, [0] * count
        )
        return connection, transaction

    connection, transaction = runner.run(enqueue())

    async def commit() -> None:
        await transaction.commit()
        await connection.close()

    def deliver() -> None:
        with runner:
            runner.run(commit())

    return deliver


PGQUEUER = Peer("pgqueuer", "pgqueuer", _commands, _stage, _prepare)

if __name__ == "__main__":
    asyncio.run(_work())
