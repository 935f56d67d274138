"""What recordings don't show: calls that become one, records without a call, hostile texts."""

import itertools
from zoneinfo import ZoneInfo

from jobs.calls.ami.framing import Message
from jobs.calls.merge.facts import join
from jobs.calls.merge.reading import Reader
from jobs.calls.merge.row import project
from tests.jobs.calls.recorded import arriving, rows


def event(name, at, uid, linked=None, **fields):
    told = {"Event": name, "Timestamp": f"{1795311000 + at:.6f}"}
    told |= {"Uniqueid": f"1795311000.{uid}", "Linkedid": f"1795311000.{linked or uid}"}
    return Message(told | {key.replace("_", "-"): value for key, value in fields.items()})


def newchannel(at, uid, linked=None, **fields):
    given = {"Channel": f"PJSIP/a-{uid:08x}", "Exten": "100", "ChannelState": "4"}
    return event("Newchannel", at, uid, linked, **given | fields)


def hangup(at, uid, linked=None, cause="16"):
    return event("Hangup", at, uid, linked, Cause=cause, Cause_txt="Text", Exten="h")


PICKUP = [
    newchannel(0, 1, CallerIDNum="4915111111", Exten="4930555"),
    newchannel(1, 2, 1),
    newchannel(5, 3, CallerIDNum="202", Exten="*8"),  # the phone that picks up, a call of its own
    event("Newstate", 5.1, 3, 1, ChannelState="6"),
    hangup(9, 2, 1),
    hangup(9, 3, 1),
    hangup(9, 1),
]


def test_a_call_that_goes_over_to_another_is_closed():
    for order in itertools.permutations(PICKUP):
        found = rows(arriving(order))
        assert found.keys() == {"1795311000.1", "1795311000.3"}
        own = found["1795311000.3"]
        assert (own.status, own.unknown_end, own.dialed) == ("ENDED", False, "*8")
        assert (own.from_number, own.ended_at) == ("202", 1795311005.0)
        assert found["1795311000.1"].from_number == "4915111111"
        break_at = found["1795311000.1"]
        assert (break_at.status, break_at.ended_at) == ("ENDED", 1795311009.0)


def record(uid, **fields):
    told = {"Event": "Cdr", "Timestamp": "1795311009.5", "UniqueID": f"1795311000.{uid}"}
    told |= {"StartTime": "2026-11-22 01:30:00", "AnswerTime": "2026-11-22 01:30:02"}
    told |= {"EndTime": "2026-11-22 01:30:09", "BillableSeconds": "7", "Disposition": "ANSWERED"}
    return Message(told | {"Source": "4915111111", "DestinationChannel": "x"} | fields)


def test_a_record_goes_to_its_channels_call_even_if_it_comes_first():
    told = [newchannel(0, 1, CallerIDNum="4915111111"), newchannel(1, 2, 1), record(2)]
    for order in itertools.permutations([*told, hangup(9, 1), hangup(9, 2, 1)]):
        found = rows(arriving(order))
        assert found.keys() == {"1795311000.1"}
        assert found["1795311000.1"].disposition == "ANSWERED"


def test_a_call_heard_of_by_its_record_alone_has_a_row():
    row = rows(arriving([record(7)]))["1795311000.7"]
    assert (row.status, row.disposition, row.from_number) == ("ENDED", "ANSWERED", "4915111111")
    assert (row.billable_seconds, row.duration) == (7, 9)


def test_a_record_may_name_its_call():
    found = rows(arriving([newchannel(0, 1), record(2, LinkedID="1795311000.1")]))
    assert found.keys() == {"1795311000.1"}


def lost(found, at):
    join(found, {"lost|": [at]})
    return project("1795311000.1", found)


def test_a_call_whose_end_was_missed_is_closed_and_marked():
    reader = Reader(ZoneInfo("UTC"))
    for message in [newchannel(0, 1), newchannel(1, 2, 1), hangup(4, 2, 1)]:
        reader.read(message, 0)
    facts = reader.take()["1795311000.1"]
    assert project("1795311000.1", facts).status == "STARTED"
    row = lost(facts, 1795311060.0)
    assert (row.status, row.unknown_end, row.ended_at) == ("ENDED", True, 1795311060.0)
    assert row.disposition == "NO ANSWER"
    # It was alive after all, and its end is heard of.
    reader.read(event("Newstate", 70, 1, ChannelState="6"), 0)
    join(facts, reader.take()["1795311000.1"])
    assert project("1795311000.1", facts).status == "ANSWERED"
    reader.read(hangup(80, 1), 0)
    row = project("1795311000.1", join(facts, reader.take()["1795311000.1"]))
    assert (row.status, row.unknown_end, row.ended_at) == ("ENDED", False, 1795311080.0)


def test_items_of_lists_and_events_without_a_channel_are_passed_over():
    reader = Reader(ZoneInfo("UTC"))
    for fields in (
        {"Event": "CoreShowChannel", "ActionID": "1", "Uniqueid": "1.1", "Linkedid": "1.1"},
        {"Event": "VarSet", "Channel": "none", "Uniqueid": "none"},
        {"Event": "Hangup", "Uniqueid": "none", "Linkedid": "none"},
        {"Event": "UserEvent", "UserEvent": "x"},
        {"Event": "Cdr"},
        {"Response": "Success"},
    ):
        reader.read(Message(fields), 1.0)
    reader.settle()
    assert reader.take() == {}


def test_a_long_text_is_cut_and_a_dialplans_own_events_are_kept():
    told = [
        newchannel(0, 1),
        event("UserEvent", 1, 1, UserEvent="IVRResponse", Digit="5", Note="x" * 5000),
        event("UserEvent", 2, 1, UserEvent="CallStatus", Status="machine"),
    ]
    (row,) = rows(arriving([*told, *told])).values()
    assert [told["UserEvent"] for told in row.user_events] == ["IVRResponse", "CallStatus"]
    assert row.user_events[0]["Digit"] == "5"
    assert 100 < len(row.user_events[0]["Note"]) < 1000


def dial(at, caller, callee, place, status=None):
    told = event("DialEnd" if status else "DialBegin", at, caller, 1, Context="in", Exten="100")
    fields = dict(told.fields) | {"Priority": str(place), "DestUniqueid": f"1795311000.{callee}"}
    fields |= {"DestLinkedid": "1795311000.1", "ChannelState": "6" if at > 0 else "4"}
    return Message(fields | ({"DialStatus": status} if status else {}))


def test_a_queue_that_nobody_took_is_no_answer_until_the_dialplan_goes_on():
    told = [newchannel(0, 1), event("Newstate", 0.1, 1, ChannelState="6", Exten="100")]
    told += [newchannel(1, 2, 1), dial(1, 1, 2, 5), dial(4, 1, 2, 5, "NOANSWER"), hangup(4, 2, 1)]
    abandoned = [event("HangupRequest", 5, 1, Context="in", Exten="100", Priority="5")]
    goes_on = [event("HangupRequest", 9, 1, Context="in", Exten="100", Priority="6")]
    (row,) = rows(arriving([*told, *abandoned, hangup(5, 1)])).values()
    assert (row.disposition, row.answered_at) == ("NO ANSWER", None)
    (row,) = rows(arriving([*told, *goes_on, hangup(9, 1)])).values()
    assert (row.disposition, row.answered_at) == ("ANSWERED", 1795311004.0)
