"""How much a lead is worth a call: a whole number from 0 to 100, of exact integer arithmetic.

Each of four parts is 0 to 1000 (thousandths, rounded down):

- keywords: 1000 × the distinct keywords found ÷ ``keywords_wanted``, 1000 at most. Keywords are
  those of the tenant's services and the rubric's own; one is found where its words stand in the
  text one after another, letter case aside.
- category: 1000 where a service is of the lead's category, else 0.
- price: 10 × the points of the first price band that the dearest service asked for reaches, else
  0. A service is asked for by its category or a keyword; one in another currency than the
  rubric's has no price.
- recency: 1000 × the time left ÷ ``fresh_for``: from 1000 for a lead found now (or dated in the
  future) down to 0.

The score is the sum of the parts, each times its weight, over ten times the sum of the weights,
rounded half up.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

_WORD = re.compile(r"\w+")
_MICROSECOND = timedelta(microseconds=1)

Phrase = tuple[str, ...]
"""A keyword as its words."""


class Weights(NamedTuple):
    """What each part counts; at least one is above 0."""

    keywords: int
    category: int
    price: int
    recency: int


class Subject(NamedTuple):
    """What is scored: a lead, or what is known of a contact. ``found_at`` is aware."""

    text: str
    category: str | None
    found_at: datetime


class Service(NamedTuple):
    """What a tenant sells."""

    category: str | None
    price: Decimal
    currency: str
    keywords: Sequence[str]


def words(text: str) -> list[str]:
    """A text's words, with letter case and ways of writing the same character evened out."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class Phrases:
    """Keywords, laid out by their first words; one without a word in it is none."""

    def __init__(self, keywords: Iterable[str]) -> None:
        self._by_first: dict[str, list[Phrase]] = {}
        for phrase in sorted({tuple(words(keyword)) for keyword in keywords} - {()}):
            self._by_first.setdefault(phrase[0], []).append(phrase)

    def found(self, text: Sequence[str]) -> set[Phrase]:
        """Those whose words stand in the text (its words) one after another."""
        return {
            phrase
            for n, word in enumerate(text)
            for phrase in self._by_first.get(word, ())
            if len(phrase) == 1 or tuple(text[n : n + len(phrase)]) == phrase
        }


class Pricing:
    """A tenant's services, laid out so that what a text asks for is looked up by its words."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        self._prices: list[tuple[Decimal, str]] = []
        self._by_category: dict[str, list[int]] = {}
        self._by_phrase: dict[Phrase, list[int]] = {}
        for n, service in enumerate(services):
            self._prices.append((service.price, service.currency))
            if category := _folded(service.category):
                self._by_category.setdefault(category, []).append(n)
            for phrase in {tuple(words(keyword)) for keyword in service.keywords}:
                self._by_phrase.setdefault(phrase, []).append(n)
        self.phrases = Phrases(" ".join(phrase) for phrase in self._by_phrase)

    def has_category(self, category: str | None) -> bool:
        return _folded(category) in self._by_category

    def dearest(
        self, phrases: Iterable[Phrase], category: str | None, currency: str | None
    ) -> Decimal | None:
        """The highest price of the services asked for; with a currency, of those alone."""
        asked_for = {n for phrase in phrases for n in self._by_phrase[phrase]}
        asked_for.update(self._by_category.get(_folded(category), ()))
        return max(self._in_currency(asked_for, currency), default=None)

    def _in_currency(self, numbers: Iterable[int], currency: str | None) -> Iterator[Decimal]:
        for price, found in (self._prices[n] for n in numbers):
            if currency is None or found == currency:
                yield price


@dataclass(frozen=True)
class Rubric:
    """What counts, and how much; ``price_bands`` are (at least, points of 100), falling."""

    weights: Weights
    phrases: Phrases
    keywords_wanted: int
    price_bands: Sequence[tuple[Decimal, int]]
    currency: str | None
    fresh_for: timedelta

    def score(self, subject: Subject, pricing: Pricing, now: datetime) -> int:
        """The score, by the formula above."""
        text = words(subject.text)
        asked_for = pricing.phrases.found(text)
        keywords = len(asked_for | self.phrases.found(text))
        dearest = pricing.dearest(asked_for, subject.category, self.currency)
        parts = Weights(
            min(1000, 1000 * keywords // self.keywords_wanted),
            1000 if pricing.has_category(subject.category) else 0,
            0 if dearest is None else 10 * self._points(dearest),
            self._freshness(now - subject.found_at),
        )
        total = sum(weight * part for weight, part in zip(self.weights, parts, strict=True))
        whole = sum(self.weights)
        return (total + 5 * whole) // (10 * whole)

    def _points(self, price: Decimal) -> int:
        return next((points for at_least, points in self.price_bands if price >= at_least), 0)

    def _freshness(self, age: timedelta) -> int:
        left = self.fresh_for - max(age, timedelta(0))
        if left <= timedelta(0):
            return 0
        return 1000 * (left // _MICROSECOND) // (self.fresh_for // _MICROSECOND)


def _folded(category: str | None) -> str:
    return " ".join(words(category or ""))
