"""Pausing, archiving and suspending against running batches, and what resuming brings back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from db.queries.journeys.versions import count_nodes
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle import journeys as lives
from jobs.journeys.lifecycle import settling
from jobs.journeys.lifecycle.overdue import Overdue, OverdueError
from jobs.journeys.lifecycle.settling import in_chunks, settle, sweep
from jobs.journeys.signals import Signal, send_signals
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during, states, statuses, waiting
from tests.waiting import wait_until

START = datetime(2026, 3, 2, 12, tzinfo=UTC)

CHANGES = {
    "paused": lambda database, tenant_id: lives.pause_journey(database, tenant_id, "welcome"),
    "archived": lambda database, tenant_id: lives.archive_journey(database, tenant_id, "welcome"),
    "suspended": lives.suspend_tenant,
}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_waits_for_the_batch_and_holds_what_it_left(database, runner, monkeypatch, change):
    tenant_id, _ = enrolled(database, 4, at=START)
    with Stopped(runner, monkeypatch, now=START) as stopped:
        changed, outcome, waited = during(database, stopped, lambda: change(database, tenant_id))

    assert (waited, outcome.messages, changed.changed, changed.held) == (True, 4, True, 4)
    assert states(database) == {"HELD": 4}  # the steps the batch has just made
    assert runner.run_batch(START + timedelta(days=1)).claimed == 0
    assert query(database, "SELECT count(*) FROM status_changes, claim_gates") == [(0,)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_stream_of_overlapping_batches_does_not_keep_a_change_waiting(
    database, settings, runner, change
):
    """Each thread begins a batch before another's has ended, so the row is always share-locked."""
    again = {
        "journey": "welcome",
        "start": "wait",
        "nodes": {
            "wait": {"type": "delay", "seconds": 0.001, "next": "mark"},
            "mark": {"type": "update_contact", "add_tags": ["x"], "next": "wait"},
        },
    }
    tenant_id, _ = enrolled(database, 3000, raw=again, at=START)
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 100}))
    stop, claimed = threading.Event(), []

    def run():
        clock = START
        while not stop.is_set():
            clock += timedelta(minutes=1)
            claimed.append((time.monotonic(), runner.run_batch(clock).claimed))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(claimed) >= 12)
        started = time.monotonic()
        changed = change(database, tenant_id)
        took = time.monotonic() - started
        seen = len(claimed)
        wait_until(lambda: len(claimed) >= seen + 8)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert changed.changed
    assert took < 5
    assert {count for _, count in claimed[-4:]} == {0}
    assert states(database)["HELD"] == sum(states(database).values())


def test_a_gate_keeps_claims_out_until_it_is_closed_or_too_old(database, runner):
    tenant_id, _ = enrolled(database, 3, at=START)
    enrolled(database, 2, slug="other", at=START)
    query(
        database, "INSERT INTO claim_gates VALUES (%s, DEFAULT, now() + interval '1m')", tenant_id
    )
    assert runner.run_batch(START).claimed == 2
    query(database, "UPDATE claim_gates SET expires_at = now() - interval '1s'")
    assert runner.run_batch(START).claimed == 3


def test_holding_goes_in_chunks_and_may_be_taken_up_again(database):
    tenant_id, _ = enrolled(database, 25, at=START)
    other = apply_journey(database, tenant_id, {**WELCOME, "journey": "other"})
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    enroll(database, tenant_id, other, contacts, at=START)
    query(database, "UPDATE journeys SET status = 'PAUSED' WHERE key = 'welcome'")
    done = []

    def killed(connection, after, size):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(settling._hold(change, connection, after, size))
        return done[-1]

    with database.transaction() as connection:
        change = settling.queries.next_status_change(connection, None, None)
    with pytest.raises(KeyboardInterrupt):
        in_chunks(database, killed, 10)
    assert states(database) == {"HELD": 20, "DUE": 30}
    assert settle(database, tenant_id, None, size=10).held == 5
    assert states(database) == {"HELD": 25, "DUE": 25}
    assert query(database, "SELECT count(*) FROM status_changes") == [(0,)]


def test_a_status_changed_by_sql_is_swept_both_ways(database, settings):
    enrolled(database, 5, at=START)
    query(database, "UPDATE journeys SET status = 'PAUSED'")
    query(database, "UPDATE tenants SET status = 'SUSPENDED'")
    with database.transaction() as connection:
        assert sweep(connection, settings) == {"held": 5, "released": 0}
    query(database, "UPDATE tenants SET status = 'ACTIVE'")
    with database.transaction() as connection:
        assert sweep(connection, settings) == {"held": 0, "released": 0}
    query(database, "UPDATE journeys SET status = 'ACTIVE'")
    with database.transaction() as connection:
        assert sweep(connection, settings) == {"held": 0, "released": 5}
        assert sweep(connection, settings) == {"held": 0, "released": 0}


def test_resume_does_not_guess(database, runner):
    tenant_id, _ = enrolled(database, 6, at=START)
    lives.pause_journey(database, tenant_id, "welcome")
    with pytest.raises(OverdueError, match=r"journey 'welcome' has 6 overdue steps: .*spread:30"):
        lives.resume_journey(database, tenant_id, "welcome", now=START + timedelta(hours=1))
    assert query(database, "SELECT status FROM journeys") == [("PAUSED",)]
    resumed = lives.resume_journey(database, tenant_id, "welcome", now=START - timedelta(hours=1))
    assert (resumed.status, resumed.released, resumed.overdue) == ("ACTIVE", 6, 0)
    assert runner.run_batch(START).messages == 6


def test_resume_runs_what_is_overdue(database, runner):
    tenant_id, _ = enrolled(database, 6, at=START)
    lives.suspend_tenant(database, tenant_id)
    later = START + timedelta(hours=1)
    resumed = lives.resume_tenant(database, tenant_id, Overdue("run"), now=later)
    assert (resumed.released, resumed.overdue) == (6, 6)
    assert runner.run_batch(later).messages == 6


def test_resume_spreads_what_is_overdue_evenly_in_order(database, monkeypatch):
    tenant_id, _ = enrolled(database, 10, at=START)
    query(
        database,
        "UPDATE pending_executions SET scheduled_at = %s WHERE journey_contact_id ="
        " (SELECT max(id) FROM journey_contacts)",
        START + timedelta(days=2),
    )
    lives.pause_journey(database, tenant_id, "welcome")
    later = START + timedelta(hours=1)
    monkeypatch.setattr(lives.decide_overdue, "__kwdefaults__", {"size": 4})
    lives.resume_journey(database, tenant_id, "welcome", Overdue("spread", 30), now=later)
    ats = [
        at
        for (at,) in query(
            database, "SELECT scheduled_at FROM pending_executions ORDER BY journey_contact_id"
        )
    ]
    assert ats[:9] == [later + timedelta(seconds=200 * n) for n in range(9)]
    assert ats[9] == START + timedelta(days=2)
    assert states(database) == {"DUE": 10}


def test_resume_skips_what_is_overdue_once(database, runner):
    tenant_id, journey = enrolled(database, 3, at=START)
    lives.pause_journey(database, tenant_id, "welcome")
    later = datetime.now(UTC)
    skip = Overdue("skip")
    lives.resume_journey(database, tenant_id, "welcome", skip, now=later)
    assert (
        query(
            database,
            "SELECT n.key, e.status, e.outcome, e.attempts, e.scheduled_at"
            " FROM journey_node_executions e"
            " JOIN journey_nodes n ON n.id = e.node_id",
        )
        == [("hello", "SKIPPED", "skipped", 0, START)] * 3
    )
    assert query(
        database,
        "SELECT DISTINCT n.key, p.state, p.steps, p.entered_at = p.scheduled_at"
        " FROM pending_executions p JOIN journey_nodes n ON n.id = p.node_id",
    ) == [("pause", "DUE", 2, True)]
    with database.transaction() as connection:
        figures = {
            row.key: (row.entered, row.waiting, row.skipped)
            for row in count_nodes(connection, tenant_id, journey.id)
        }
    assert (figures["hello"], figures["pause"]) == ((3, 0, 3), (3, 3, 0))
    assert runner.run_batch(later).rescheduled == 3
    assert statuses(database) == {}


def test_a_skip_killed_midway_does_not_skip_twice(database, monkeypatch):
    tenant_id, _ = enrolled(database, 6, at=START)
    lives.pause_journey(database, tenant_id, "welcome")
    monkeypatch.setattr(lives.decide_overdue, "__kwdefaults__", {"size": 4})
    with monkeypatch.context() as patch:
        patch.setattr(lives, "change_status", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            lives.resume_journey(database, tenant_id, "welcome", Overdue("skip"))
    lives.resume_journey(database, tenant_id, "welcome", Overdue("skip"))
    assert query(database, "SELECT count(*) FROM journey_node_executions") == [(6,)]


@pytest.mark.parametrize("text", ["", "now", "spread", "spread:0", "spread:-1", "spread:x", "Run"])
def test_what_is_no_way_with_overdue_steps(text):
    with pytest.raises(lives.DefiniteError, match="no way with overdue steps"):
        Overdue.parse(text)


def test_ways_with_overdue_steps():
    assert [Overdue.parse(text) for text in ("run", "skip", "spread:1.5")] == [
        Overdue("run"),
        Overdue("skip"),
        Overdue("spread", 1.5),
    ]


def test_archive_cancels_what_was_not_sent(database, runner):
    tenant_id, _ = enrolled(database, 3, at=START)
    runner.run_batch(START)
    archived = lives.archive_journey(database, tenant_id, "welcome")
    assert (archived.cancelled, archived.held) == (3, 3)
    assert statuses(database) == {"CANCELLED": 3}
    with pytest.raises(lives.DefiniteError, match="ARCHIVED"):
        lives.pause_journey(database, tenant_id, "welcome")


def statements_of(database, work):
    with count_statements() as count:
        work()
    return count.statements


def test_statements_do_not_grow_with_the_steps(database):
    figures = []
    for slug, count in (("small", 10), ("large", 2000)):
        tenant_id, _ = enrolled(database, count, slug=slug, at=START)
        figures.append(
            [
                statements_of(
                    database, lambda t=tenant_id: lives.pause_journey(database, t, "welcome")
                ),
                *(
                    statements_of(
                        database,
                        lambda t=tenant_id, w=way: (
                            lives.resume_journey(database, t, "welcome", Overdue.parse(w)),
                            lives.pause_journey(database, t, "welcome"),
                        ),
                    )
                    for way in ("run", "spread:5", "skip")
                ),
            ]
        )
    assert figures[0] == figures[1]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_batch_begins_while_a_change_waits(database, settings, monkeypatch, change):
    """Postgres would let it share the row with the batch that the change waits for."""
    tenant_id, _ = enrolled(database, 4, at=START)
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 2}))
    with Stopped(runner, monkeypatch, now=START) as stopped, ThreadPoolExecutor(1) as pool:
        changed = pool.submit(change, database, tenant_id)
        wait_until(lambda: waiting(database))
        meanwhile = runner.run_batch(START).claimed
        assert stopped.commit().claimed == 2
        assert changed.result(20).held == 4
    assert meanwhile == 0


WAITING_FOR = {
    "journey": "welcome",
    "start": "ask",
    "nodes": {
        "ask": {
            "type": "wait_for",
            "event": "reply",
            "next": "done",
            "timeout": "late",
            "days": 1,
        },
        "late": {"type": "delay", "days": 1, "next": "done"},
        "done": {"type": "end"},
    },
}


@pytest.mark.parametrize("change", ["hold", "skip", "spread"])
def test_a_step_that_an_event_comes_to_meanwhile_is_changed_as_well(database, runner, change):
    """Whoever changes it waits for the event's transaction, and then has to find it."""
    tenant_id, _ = enrolled(database, 3, raw=WAITING_FOR, at=START)
    runner.run_batch(START)
    later = START + timedelta(days=2)
    if change != "hold":
        lives.pause_journey(database, tenant_id, "welcome")
    contact = query(database, "SELECT id FROM contacts ORDER BY id LIMIT 1")[0][0]

    def work():
        if change == "hold":
            return lives.pause_journey(database, tenant_id, "welcome")
        way = Overdue("skip") if change == "skip" else Overdue("spread", 30)
        return lives.resume_journey(database, tenant_id, "welcome", way, now=later)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            event = Signal(tenant_id, contact, "reply", {"text": "yes"})
            assert send_signals(connection, [event], START) == 1
            done = pool.submit(work)
            wait_until(lambda: waiting(database) or done.done())
            assert not done.done()
        done.result(20)
    if change == "hold":
        assert states(database) == {"HELD": 3}
    elif change == "skip":
        assert query(
            database,
            "SELECT n.key, count(*) FROM pending_executions p"
            " JOIN journey_nodes n ON n.id = p.node_id GROUP BY 1 ORDER BY 1",
        ) == [("ask", 1), ("late", 2)]
        runner.run_batch(later)  # whoever has answered is not passed over
        assert query(
            database,
            "SELECT status, outcome, result, count(*) FROM journey_node_executions"
            " GROUP BY 1, 2, 3 ORDER BY 1",
        ) == [("COMPLETED", "reply", {"text": "yes"}, 1), ("SKIPPED", "skipped", None, 2)]
    else:
        assert query(database, "SELECT min(scheduled_at) FROM pending_executions") == [(later,)]
