"""``score_lead``: how much a contact's lead is worth, and the branch for leads of that worth."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from db.queries.journeys.rows import ContactRow, StepRow
from jobs.journeys.decisions import Advance, Decision, Effect, ScoreLead, UpdateContact
from jobs.journeys.facts import FactReader, Facts, fact_reader, is_fact, result_node
from jobs.journeys.nodes.node import Node, NodeKey
from jobs.journeys.scoring import Phrases, Rubric, Subject, Weights

MISSING = "missing"
_SCORE = "score"
_NAMES = ("hot", "warm", "cold")


def _known(name: str) -> str:
    if not is_fact(name) or result_node(name) is not None:
        raise ValueError(f"unknown field {name!r}")
    return name


FieldName = Annotated[str, AfterValidator(_known)]
Keyword = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\w")]
Weight = Annotated[int, Field(ge=0, le=1000)]


class PartWeights(BaseModel):
    """What each part of the score counts, against the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keywords: Weight = 0
    category: Weight = 0
    price: Weight = 0
    recency: Weight = 0

    @model_validator(mode="after")
    def _something_counts(self) -> "PartWeights":
        if not (self.keywords or self.category or self.price or self.recency):
            raise ValueError("give at least one of them a weight above 0")
        return self


class PriceBand(BaseModel):
    """``{at_least: 500, points: 60}``: points of 100."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    points: int = Field(ge=0, le=100)


class ScoreBranch(BaseModel):
    """``{at_least: 70, next: NODE}``, with a ``name`` for the outcome if it shall have one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: int = Field(ge=0, le=100)
    next: NodeKey
    name: NodeKey | None = None


class ScoreLeadNode(Node):
    """Scores the latest lead of the contact that nobody has looked at yet, from 0 to 100.

    The score is the weighted mean of four parts, rounded to a whole number (exactly as
    ``jobs.journeys.scoring`` says): ``keywords``, the share of ``keywords_wanted`` that the lead's
    text holds, of those of the tenant's ``services`` and the node's own; ``category``, whether a
    service is of the lead's; ``price``, the points (of 100) of the first of the ``price_bands``
    that the dearest service asked for reaches, in the ``currency`` if one is given; ``recency``,
    falling evenly from all to nothing over ``fresh_days`` since the lead was found.

    The contact leaves by the first of the ``branches`` whose ``at_least`` the score reaches; they
    fall, the last begins at 0, and their outcomes are ``hot``, ``warm``, ``cold``, ``branch-4`` …
    unless they have names. The lead gets ``score``, ``scored_at`` and the ``status``; the contact
    the score as ``attribute``, if one is named, and the step as its result's ``score``.

    A contact without such a lead is scored by what its ``fields`` say, read one after another, and
    the ``category_field``; these are as old as its enrollment. One that has nothing there either
    leaves by ``missing``, and without that edge scores 0. Services are cached for an hour.
    """

    type: ClassVar[str] = "score_lead"
    reads_lead: ClassVar[bool] = True

    weights: PartWeights
    branches: Annotated[tuple[ScoreBranch, ...], Field(min_length=1, max_length=20)]
    keywords: Annotated[tuple[Keyword, ...], Field(max_length=1000)] = ()
    keywords_wanted: int = Field(3, ge=1, le=1000)
    price_bands: Annotated[tuple[PriceBand, ...], Field(max_length=100)] = ()
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    fresh_days: float = Field(14, gt=0, le=3660)
    fields: Annotated[tuple[FieldName, ...], Field(max_length=20)] = ()
    category_field: FieldName | None = None
    attribute: str | None = Field(None, min_length=1, max_length=100)
    status: str = Field("PROCESSED", pattern=r"^[A-Z][A-Z_]{0,31}$")
    missing: NodeKey | None = None

    @model_validator(mode="after")
    def _bands_fall(self) -> "ScoreLeadNode":
        if any(upper.at_least <= lower.at_least for upper, lower in pairwise(self.branches)):
            raise ValueError("each of the branches has to begin lower than the one before it")
        if self.branches[-1].at_least:
            raise ValueError("the last of the branches has to begin at 0, so that all find one")
        if len(self.edges()) < len(self.branches) + bool(self.missing):
            raise ValueError("two branches have the same name")
        if any(upper.at_least <= lower.at_least for upper, lower in pairwise(self.price_bands)):
            raise ValueError("each of the price_bands has to begin lower than the one before it")
        if bool(self.price_bands) != bool(self.weights.price):
            raise ValueError("give price_bands together with a weight of the price, or neither")
        return self

    @cached_property
    def rubric(self) -> Rubric:
        return Rubric(
            Weights(**self.weights.model_dump()),
            Phrases(self.keywords),
            self.keywords_wanted,
            tuple((band.at_least, band.points) for band in self.price_bands),
            self.currency,
            max(timedelta(days=self.fresh_days), timedelta.resolution),
        )

    def edges(self) -> Mapping[str, str]:
        return {
            **{self._outcome(n): branch.next for n, branch in enumerate(self.branches)},
            **({MISSING: self.missing} if self.missing else {}),
        }

    def inputs(self) -> frozenset[str]:
        return frozenset({_SCORE})

    def computed_from(self) -> frozenset[str]:
        return frozenset({*self.fields, *([self.category_field] if self.category_field else [])})

    def computed(self, key: str) -> Mapping[str, FactReader]:
        # The score itself is the fact, so that a batch is evaluated once for each.
        del key
        rubric = self.rubric
        fields = [fact_reader(name) for name in self.fields]
        category = fact_reader(self.category_field) if self.category_field else None

        def score(step: StepRow, contact: ContactRow | None, zone: str) -> int | None:
            if step.lead is not None:
                subject = Subject(step.lead.text, step.lead.category, step.lead.scraped_at)
            else:
                texts = (_text(read(step, contact, zone)) for read in fields)
                found = _text(category(step, contact, zone)) if category else ""
                subject = Subject("\n".join(filter(None, texts)), found, step.enrolled_at)
                if not subject.text and not subject.category:
                    return None
            return rubric.score(subject, step.pricing, step.now)

        return {_SCORE: score}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        found = facts[_SCORE]
        if found is None and self.missing:
            return Advance(MISSING)
        score = found or 0
        n = next(n for n, branch in enumerate(self.branches) if score >= branch.at_least)
        effects: tuple[Effect, ...] = (ScoreLead(score, self.status),)
        if self.attribute:
            effects += (UpdateContact(attributes={self.attribute: score}),)
        return Advance(self._outcome(n), effects=effects, result={"score": score})

    def _outcome(self, n: int) -> str:
        return self.branches[n].name or (_NAMES[n] if n < len(_NAMES) else f"branch-{n + 1}")


def _text(value: Any) -> str:
    """A fact as a text to be scored."""
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return "" if value is None else str(value).strip()
