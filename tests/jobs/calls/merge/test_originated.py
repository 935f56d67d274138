"""Calls that the PBX was asked for and that came to nothing."""

import itertools
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from jobs.calls.ami.framing import Message
from jobs.calls.merge.reading import Reader
from jobs.calls.merge.row import CallRow, project
from jobs.calls.outcomes import call_outcome

ID = f"{UUID(int=1).hex}-{UUID(int=2).hex}-1"
AT = 1795311972.5


def failure(action_id=ID, **fields):
    return Message(
        {"Event": "OriginateResponse", "Timestamp": str(AT), "ActionID": action_id,
         "Response": "Failure", "Reason": "0", "Uniqueid": "<unknown>", **fields}
    )  # fmt: skip


def event(name, at, **fields):
    channel = {"Channel": "PJSIP/x-1", "Uniqueid": ID, "Linkedid": ID, "ChannelState": "5"}
    return Message({"Event": name, "Timestamp": str(at), **channel, **fields})


def read(*messages):
    reader = Reader(ZoneInfo("UTC"))
    for place, message in enumerate(messages):
        reader.read(message, AT + place)
    return {linked: project(linked, facts) for linked, facts in reader.take().items()}


def test_one_that_never_had_a_channel_has_failed():
    assert read(failure()) == {
        ID: CallRow(
            ID, "outbound", status="ENDED", disposition="FAILED",
            started_at=AT, ended_at=AT, duration=0, billable_seconds=0,
        )
    }  # fmt: skip
    row = read(failure())[ID]
    assert call_outcome(row.disposition, row.transfer_number, row.user_events) == "failed"


@pytest.mark.parametrize("action_id", ["", "click-19", "x" * 67])
def test_what_others_asked_for_is_theirs(action_id):
    assert read(failure(action_id)) == {}


def test_of_one_that_had_a_channel_the_channel_tells_whatever_comes_first():
    told = [
        event("Newchannel", AT - 2, ChannelState="0"),
        Message({"Event": "DialEnd", "Timestamp": str(AT - 1), "DialStatus": "BUSY",
                 "DestUniqueid": ID, "DestLinkedid": ID, "DestChannel": "PJSIP/x-1"}),
        event("Hangup", AT, Cause="17"),
        failure(),
    ]  # fmt: skip
    rows = [read(*order)[ID] for order in itertools.permutations(told)]
    assert {(row.disposition, row.status) for row in rows} == {("BUSY", "ENDED")}
