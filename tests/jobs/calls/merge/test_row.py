"""Rows against what Asterisk itself wrote of the same calls."""

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.calls.ami.framing import Framing, Message
from tests.jobs.calls.recorded import (
    arriving,
    disagreements,
    messages,
    recorded_bytes,
    rows,
    without,
    written,
)

WHOLE = {
    "a-mixed20": ("a-mixed20",),
    "d-reconnect": ("d-reconnect-full",),
    "e-users": ("e-users-calllog",),
    "f-cut": ("f-cut-full",),
    "h-stop": ("h-stop-part1", "h-stop-part2"),
}
CUT = {
    "d-reconnect": ("d-reconnect-part1", "d-reconnect-part2"),
    "f-cut": tuple(f"f-cut-{number}" for number in range(1, 10)),
}


def all_disagreements(found, calls, **how):
    differing = {linked: disagreements(found.get(linked), calls[linked], **how) for linked in calls}
    return {linked: fields for linked, fields in differing.items() if fields}


@pytest.mark.parametrize("name", WHOLE)
def test_one_row_a_call_as_asterisk_wrote_it(name):
    found = rows(arriving(messages(*WHOLE[name])))
    assert found.keys() == written(name).keys()
    assert all_disagreements(found, written(name)) == {}


@pytest.mark.parametrize("name", WHOLE)
def test_channel_events_alone_give_the_same_rows(name):
    told = messages(*WHOLE[name])
    silent = [message for message in told if message.event not in {"Cdr", "CEL"}]
    assert rows(arriving(silent)) == rows(arriving(told))


@pytest.mark.parametrize("name", WHOLE)
def test_a_user_who_may_read_only_calls_gets_the_same_calls(name):
    calls = [m for m in messages(*WHOLE[name]) if m.fields.get("Privilege") == "call,all"]
    assert all_disagreements(rows(arriving(calls)), written(name)) == {}


def test_a_recording_of_such_a_user():
    found = rows(arriving(messages("e-users-callonly")))
    assert all_disagreements(found, written("e-users")) == {}


@pytest.mark.parametrize("name", WHOLE)
def test_without_timestamps_asterisks_own_records_tell_the_times(name):
    told = without(messages(*WHOLE[name]), "Timestamp")
    calls = {linked: call for linked, call in written(name).items() if call["cdrs"]}
    assert all_disagreements(rows(arriving(told)), calls) == {}


def test_without_timestamps_arrivals_tell_the_times_of_calls_without_records():
    told = messages("a-mixed20")
    paced = [
        (m, float(m.fields["Timestamp"]) + 3600) for m in told if "Timestamp" in m.fields
    ]  # of a listener whose clock is an hour ahead
    silent = [(message, at) for message, at in paced if message.event != "Cdr"]
    bare = [(without([message], "Timestamp")[0], at) for message, at in silent]
    assert all_disagreements(rows(bare), written("a-mixed20")) == {}


def test_local_times_are_read_in_the_zone_of_the_pbx():
    def later(message):  # the same records, written by a PBX in New York
        fields = dict(message.fields)
        for key in ("StartTime", "AnswerTime", "EndTime"):
            if fields[key]:
                fields[key] = re.sub(r"-22 01:", "-21 20:", fields[key])
        return Message(fields)

    told = [later(m) if m.event == "Cdr" else m for m in messages("a-mixed20")]
    found = rows(arriving(without(told, "Timestamp")), zone="America/New_York")
    calls = {linked: call for linked, call in written("a-mixed20").items() if call["cdrs"]}
    assert all_disagreements(found, calls) == {}


def test_uniqueids_may_begin_with_the_name_of_the_system():
    def named(value):
        return re.sub(r"^(\d{10}\.\d+)$", r"pbx-a-\1", value)

    told = [
        Message({"SystemName": "pbx-a"} | {k: named(v) for k, v in m.fields.items()}, m.repeated)
        for m in without(messages("a-mixed20"), "Timestamp")
        if m.event
    ]
    calls = {named(linked): call for linked, call in written("a-mixed20").items() if call["cdrs"]}
    found = rows(arriving(told))
    assert all_disagreements(found, calls, unique_id=named) == {}


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(["a-mixed20", "e-users"]), st.integers(0, 2**32), st.integers(1, 3000))
def test_order_doubling_and_flushes_make_no_difference(name, seed, batch):
    told, chance = arriving(messages(*WHOLE[name])), random.Random(seed)
    shuffled = told + chance.sample(told, len(told) // 2)
    chance.shuffle(shuffled)
    assert rows(shuffled, batch=batch) == rows(told)


def test_the_pieces_make_no_difference():
    data, chance = recorded_bytes("a-mixed20"), random.Random(5)
    places = sorted(chance.sample(range(len(data)), 3000))
    framing = Framing()
    told = []
    for start, end in itertools.pairwise([0, *places, len(data)]):
        told += framing.feed(data[start:end])
    assert told == list(messages("a-mixed20"))


@pytest.mark.parametrize("name", CUT)
def test_cut_connections_lose_no_call_that_lies_inside_one(name):
    def times(told):
        seen = {}
        for message in told:
            if "Timestamp" in message.fields and "Linkedid" in message.fields:
                key = (message.fields["Timestamp"], message.event)
                seen.setdefault(message.fields["Linkedid"], []).append(key)
        return {linked: sorted(keys) for linked, keys in seen.items()}

    uncut = times(messages(*WHOLE[name]))
    inside = {
        linked
        for part in CUT[name]
        for linked, keys in times(messages(part)).items()
        if keys == uncut[linked]
    }
    assert len(inside) > 20
    found = rows(arriving(messages(*CUT[name])))
    calls = {linked: written(name)[linked] for linked in inside}
    assert all_disagreements(found, calls) == {}


def test_what_people_look_at():
    found = rows(arriving(messages("f-cut-full")))
    row = next(row for row in found.values() if row.user_events)
    assert row.user_events[0]["UserEvent"] == "CallNote"
    assert row.user_events[0]["Note"] == "first: second; third"
    assert [event["event"] for event in row.flow[:3]] == ["channel", "channel", "ringing"]
    assert row.flow[-1]["event"] == "hangup"
    assert (row.direction, row.trunk, row.agent_extension) == ("inbound", "IAX2/carrier", "207")
    mixed = rows(arriving(messages("a-mixed20")))
    assert {row.transfer_number for row in mixed.values()} == {None, "203", "216"}
    assert mixed["1795311971.43"].direction == "outbound"  # click to call
    assert mixed["1795311970.39"].presented == "493012345000"
