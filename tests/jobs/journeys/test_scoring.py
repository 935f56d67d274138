"""Scores against a slow, obvious reference."""

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.journeys.scoring import Phrases, Pricing, Rubric, Service, Subject, Weights, words

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

some_words = st.sampled_from(["roof", "Roof", "repair", "new", "ﬁx", "Straße", "STRASSE", "?", "é"])
categories = st.sampled_from([None, "", "?", "Roof", "ROOF ", "new roof"])
texts = st.lists(some_words, max_size=8).map(" ".join)
keywords = st.lists(some_words, min_size=1, max_size=3).map(" ".join)
prices = st.decimals(0, 1000, places=2)
services = st.builds(
    Service,
    category=categories,
    price=prices,
    currency=st.sampled_from(["USD", "EUR"]),
    keywords=st.lists(keywords, max_size=4),
)
weights = st.builds(Weights, *[st.integers(0, 100)] * 4).filter(any)
bands = st.dictionaries(prices, st.integers(0, 100), max_size=4).map(
    lambda found: tuple(sorted(found.items(), reverse=True))
)
lengths = st.timedeltas(timedelta(microseconds=1), timedelta(days=400))
subjects = st.builds(
    Subject,
    text=texts,
    category=categories,
    found_at=st.timedeltas(timedelta(days=-2), timedelta(days=400)).map(lambda age: NOW - age),
)


def slow_words(text):
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def slow_holds(text, keyword):
    wanted = slow_words(keyword)
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(slow_words(text))} "


def slow_score(rubric, own, subject, sold):
    """The formula, word for word, in fractions."""
    same = [
        service
        for service in sold
        if slow_words(service.category or "")
        and slow_words(service.category or "") == slow_words(subject.category or "")
    ]
    named = [s for s in sold if any(slow_holds(subject.text, keyword) for keyword in s.keywords)]
    found = {
        tuple(slow_words(keyword))
        for keyword in [*own, *(keyword for service in sold for keyword in service.keywords)]
        if slow_holds(subject.text, keyword)
    }
    known = [
        service.price for service in [*same, *named] if rubric.currency in {None, service.currency}
    ]
    points = [points for at_least, points in rubric.price_bands if known and max(known) >= at_least]
    age = max(Fraction((NOW - subject.found_at) / timedelta(microseconds=1)), 0)
    fresh_for = Fraction(rubric.fresh_for / timedelta(microseconds=1))
    parts = [
        floor(min(Fraction(len(found), rubric.keywords_wanted), 1) * 1000),
        1000 if same else 0,
        points[0] * 10 if points else 0,
        floor(max(1 - age / fresh_for, 0) * 1000),
    ]
    total = sum(Fraction(w * p, 10) for w, p in zip(rubric.weights, parts, strict=True))
    return floor(total / sum(rubric.weights) + Fraction(1, 2))


@given(
    weights,
    st.lists(keywords, max_size=3),
    st.integers(1, 5),
    bands,
    st.sampled_from([None, "USD", "EUR"]),
    lengths,
    subjects,
    st.lists(services, max_size=5),
)
def test_score_is_what_the_formula_says(
    counting, own, wanted, price_bands, currency, fresh_for, subject, sold
):
    rubric = Rubric(counting, Phrases(own), wanted, price_bands, currency, fresh_for)
    score = rubric.score(subject, Pricing(sold), NOW)
    assert score == slow_score(rubric, own, subject, sold)
    assert 0 <= score <= 100


@given(st.text(max_size=60))
def test_words_of_any_text(text):
    assert all(word and not word.isspace() for word in words(text))
    assert words(text) == words(" ".join(words(text)))


SOLD = [
    Service("Roofing", Decimal(900), "USD", ["roof repair", "leak"]),
    Service("Roofing", Decimal(5000), "EUR", ["new roof"]),
    Service(None, Decimal(80), "USD", ["gutter"]),
]


@pytest.mark.parametrize(
    ("counting", "subject", "score"),
    [
        (Weights(1, 0, 0, 0), Subject("My ROOF: repair the leak!", None, NOW), 100),
        (Weights(1, 0, 0, 0), Subject("repair my roof, it leaks", None, NOW), 0),
        (Weights(1, 0, 0, 0), Subject("A leak. Urgent? No, a leak", None, NOW), 50),
        (Weights(0, 1, 0, 0), Subject("", " roofing ", NOW), 100),
        (Weights(0, 1, 0, 0), Subject("leak", "", NOW), 0),
        (Weights(0, 0, 1, 0), Subject("a new roof", None, NOW), 0),  # sold for euros
        (Weights(0, 0, 1, 0), Subject("new roof, roof repair", None, NOW), 60),
        (Weights(0, 0, 1, 0), Subject("gutter", None, NOW), 20),
        (Weights(0, 0, 1, 0), Subject("", "roofing", NOW), 60),
        (Weights(0, 0, 0, 1), Subject("", None, NOW - timedelta(days=5)), 50),
        (Weights(0, 0, 0, 1), Subject("", None, NOW + timedelta(days=5)), 100),
        (Weights(3, 1, 1, 0), Subject("leak", "Roofing", NOW), 62),
    ],
)
def test_examples(counting, subject, score):
    bands = ((Decimal(500), 60), (Decimal(50), 20))
    rubric = Rubric(counting, Phrases(["!?"]), 2, bands, "USD", timedelta(days=10))
    assert rubric.score(subject, Pricing(SOLD), NOW) == score
