import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.calls.ami.framing import Framing

STREAM = (
    b"Asterisk Call Manager/11.0.0\r\n"
    b"Response: Success\r\nActionID: 1\r\nOutput: one\r\nOutput: \r\nOutput: a: b\r\n\r\n"
    b"Event: Newchannel\r\nCallerIDName:  two blanks\r\nExten: \r\n"
    b"ChanVariable: CALLTYPE=\r\nChanVariable: DIALSTATUS=BUSY\r\nUniqueid: 1.0\r\n\r\n"
    b"Response: Failure\r\nEvent: OriginateResponse\r\nReason: 3\r\n\r\n"
    b"Event: Cdr\r\nSource: \xce\x95\xce\xbb\xce\xad\xce\xbd\xce\xb7 \xf0\x9f\x98\r\n\r\n"
    b"Event: X\r\nA: J\xfcrgen\r\n\r\n"
)


def frame(pieces, **options):
    framing = Framing(**options)
    messages = [message for piece in pieces for message in framing.feed(piece)]
    framing.finish()
    return framing, messages


def cut(data, places):
    bounds = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


def test_keys_values_and_repeats():
    framing, messages = frame([STREAM])
    response, newchannel, originate, cdr, latin = messages
    assert framing.banner == "Asterisk Call Manager/11.0.0"
    assert response.event is None
    assert response.values("Output") == ["one", "", "a: b"]
    assert newchannel.event == "Newchannel"
    assert newchannel.fields["CallerIDName"] == " two blanks"
    assert newchannel.fields["Exten"] == ""
    assert newchannel.values("ChanVariable") == ["CALLTYPE=", "DIALSTATUS=BUSY"]
    assert newchannel.values("Uniqueid") == ["1.0"]
    assert newchannel.values("Missing") == []
    assert originate.event == "OriginateResponse"
    assert originate.fields["Response"] == "Failure"
    assert cdr.fields["Source"] == "Ελένη \xf0\x9f\x98"  # cut inside a character
    assert latin.fields["A"] == "Jürgen"


def test_a_key_ends_at_the_first_colon_and_one_blank_goes():
    _, (message,) = frame([b"A:b: c\r\nNothing\r\nD:  e\r\nF:\r\nD: g\r\n\r\n"])
    assert message.fields == {"A": "b: c", "D": " e", "F": ""}
    assert message.repeated == {"D": [" e", "g"]}


@given(st.lists(st.integers(0, len(STREAM))))
def test_the_pieces_make_no_difference(places):
    assert frame(cut(STREAM, places))[1] == frame([STREAM])[1]


WORDS = [
    b"Event: A\r\n",
    b"Asterisk Call Manager/11\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"K: v",
    b"x" * 30,
]


@given(st.lists(st.sampled_from(WORDS)).map(b"".join), st.data())
def test_the_pieces_of_garbage_make_no_difference_either(data, draw):
    places = draw.draw(st.lists(st.integers(0, len(data))))
    whole, messages = frame([data], max_message_bytes=40)
    framing, again = frame(cut(data, places), max_message_bytes=40)
    assert again == messages
    assert framing.dropped == whole.dropped
    assert framing.banner == whole.banner


@pytest.mark.parametrize(
    "end", [b"Event: B", b"Event: B\r\n", b"Event: B\r\nTimestamp: 1.5\r\n", b"Event: B\r\n\r"]
)
def test_a_message_broken_off_by_the_end_is_dropped_and_counted(end):
    framing, messages = frame([b"Event: A\r\n\r\n" + end])
    assert [message.event for message in messages] == ["A"]
    assert framing.dropped.broken == 1


def test_a_message_that_is_too_long_is_dropped_and_the_next_one_read():
    framing = Framing(max_message_bytes=1000)
    for _ in range(1000):
        assert list(framing.feed(b"x" * 10_000)) == []
        assert len(framing._buffer) <= 1010
    events = [m.event for m in framing.feed(b"\r\nK: v\r\n\r\nEvent: A\r\n\r\n")]
    assert events == ["A"]
    assert framing.dropped.too_long == 1
    assert framing.dropped.broken == 0


def test_a_message_may_be_as_long_as_the_bound():
    text = b"Event: " + b"A" * 93
    assert len(text) == 100
    assert len(frame([text + b"\r\n\r\n"], max_message_bytes=100)[1]) == 1
    assert frame([text + b"A\r\n\r\n"], max_message_bytes=100)[0].dropped.too_long == 1


def test_recordings_put_together_lose_only_the_broken_message_between():
    recording = b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\nEvent: B\r\nCause: 1"
    framing, messages = frame([recording + b"\r\n" + recording + b"\r\n\r\n"])
    assert [message.event for message in messages] == ["A", "A", "B"]
    assert framing.dropped.broken == 1
