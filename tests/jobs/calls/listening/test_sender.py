"""The spool against a real Redis that is emptied, goes away and comes back."""

import pytest
import redis

from db.queries.calls.logs import CallKey
from jobs.calls.listening.sender import Sender
from jobs.calls.listening.spool import open_spool
from jobs.calls.stream import SHARDS, Stage, entry_of
from tests.redis_keys import delete_keys


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def spool(tmp_path):
    opened = open_spool(tmp_path / "spool", max_bytes=100_000)
    yield opened
    opened.close()


def batch(start, count=5):
    return [
        entry_of(CallKey("pbx", f"1795311959.{n}"), Stage.GOES_ON, {"n": n})
        for n in range(start, start + count)
    ]


def held(stream):
    return [entry.entry for shard in range(SHARDS) for entry in stream.take(shard)[0]]


def commit(stream):
    for shard in range(SHARDS):
        stream.forget(shard, [entry.id for entry in stream.take(shard)[0]])


def test_what_was_committed_is_trimmed_and_nothing_else(stream, spool):
    sender = Sender(stream, spool)
    spool.append(batch(0))
    assert sender.send()
    assert sender.send()  # and not once more
    assert sum(stream.lengths()) == 5
    sender.trim()
    assert len(spool) == 1
    commit(stream)
    spool.append(batch(5))
    sender.send()
    sender.trim()
    assert [b.number for b in spool.batches()] == [2]
    commit(stream)
    sender.trim()
    assert (len(spool), spool.size_bytes) == (0, 0)


def test_an_emptied_redis_is_given_everything_once_more(stream, spool, settings):
    sender = Sender(stream, spool)
    for start in (0, 5, 10):
        spool.append(batch(start))
    sender.send()
    delete_keys(settings.require("redis_url"), settings.broker_namespace)  # as FLUSHALL does
    assert sum(stream.lengths()) == 0
    sender.trim()
    assert sorted(held(stream)) == sorted([*batch(0), *batch(5), *batch(10)])
    assert len(spool) == 3
    commit(stream)
    sender.trim()
    assert len(spool) == 0


def test_a_server_that_started_anew_is_given_everything_once_more(stream, spool, monkeypatch):
    sender = Sender(stream, spool)
    spool.append(batch(0))
    sender.send()
    commit(stream)  # or lost with the server's last second: nobody can tell
    monkeypatch.setattr(stream, "identify", lambda _name: "another run")
    sender.trim()
    assert len(spool) == 1
    assert sorted(held(stream)) == sorted(batch(0))


def test_while_redis_is_away_the_spool_grows_and_is_sent_in_order(stream, spool, monkeypatch):
    clock = Clock()
    sender = Sender(stream, spool, clock=clock)
    spool.append(batch(0))
    with monkeypatch.context() as away:

        def refuse(*_):
            raise redis.ConnectionError("refused")

        away.setattr(stream, "send", refuse)
        assert not sender.send()
        spool.append(batch(5))
        assert not sender.send()  # is not even asked
    assert not sender.send()
    assert sender.unsent == 2
    clock.now += 0.2
    assert sender.send()
    order = [entry.facts for entry in held(stream)]
    by_shard = [held.entry.facts for held in stream.take(0)[0]]
    assert len(order) == 10
    assert by_shard == sorted(by_shard, key=lambda text: int(text[5:-1]))


def test_what_a_killed_listener_left_is_sent_by_the_next(stream, spool):
    spool.append(batch(0))
    assert Sender(stream, spool).send()
    assert Sender(stream, spool).send()  # the next doesn't know what the first had sent
    assert len(held(stream)) == 10
