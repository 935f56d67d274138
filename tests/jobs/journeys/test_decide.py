"""Grouping must change nothing: the reference evaluates each step alone."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.queries.journeys.rows import ContactRow, NodeRow, StepRow
from jobs.journeys.context import BatchContext, place_nodes
from jobs.journeys.decide import RetryPolicy, decide
from jobs.journeys.decisions import Advance, Fail, Reschedule
from jobs.journeys.facts import fact_reader
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.rules import Allowed, ExecutionRules, OpeningHours, Reach, Skip, quiet_hours

NOW = datetime(2026, 3, 8, 6, 30, tzinfo=UTC)  # half an hour before clocks change in New York
TENANTS = {UUID(int=n): zone for n, zone in enumerate(["America/New_York", "UTC", "Narnia"], 1)}
JOURNEY = UUID(int=100)
RETRY = RetryPolicy(3, timedelta(seconds=10))

# Values that look alike and are not, or that no comparison expects.
VALUES = [1, 1.0, True, "1", "1.0", "True", ["vip"], "['vip']", {"a": 1}, "{'a': 1}"]
VALUES += [None, "", [], {}, 0, 0.0, -0.0, False, 10**400, "2026-03-01", "x"]
TEXTS = ["Hi {{ first_name }}", "{{ attributes.n + 1 }}", "{{ data.n }}{{ attributes.n }}", "\x00"]
TEXTS += ["{% if attributes.n is string %}text{% else %}other{% endif %}", "{{ attributes.n }}"]


class Picky(LinearNode):
    """Raises, or answers oddly, for some facts; can't say when it is due."""

    type = "picky"

    def inputs(self):
        return frozenset({"attributes.n", "zone"})

    def due_inputs(self):
        return frozenset({"attributes.n"})

    def evaluate(self, facts, now):
        match facts["attributes.n"]:
            case bool():
                raise KeyError("n")
            case float():
                return Advance("elsewhere")
            case None:
                return Fail("nothing")
            case list():
                return Reschedule(now + timedelta(minutes=1), "a list")
        return Advance("next", result={"zone": facts["zone"], "n": repr(facts["attributes.n"])})

    def due_at(self, facts, now):
        return now + timedelta(seconds=facts["attributes.n"])


@st.composite
def configs(draw):
    value = st.sampled_from([value for value in VALUES if isinstance(value, str | int | float)])
    match draw(st.sampled_from(["send_sms", "delay", "day", "condition", "update_contact"])):
        case "send_sms":
            return "send_sms", {"body": draw(st.sampled_from(TEXTS))}
        case "delay":
            return "delay", {"minutes": draw(st.integers(1, 3))}
        case "day":
            return "day", {"day": draw(st.integers(0, 2)), "at": draw(st.times()).isoformat()}
        case "condition":
            field = draw(st.sampled_from(["attributes.n", "data.n", "status", "entered_at"]))
            op = draw(st.sampled_from(["eq", "ne", "lt", "contains", "starts_with"]))
            when = {"field": field, "op": op, "value": draw(value)}
            return "condition", {"branches": [{"when": when, "next": "?"}], "default": "?"}
        case _:
            return "update_contact", {"set": {"company": draw(st.sampled_from(TEXTS))}}


@st.composite
def nodes(draw, tenant_id, first_id):
    """The nodes of one version: every kind, one that is picky, one that no release knows."""
    drawn = [*draw(st.lists(configs(), min_size=1, max_size=5)), ("end", {}), ("fax", {})]
    keys = [f"n{n}" for n in range(len(drawn))] + ["picky"]
    rows = []
    for n, (kind, fields) in enumerate(drawn):
        config = fields
        to = draw(st.sampled_from(keys))
        if kind == "condition":
            branches = [{**fields["branches"][0], "next": to}]
            config = {"branches": branches, "default": draw(st.sampled_from(keys))}
            edges = {"branch-1": to, "default": config["default"]}
        elif kind == "end":
            edges = {}
        else:
            config = {**fields, "next": to}
            edges = {"next": draw(st.sampled_from([to, to, to, None]))}
        rows.append(
            NodeRow(tenant_id, JOURNEY, 1, first_id + n, keys[n], kind, config, edges, n == 0)
        )
    rows.append(
        NodeRow(
            tenant_id, JOURNEY, 1, first_id + len(drawn), "picky", "delay",
            {"seconds": 1, "next": "n0"}, {"next": "n0"}, False,
        )
    )  # fmt: skip
    placed = place_nodes(rows)
    readers = tuple((name, fact_reader(name)) for name in ["attributes.n", "zone"])
    placed[rows[-1].id] = dataclasses.replace(
        placed[rows[-1].id],
        node=Picky(next="n0"),
        readers=readers,
        due_readers=readers[:1],
        reads_contact=True,
    )
    return placed


values = st.sampled_from(VALUES)
rule_sets = st.builds(
    ExecutionRules,
    st.sampled_from([OpeningHours(frozenset({7}), time(3), time(8)), ExecutionRules().hours]),
    st.sampled_from(["next_opening", "next_business_day", "same_time_next_day", "skip", "pause"]),
    st.sampled_from([None, quiet_hours(time(21), time(8)), quiet_hours(time(3), time(4))]),
)
instants = st.sampled_from([NOW - timedelta(minutes=1), NOW - timedelta(days=2), NOW])


@st.composite
def batches(draw):
    placed, contacts, steps = {}, {}, []
    for tenant_id in draw(st.lists(st.sampled_from(list(TENANTS)), min_size=1, unique=True)):
        own = draw(nodes(tenant_id, 100 * (1 + list(TENANTS).index(tenant_id))))
        placed |= own
        ids = [UUID(int=1000 + n) for n in range(draw(st.integers(1, 4)))]
        for contact_id in ids:
            contacts[tenant_id, contact_id] = ContactRow(
                tenant_id, contact_id, "+15550000000", draw(st.sampled_from(["Ada", None])),
                None, None, None, draw(st.sampled_from([None, "Asia/Kathmandu", "Nowhere"])),
                draw(st.sampled_from(["NEW", "VIP"])), draw(st.booleans()), [],
                {"n": draw(values)},
            )  # fmt: skip
        for _ in range(draw(st.integers(1, 12))):
            steps.append(
                StepRow(
                    "(0,1)",
                    tenant_id,
                    len(steps),
                    JOURNEY,
                    1,
                    draw(st.sampled_from([*own, 9999])),
                    NOW,
                    draw(st.integers(0, 4)),
                    draw(instants),
                    draw(st.sampled_from(ids)),
                    1,
                    draw(instants),
                    draw(st.sampled_from([{}, {"n": 1}, {"n": "1"}, {"n": True}, ["no object"]])),
                    NOW,
                )
            )
    rules = {tenant_id: draw(rule_sets) for tenant_id in TENANTS}
    return draw(st.permutations(steps)), contacts, BatchContext(placed, TENANTS, rules)


def facts_of(node, key, names, step, contact, zone):
    """The named facts of one step, the node's own among them."""
    own = node.computed(key)
    return {name: (own.get(name) or fact_reader(name))(step, contact, zone) for name in names}


def by_the_rules(node, step, contact, context):
    if not node.reaches_contact:
        return Allowed()
    if contact.do_not_contact:
        return Skip("do_not_contact")
    zone = context.zones[step.tenant_id]
    return Reach.of(context.rules[step.tenant_id], zone, contact.timezone or zone).verdict(NOW)


def alone(step, contacts, context):  # noqa: PLR0911 - the plain way
    """(decision, next node, next time) of one step, the plain way."""
    placed = context.nodes.get(step.node_id)
    if placed is None:
        return RETRY.after(step, f"node {step.node_id} is gone", NOW), None, None
    if placed.node is None:
        return Fail(placed.problem), None, None
    contact = contacts[step.tenant_id, step.contact_id]
    tenant_zone = context.zones[step.tenant_id]
    try:
        decision = by_the_rules(placed.node, step, contact, context)
        if isinstance(decision, Skip):
            decision = Advance("next", "SKIPPED", result={"skipped": decision.reason})
        elif isinstance(decision, Allowed):
            names = placed.node.inputs()
            facts = facts_of(placed.node, placed.key, names, step, contact, tenant_zone)
            decision = placed.node.evaluate(facts, NOW)
    except Exception as error:  # noqa: BLE001
        return RETRY.after(step, f"{type(error).__name__}: {error}", NOW), None, None
    if not isinstance(decision, Advance) or not placed.next_ids:
        return decision, None, None
    if decision.outcome not in placed.next_ids:
        return Fail(f"node {placed.key!r} has no edge {decision.outcome!r}"), None, None
    next_id = placed.next_ids[decision.outcome]
    if next_id is None:
        return decision, None, None
    return decision, next_id, due_alone(context.nodes[next_id], step, contact, context)


def due_alone(placed, step, contact, context):
    """When the next step is due: when its node says, or when its tenant then opens."""
    zone, rules = context.zones[step.tenant_id], context.rules[step.tenant_id]
    following = placed.node
    try:
        facts = facts_of(following, placed.key, following.due_inputs(), step, contact, zone)
        next_at = following.due_at(facts, NOW)
        if not following.reaches_contact or rules.outside in {"skip", "pause"}:
            return next_at
        reach = Reach.of(dataclasses.replace(rules, audible=None), zone, "UTC")
        open_then = rules.hours.open_at(next_at, reach.tenant_zone)
        return next_at if open_then else reach.reopening(next_at)
    except Exception:  # noqa: BLE001
        return NOW


@given(batches())
def test_every_step_is_decided_once_and_as_if_alone(batch):
    steps, contacts, context = batch
    groups = decide(steps, contacts, context, RETRY, NOW)
    found = {
        step.id: (group.decision, group.next_node_id, group.next_at)
        for group in groups
        for step in group.steps
    }
    assert Counter(step.id for group in groups for step in group.steps) == Counter(
        step.id for step in steps
    )
    for step in steps:
        assert found[step.id] == alone(step, contacts, context), step


def test_equal_steps_are_evaluated_once():
    rows = [
        NodeRow(UUID(int=1), JOURNEY, 1, 1, "a", "end", {}, {}, True),
    ]
    evaluated = []

    class Counting(Picky):
        def evaluate(self, facts, now):
            del now
            evaluated.append(facts["attributes.n"])
            return Advance("end")

    placed = place_nodes(rows)
    placed[1] = dataclasses.replace(
        placed[1], node=Counting(next="a"), readers=(("attributes.n", fact_reader("attributes.n")),)
    )
    contacts = {
        (UUID(int=1), UUID(int=n)): ContactRow(
            UUID(int=1), UUID(int=n), "+1555", None, None, None, None, None, "NEW", False, [],
            {"n": n % 3},
        )
        for n in range(300)
    }  # fmt: skip
    steps = [
        StepRow("(0,1)", *key, JOURNEY, 1, 1, NOW, 0, NOW, key[1], 1, NOW, {}, NOW)
        for key in contacts
    ]
    groups = decide(steps, contacts, BatchContext(placed, {}, {}), RETRY, NOW)
    assert evaluated == [0, 1, 2]
    assert [len(group.steps) for group in groups] == [100, 100, 100]


def test_values_that_look_alike_are_told_apart():
    """Each value twice: the same meet in one group, others never do."""

    class Telling(Picky):
        def evaluate(self, facts, now):
            del now
            return Advance(
                "end", result={"n": (type(facts["attributes.n"]), facts["attributes.n"])}
            )

    placed = place_nodes([NodeRow(UUID(int=1), JOURNEY, 1, 1, "a", "end", {}, {}, True)])
    readers = (("attributes.n", fact_reader("attributes.n")),)
    placed[1] = dataclasses.replace(placed[1], node=Telling(next="a"), readers=readers)
    contacts = {
        (UUID(int=1), UUID(int=n)): ContactRow(
            UUID(int=1), UUID(int=n), "+1555", None, None, None, None, None, "NEW", False, [],
            {"n": value},
        )
        for n, value in enumerate([*VALUES, *VALUES])
    }  # fmt: skip
    steps = [
        StepRow("(0,1)", *key, JOURNEY, 1, 1, NOW, 0, NOW, key[1], 1, NOW, {}, NOW)
        for key in contacts
    ]
    groups = decide(steps, contacts, BatchContext(placed, {}, {}), RETRY, NOW)
    assert len(groups) == len(VALUES)
    for group in groups:
        told = {repr(group.decision.result["n"])}
        assert told == {
            repr((type(value), value))
            for step in group.steps
            for value in [contacts[step.tenant_id, step.contact_id].attributes["n"]]
        }


@pytest.mark.parametrize(
    ("attempts", "wait_s"), [(0, 10), (1, 20), (2, 40), (8, 2560), (9, 3600), (40, 3600)]
)
def test_wait_doubles_up_to_an_hour(attempts, wait_s):
    step = StepRow(*[None] * 7, attempts, *[None] * 6)
    retry = RetryPolicy(50, timedelta(seconds=10))
    decision = retry.after(step, "why", NOW)
    assert decision == Reschedule(NOW + timedelta(seconds=wait_s), "why", failed=True)


def test_last_attempt_fails_with_a_reason_the_database_takes():
    step = StepRow(*[None] * 7, 2, *[None] * 6)
    assert RETRY.after(step, "a\0b" + "x" * 1000, NOW) == Fail("ab" + "x" * 498)
