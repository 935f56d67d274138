import pytest

from jobs.journeys.decisions import Advance, PlaceCall, Reschedule
from jobs.journeys.definition import DefinitionError, check_definition
from jobs.journeys.nodes.limited_wait import NEVER
from jobs.journeys.nodes.make_call import OUTCOMES, MakeCall
from tests.jobs.journeys.steps import NOW

CALL = MakeCall(next="on")
FACTS = {"signal": None, "do_not_contact": False, "first_name": "Ada\r\nX-Injected: 1"}


def test_a_call_is_asked_for_with_all_that_it_needs():
    node = MakeCall(
        next="on",
        sender="+15550001111",
        extension="ivr-2",
        ring_seconds=12,
        variables={"NAME": " {{ first_name }} ", "EMPTY": "{{ last_name }}"},
    )
    assert node.inputs() == {"signal", "do_not_contact", "first_name", "last_name"}
    asked = PlaceCall("+15550001111", "ivr-2", 12, {"NAME": "Ada X-Injected: 1", "EMPTY": ""})
    assert node.evaluate({**FACTS, "last_name": None}, NOW) == Reschedule(
        NEVER, wait_key="call:", effects=(asked,)
    )
    plain = CALL.evaluate(FACTS, NOW)
    assert isinstance(plain, Reschedule)
    assert plain.effects == (PlaceCall("sticky", "s", 30),)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_outcome_is_the_branch(outcome):
    signal = {"outcome": outcome, "billable_seconds": 3}
    facts = {**FACTS, "signal": signal, "do_not_contact": True}
    assert CALL.evaluate(facts, NOW) == Advance(outcome, result=signal)
    assert CALL.edges()[outcome] == "on"
    assert MakeCall(next="on", **{outcome: "there"}).edges()[outcome] == "there"


@pytest.mark.parametrize("signal", [{}, {"outcome": "next"}, {"outcome": None}])
def test_an_outcome_that_is_none_counts_as_failed(signal):
    assert CALL.evaluate({**FACTS, "signal": signal}, NOW) == Advance("failed", result=signal)


def test_who_is_not_to_be_contacted_passes():
    skipped = CALL.evaluate({**FACTS, "do_not_contact": True}, NOW)
    assert skipped == Advance("next", "SKIPPED", result={"skipped": "do_not_contact"})
    assert CALL.edges()[CALL.skip_outcome] == "on"


def test_a_variable_too_long_for_the_pbx_is_an_error():
    node = MakeCall(next="on", variables={"NOTE": "{{ first_name }}"})
    assert node.evaluate({**FACTS, "first_name": "x" * 500}, NOW)
    with pytest.raises(ValueError, match="variable NOTE: longer than 500 characters"):
        node.evaluate({**FACTS, "first_name": "x" * 501}, NOW)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sender": "me"}, "field 'sender'"),
        ({"extension": "s,1\n"}, "field 'extension'"),
        ({"ring_seconds": 4}, "field 'ring_seconds'"),
        ({"variables": {"A B": "x"}}, "field 'variables.A B"),
        ({"variables": {"A": "{{ nope }}"}}, "unknown field nope"),
        ({"busy": "nowhere"}, "edge 'busy': there is no node 'nowhere'"),
        ({"next": None}, "field 'next'"),
    ],
)
def test_mistakes_are_told_when_the_journey_is_applied(fields, problem):
    raw = {
        "journey": "j",
        "start": "call",
        "nodes": {"call": {"type": "make_call", "next": "z"} | fields, "z": {"type": "end"}},
    }
    with pytest.raises(DefinitionError, match=problem):
        check_definition(raw)


def test_a_node_that_is_not_there_is_told_once():
    nodes = {"call": {"type": "make_call", "next": "nowhere", "busy": "z"}, "z": {"type": "end"}}
    with pytest.raises(DefinitionError) as caught:
        check_definition({"journey": "j", "start": "call", "nodes": nodes})
    assert caught.value.problems == ["node 'call', edge 'next': there is no node 'nowhere'"]


def test_who_is_to_be_called_again_waits_in_between():
    """An outcome may come within the seconds in which a second visit counts as a loop."""
    nodes = {"call": {"type": "make_call", "next": "z", "busy": "call"}, "z": {"type": "end"}}
    with pytest.raises(DefinitionError, match="the cycle call → call has no node that waits"):
        check_definition({"journey": "j", "start": "call", "nodes": nodes})
    nodes["call"]["busy"] = "pause"
    nodes["pause"] = {"type": "delay", "hours": 1, "next": "call"}
    assert check_definition({"journey": "j", "start": "call", "nodes": nodes})
