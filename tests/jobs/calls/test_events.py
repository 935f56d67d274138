"""Batches of events from other services."""

import pytest

from db.counter import count_statements
from jobs.calls.events import EventsError, take_events
from jobs.calls.merge.row import project
from tests.jobs.calls.recorded import arriving, messages, rows


def told(message):
    return dict(message.fields) | {key: list(values) for key, values in message.repeated.items()}


def stored(database):
    with database.transaction() as connection:
        found = connection.execute("SELECT unique_id, state FROM call_quarantine").fetchall()
    return {linked: project(linked, state) for linked, state in found}


def test_batches_come_to_the_same_rows_as_a_listener(database, owners):
    events = [told(message) for message in messages("a-mixed20") if message.event]
    half = len(events) // 2
    for batch in (events[half:], events[:half], events[half - 100 :]):
        assert take_events(database, owners, "pbx", batch).refused == {}
    assert stored(database) == rows(arriving(messages("a-mixed20")))


def test_the_statements_do_not_grow_with_the_batch(database, owners):
    events = [told(message) for message in messages("f-cut-full") if message.event]
    counts = []
    for size in (200, len(events)):
        with count_statements() as count:
            take_events(database, owners, f"pbx-{size}", events[:size])
        counts.append(count.statements)
    assert max(counts) <= 4  # with the lookup of new numbers


def test_what_cannot_be_read_is_named_and_the_rest_is_taken(database, owners):
    good = {"Event": "Newchannel", "Uniqueid": "1795311959.1", "Linkedid": "1795311959.1"}
    batch = [
        "text",
        {"Uniqueid": "1"},
        good | {"CallerIDName": "a\0b\ud83d", "ChanVariable": ["A=1", "B=2"]},
        good | {"Priority": 1},
        good | {"ChanVariable": []},
    ]
    taken = take_events(database, owners, "pbx", batch)
    assert sorted(taken.refused) == [0, 1, 3, 4]
    assert taken.refused[3] == "Priority: it is neither a text nor a list of texts"
    assert taken.calls == 1
    assert stored(database).keys() == {"1795311959.1"}


def test_a_batch_of_no_pbx_or_zone_is_refused(database, owners):
    with pytest.raises(EventsError, match="no time zone"):
        take_events(database, owners, "pbx", [], timezone="Mars/Base")
    with pytest.raises(EventsError, match="which PBX"):
        take_events(database, owners, "", [])
