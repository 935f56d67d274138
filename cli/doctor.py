"""``trunkline doctor``: is all well, and if not, what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

import redis
import typer

from cli.errors import FAILED
from cli.options import AsJson
from cli.output import print_json, say
from cli.session import located_settings
from config.settings import ConfigError, Settings
from db.cache.shared import open_shared_store
from db.cache.statistics import CacheStatistics, total
from db.engine import Connection, DatabaseUnreachableError, connect_directly, describe
from db.indexes import invalid_indexes
from db.migrations import pending_migrations
from db.queries import monitoring

_LATE_S = 60
_PATIENCE_MINUTES = 10
_TOLD_WITHIN_S = 30
_WARM_AFTER = 10_000
_COLD = 0.3
_REDIS = ("redis://", "rediss://", "unix://")
_OLDEST_POSTGRES = 150000


@dataclass(frozen=True)
class Finding:
    """``advice`` says what to do; None where all is well."""

    check: str
    found: str
    advice: str | None = None

    @property
    def ok(self) -> bool:
        return self.advice is None


def doctor(as_json: AsJson = False) -> None:
    """Look whether servers, schema, scheduler and workers are well; exit 1 if something isn't."""
    findings = list(examine(located_settings()))
    well = all(finding.ok for finding in findings)
    if as_json:
        checks = [
            {"check": f.check, "ok": f.ok, "found": f.found, "advice": f.advice} for f in findings
        ]
        print_json({"ok": well, "checks": checks})
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'BAD'} {finding.check}: {finding.found}")
            if finding.advice:
                say(f"    → {finding.advice}")
    if not well:
        raise typer.Exit(FAILED)


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, in the order in which problems are best solved."""
    try:
        connection = connect_directly(settings, application_name="trunkline-doctor")
    except (ConfigError, DatabaseUnreachableError) as error:
        yield Finding("database", str(error), "start it (`trunkline up`) or correct DATABASE_URL")
    else:
        with connection:
            connection.execute(
                f"SET statement_timeout = {int(settings.statement_timeout_s * 1000)}"
            )
            yield _database(connection, settings)
            migrated = _migrations(settings)
            yield migrated
            if migrated.ok:
                for look in (_indexes, _partitions, _leader):
                    yield look(connection)
                for what, ledger in _LEDGERS.items():
                    yield _backlog(connection, what, ledger)
    yield _redis(settings)
    yield _caches(settings)


_LEDGERS = {
    "steps": "due_steps",
    "messages": "due_messages",
    "webhooks": "due_webhooks",
    "calls": "due_calls",
    "runs": "due_runs",
}

_MORE_WORKERS = "see that workers run and that they are enough: start more"
_ADVICE = {
    "calls": "set AMI_URLS for the workers, without it nobody dials; where it is set, "
    "`pbx_takes_no_calls` in their logs says why a PBX takes none"
}


def _database(connection: Connection, settings: Settings) -> Finding:
    version = connection.info.server_version
    found = f"{describe(settings.direct_url)} answers, Postgres {version // 10000}"
    old = version < _OLDEST_POSTGRES
    return Finding("database", found, "Trunkline needs Postgres 15 or newer" if old else None)


def _migrations(settings: Settings) -> Finding:
    pending = pending_migrations(settings)
    if pending:
        return Finding("schema", f"lacks {', '.join(pending)}", "run `trunkline migrate`")
    return Finding("schema", "every migration is applied")


def _indexes(connection: Connection) -> Finding:
    broken = invalid_indexes(connection)
    if broken:
        return Finding(
            "indexes", f"INVALID: {', '.join(broken)}", "run `trunkline migrate`: it rebuilds them"
        )
    return Finding("indexes", "none is INVALID")


def _partitions(connection: Connection) -> Finding:
    months = monitoring.months_ahead(connection)
    return Finding(
        "partitions",
        f"the history has room for {months} months after this one",
        None
        if months
        else "run SELECT trunkline_extend_partitions(3) now, and see why the scheduler's "
        "housekeeping does not: `trunkline jobs list`, its log",
    )


def _leader(connection: Connection) -> Finding:
    leader = monitoring.leading_scheduler(connection)
    if leader is None:
        return Finding(
            "scheduler", "none leads: due work is not seen", "start one: `trunkline up` does"
        )
    since = f"{leader.backend_start:%Y-%m-%d %H:%M:%S %Z}"
    return Finding("scheduler", f"{leader.application_name} leads, connected since {since}")


def _backlog(connection: Connection, what: str, ledger: str) -> Finding:
    """Late work of any tenant is a fault unless it is being done at a pace that soon ends it."""
    waits = monitoring.late_work(connection, ledger)
    if not waits:
        return Finding(what, "none waits")
    stuck = [late for late in waits if late.late_s >= _LATE_S and not _ends_soon(late)]
    late = (stuck or waits)[0]
    found = f"the oldest that is due has waited {late.late_s:,} s (tenant {late.tenant})"
    if late.waiting is not None:
        found += f"; {late.waiting:,} wait, {late.done_last_minute:,} done in the last minute"
    if not stuck:
        return Finding(what, found)
    return Finding(what, found, _ADVICE.get(what, _MORE_WORKERS))


def _ends_soon(late: monitoring.Late) -> bool:
    if late.waiting is None or late.done_last_minute is None:
        return False
    return late.waiting <= late.done_last_minute * _PATIENCE_MINUTES


def _redis(settings: Settings) -> Finding:
    """Redis as the broker; of another broker only the worker's and scheduler's logs tell."""
    try:
        url = settings.message_broker_url
    except ConfigError as error:
        return Finding("broker", str(error), "start it (`trunkline up`) or set REDIS_URL")
    if not url.startswith(("amqp://", "amqps://", *_REDIS)):
        name = "BROKER_URL" if settings.broker_url else "REDIS_URL"
        return Finding("broker", f"{name} is neither redis:// nor amqp://", f"correct {name}")
    if not url.startswith(_REDIS):
        return Finding("broker", "not a Redis: not looked at")
    timeout_s = settings.db_wait_timeout_s
    try:
        client = redis.Redis.from_url(
            url, socket_connect_timeout=timeout_s, socket_timeout=timeout_s, retry=None
        )
        with client:
            version = client.info("server").get("redis_version")
    except (redis.RedisError, ValueError) as error:
        return Finding(
            "broker",
            " ".join(str(error).split()),
            "start it (`trunkline up`) or correct REDIS_URL; nothing is lost meanwhile",
        )
    return Finding("broker", f"answers, speaks Redis {version}")


def _caches(settings: Settings) -> Finding:
    """What workers told of their caches last, all together."""
    try:
        store = open_shared_store(settings)
    except ValueError as error:
        return Finding("caches", f"REDIS_URL: {error}", "correct REDIS_URL")
    if store is None:
        return Finding("caches", "no Redis is named: each process has its own, and tells nobody")
    reports = store.reports(_TOLD_WITHIN_S)
    store.close()
    if not reports:
        return Finding("caches", "no process tells of any")
    names = sorted({name for report in reports for name in report["caches"]})
    parts = {
        name: total(CacheStatistics(**its[name]) for r in reports if name in (its := r["caches"]))
        for name in names
    }
    found = f"{len(reports)} processes" + "".join(
        f"; {name} {part.size:,} entries, {part.hit_rate:.1%} of {part.asked:,} lookups found"
        for name, part in parts.items()
        if part.hit_rate is not None
    )
    problem = next((report["problem"] for report in reports if report["problem"]), None)
    if problem:
        return Finding(
            "caches",
            f"{found}; a process can't hear of changes: {problem}",
            "nothing is cached there: name the direct way to Postgres as DATABASE_DIRECT_URL",
        )
    cold = [
        n for n, its in parts.items() if its.asked >= _WARM_AFTER and (its.hit_rate or 0) < _COLD
    ]
    return Finding(
        "caches",
        found,
        f"{', '.join(cold)}: cold; see who writes the table all the time, or raise the TTL"
        if cold
        else None,
    )
