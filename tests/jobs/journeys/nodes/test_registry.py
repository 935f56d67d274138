import inspect
from datetime import UTC, datetime

import pytest

from jobs.journeys.facts import is_fact
from jobs.journeys.nodes.node import Node
from jobs.journeys.nodes.registry import NODE_TYPES
from tests.jobs.journeys.journeys import EVERY_TYPE
from tests.jobs.journeys.steps import STEP


def test_types_are_registered_by_their_name():
    assert set(NODE_TYPES) == {
        "send_sms", "make_call", "delay", "day", "wait_until", "condition", "split",
        "update_contact", "wait_for", "webhook", "approval", "score_lead", "goal",
        "add_to_campaign",
        "remove_from_campaign", "enroll", "end",
    }  # fmt: skip
    assert all(node_type.type == name for name, node_type in NODE_TYPES.items())
    assert not any(inspect.isabstract(node_type) for node_type in NODE_TYPES.values())


@pytest.mark.parametrize("key", EVERY_TYPE["nodes"])
def test_evaluators_are_pure_and_ask_for_facts_that_exist(key):
    config = dict(EVERY_TYPE["nodes"][key])
    node = NODE_TYPES[config.pop("type")].model_validate(config)
    assert isinstance(node, Node)
    names = node.inputs() | node.due_inputs()
    own = {name: read(STEP, None, "UTC") for name, read in node.computed(key).items()}
    assert own.keys() <= names
    assert all(map(is_fact, names - own.keys()))

    now = datetime(2026, 3, 2, tzinfo=UTC)
    instants = {"enrolled_at": now, "entered_at": now, "zone": "UTC"}
    facts = {name: own[name] if name in own else instants.get(name) for name in names}
    before = dict(facts)
    assert node.evaluate(facts, now) == node.evaluate(dict(facts), now)
    assert node.due_at(facts, now) == node.due_at(facts, now) >= now
    assert facts == before
