"""Real servers for every test that asks: those the environment names, or embedded ones."""

import contextlib
import itertools
import os
import signal
import uuid

import psycopg
import pytest
import structlog
from psycopg import sql

from config.settings import load_settings
from db.engine import Database
from db.migrations import migrate
from standalone.servers import embedded_servers
from tests.redis_keys import own_namespace

_numbers = itertools.count(1)


def pytest_configure():
    """A shell's background job ignores Ctrl-C, and so would every process that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _loggers_follow_the_configuration():
    """A logger that was used once obeys later configurations too, such as ``capture_logs``."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            structlog,
            "configure",
            lambda **given: configure(**given | {"cache_logger_on_first_use": False}),
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _slow_statements_are_no_news():
    """A busy machine is slow; what a test finds in the logs isn't to depend on it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SLOW_STATEMENT_MS", "600000")
        yield


@pytest.fixture(scope="session")
def servers():
    """(database_url, redis_url) of real servers; nothing is assumed of what else they hold."""
    given = load_settings()
    if given.database_url and given.redis_url:
        yield given.database_url.get_secret_value(), given.redis_url.get_secret_value()
        return
    with embedded_servers(postgres_options={"fsync": "off"}) as urls:
        yield (
            given.database_url.get_secret_value() if given.database_url else urls[0],
            given.redis_url.get_secret_value() if given.redis_url else urls[1],
        )


def _named(url, name):
    parts = psycopg.conninfo.conninfo_to_dict(url)
    login = f"{parts['user']}:{parts.get('password', '')}@{parts['host']}:{parts.get('port', 5432)}"
    return f"postgresql://{login}/{name}"


@contextlib.contextmanager
def _database(url, name, template):
    """A database of its own beside the one ``url`` names, dropped afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield _named(url, name)
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def migrated_template(servers):
    """Name of a migrated database that each test's own is copied from."""
    name = f"trunkline_template_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    with _database(servers[0], name, "template0") as url:
        migrate(load_settings(database_url=url))
        yield name


@pytest.fixture
def database_url(servers, migrated_template):
    """URL of a fresh migrated database, dropped after the test."""
    name = f"trunkline_test_{os.getpid()}_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
    with _database(servers[0], name, migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(servers):
    """URL of a fresh database without a schema, dropped after the test."""
    name = f"trunkline_empty_{os.getpid()}_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
    with _database(servers[0], name, "template0") as url:
        yield url


@pytest.fixture
def redis_url(servers):
    """URL of the real Redis or Valkey, which others may use too: see ``redis_settings``."""
    return servers[1]


@pytest.fixture
def redis_settings(redis_url):
    """Settings of a broker whose keys nobody else has; they are gone after the test."""
    with own_namespace(redis_url) as namespace:
        yield {"redis_url": redis_url, "broker_namespace": namespace}


@pytest.fixture
def settings(database_url, tmp_path):
    """Settings of a stack on the test's own database; no broker."""
    return load_settings(database_url=database_url, state_dir=tmp_path / "state")


@pytest.fixture
def database(settings):
    """A pool on the test's own database."""
    opened = Database(settings, min_size=1, max_size=8)
    yield opened
    opened.close()
