"""Real servers for every test that asks: those the environment names, or embedded ones."""

import os
import signal
import uuid

import hypothesis
import pytest
import structlog

from config.settings import load_settings
from db.engine import Database
from db.migrations import migrate
from standalone.servers import embedded_servers
from tests.databases import DatabaseSupply, drop_database, make_database
from tests.databases import database_url as database_url_of
from tests.redis_keys import own_namespace

# The same examples each time, so that what is green stays green; `make chaos` looks for others.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("search", database=None, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


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


@pytest.fixture(scope="session")
def supply(servers):
    """Migrated databases, one for each test that asks for one."""
    name = f"trunkline_template_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    make_database(servers[0], name, "template0")
    try:
        migrate(load_settings(database_url=database_url_of(servers[0], name)))
        made = DatabaseSupply(servers[0], name)
        yield made
        made.close()
    finally:
        drop_database(servers[0], name)


@pytest.fixture
def database_url(supply):
    """URL of a fresh migrated database, dropped after the test."""
    with supply.database() as url:
        yield url


@pytest.fixture
def empty_database_url(servers):
    """URL of a fresh database without a schema, dropped after the test."""
    name = f"trunkline_empty_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    make_database(servers[0], name, "template0")
    yield database_url_of(servers[0], name)
    drop_database(servers[0], name)


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
