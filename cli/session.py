"""Where the servers are, and a database that is known to answer."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from pydantic import SecretStr

from cli.errors import BAD_INPUT, CommandError
from config.settings import ConfigError, Settings, load_settings
from db.engine import Database, connect_directly
from db.queries.tenants import Tenant, find_tenant
from standalone.running_stack import RunningStack, read_stack

_POOL_SIZE = 4


def located_settings() -> Settings:
    """The environment's settings; URLs it doesn't name are those of the running stack.

    If the environment names another database than the stack's, the stack has no say at all:
    a Redis and a gateway that go with another ledger are worse than none.

    Raises:
        ConfigError: a value is wrong.
    """
    settings = load_settings()
    if settings.database_url is not None:
        _check_url("DATABASE_URL", settings.database_url)
    if settings.database_direct_url is not None:
        _check_url("DATABASE_DIRECT_URL", settings.database_direct_url)
    stack = read_stack(settings.state_dir)
    if stack is None or (
        settings.database_url is not None
        and settings.database_url.get_secret_value() != stack.database_url
    ):
        return settings
    of_stack = settings_of(stack)
    unset = {name: value for name, value in of_stack.items() if getattr(settings, name) is None}
    return settings.model_copy(update=unset)


def settings_of(stack: RunningStack) -> dict[str, Any]:
    """The settings that lead to a stack's servers."""
    token = stack.sms_gateway_token
    return {
        "database_url": SecretStr(stack.database_url),
        "redis_url": SecretStr(stack.redis_url),
        "sms_gateway_url": stack.sms_gateway_url,
        "sms_gateway_token": SecretStr(token) if token else None,
    }


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    settings: Settings
    database: Database


@contextlib.contextmanager
def open_session(settings: Settings | None = None) -> Iterator[Session]:
    """A pool on a database that answers: one direct attempt tells so at once if it doesn't.

    By default with ``located_settings``.

    Raises:
        ConfigError: no database is named, and no stack runs.
        DatabaseUnreachableError: it doesn't answer.
    """
    settings = settings or located_settings()
    connect_directly(settings, application_name="trunkline-cli").close()
    database = Database(settings, min_size=1, max_size=_POOL_SIZE)
    try:
        yield Session(settings, database)
    finally:
        database.close()


def tenant_named(database: Database, slug: str) -> Tenant:
    """The tenant, or an error that names it."""
    with database.read() as connection:
        tenant = find_tenant(connection, slug)
    if tenant is None:
        raise CommandError(
            f"unknown tenant {slug!r}: `trunkline tenants list` shows all there are", BAD_INPUT
        )
    return tenant


def parse_id(text: str, what: str) -> UUID:
    """A UUID from the command line, or an error that says what it should have been."""
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text!r} is not the id of a {what}", BAD_INPUT) from None


def _check_url(name: str, url: SecretStr) -> None:
    try:
        psycopg.conninfo.conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:
        raise ConfigError(f"wrong settings: {name} is not a Postgres URL") from None
