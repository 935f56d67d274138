from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ValidationError

from db.queries.journeys.rows import LeadRow
from jobs.journeys.decisions import Advance, ScoreLead, UpdateContact
from jobs.journeys.nodes.score_lead import ScoreLeadNode
from jobs.journeys.scoring import Pricing, Service
from tests.jobs.journeys.steps import CONTACT, NOW, STEP

BRANCHES = [
    {"at_least": 70, "next": "a"},
    {"at_least": 40, "next": "b"},
    {"at_least": 0, "next": "c"},
]
PLAIN = ScoreLeadNode(weights={"keywords": 1}, branches=BRANCHES)
FULL = ScoreLeadNode(
    weights={"keywords": 1, "category": 1, "recency": 2},
    keywords=["pro"],
    keywords_wanted=1,
    fresh_days=2,
    fields=["attributes.plan", "tags", "data.code"],
    category_field="company",
    attribute="worth",
    status="SEEN",
    branches=BRANCHES,
    missing="z",
)
SOLD = Pricing([Service("X", Decimal(9), "USD", ["leak", "roof", "gutter"])])
LEAD = LeadRow(UUID(int=9), "x", "a Roof", NOW - timedelta(days=1))


def score(node, lead=None, contact=CONTACT, **step):
    read = node.computed("score")["score"]
    return read(STEP._replace(lead=lead, pricing=SOLD, **step), contact, "UTC")


def test_a_lead_is_scored_by_what_the_tenant_sells():
    assert score(PLAIN, LEAD) == 33
    assert score(FULL, LEAD) == 75
    assert score(PLAIN, LEAD._replace(text="roof leak gutter")) == 100


def test_without_a_lead_the_contacts_fields_are():
    assert score(PLAIN) is None
    assert score(FULL, now=STEP.enrolled_at) == 100  # the plan is pro, the company X
    assert score(FULL, now=STEP.enrolled_at + timedelta(days=1)) == 75
    nobody = CONTACT._replace(company=None, tags=[], attributes={})
    assert score(FULL, contact=nobody, data=None) is None
    assert score(FULL, contact=nobody, data={"code": ["gutter"]}, now=STEP.enrolled_at) == 75
    assert FULL.computed_from() == {"attributes.plan", "tags", "data.code", "company"}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [(100, "hot"), (70, "hot"), (69, "warm"), (40, "warm"), (39, "cold"), (0, "cold")],
)
def test_the_first_branch_that_it_reaches(found, outcome):
    assert PLAIN.evaluate({"score": found}, NOW) == Advance(
        outcome, effects=(ScoreLead(found, "PROCESSED"),), result={"score": found}
    )


def test_what_is_written_and_where_those_with_nothing_to_score_go():
    assert FULL.evaluate({"score": 40}, NOW) == Advance(
        "warm",
        effects=(ScoreLead(40, "SEEN"), UpdateContact(attributes={"worth": 40})),
        result={"score": 40},
    )
    assert FULL.evaluate({"score": None}, NOW) == Advance("missing")
    assert PLAIN.evaluate({"score": None}, NOW).outcome == "cold"
    assert FULL.edges() == {"hot": "a", "warm": "b", "cold": "c", "missing": "z"}


def test_branches_may_have_names():
    branches = [
        {"at_least": at_least, "next": "a", "name": name}
        for at_least, name in [(90, "gold"), (60, None), (30, None), (1, None), (0, "rest")]
    ]
    node = ScoreLeadNode(weights={"recency": 1}, branches=branches)
    assert list(node.edges()) == ["gold", "warm", "cold", "branch-4", "rest"]


def test_a_config_that_was_stored_is_the_same_node():
    node = ScoreLeadNode(
        weights={"price": 1},
        price_bands=[{"at_least": 99.9, "points": 60}, {"at_least": "0.10", "points": 5}],
        branches=BRANCHES,
    )
    assert ScoreLeadNode.model_validate(node.model_dump(mode="json")) == node
    assert node.rubric.price_bands == ((Decimal("99.9"), 60), (Decimal("0.10"), 5))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": {}}, "at least one of them a weight"),
        ({"weights": {"kewords": 1}}, "Extra inputs"),
        ({"weights": {"price": 1}}, "give price_bands together with"),
        ({"price_bands": [{"at_least": 1, "points": 1}]}, "give price_bands together with"),
        (
            {"weights": {"price": 1}, "price_bands": [{"at_least": 1, "points": 1}] * 2},
            "each of the price_bands has to begin lower",
        ),
        ({"branches": BRANCHES[:2]}, "the last of the branches has to begin at 0"),
        ({"branches": BRANCHES[::-1]}, "each of the branches has to begin lower"),
        ({"branches": [*BRANCHES[:2], {**BRANCHES[2], "name": "hot"}]}, "the same name"),
        (
            {"branches": [*BRANCHES[:2], {**BRANCHES[2], "name": "missing"}], "missing": "z"},
            "the same name",
        ),
        ({"fields": ["atributes.x"]}, "unknown field"),
        ({"fields": ["results.a.b"]}, "unknown field"),
        ({"keywords": ["!?"]}, "should match pattern"),
        ({"fresh_days": 0}, "greater than 0"),
        ({"currency": "usd"}, "should match pattern"),
    ],
)
def test_wrong_configs(fields, words):
    with pytest.raises(ValidationError, match=words) as error:
        ScoreLeadNode(**{"weights": {"keywords": 1}, "branches": BRANCHES, **fields})
    assert error.value.error_count() == 1
