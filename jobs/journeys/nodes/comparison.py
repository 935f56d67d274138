"""Typed comparisons of a fact with a value from a journey file; a closed grammar, no eval."""

import operator
import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from jobs.journeys.facts import Facts, is_fact

_SCALARS = (bool, int, float, str, date)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class Comparison(BaseModel):
    """``{field: status, op: eq, value: NEW}``.

    The value's type decides how the fact is read: a number compares with numbers (a text that
    reads as one counts), an ISO date or time with dates, a text with texts, letter case ignored.
    A fact that is missing or of another type is unequal to everything and neither before nor
    after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    op: Literal[
        "eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "starts_with", "is_set", "is_not_set"
    ]
    value: Any = None

    @field_validator("field")
    @classmethod
    def _known(cls, name: str) -> str:
        if not is_fact(name):
            raise ValueError(f"unknown field {name!r}")
        return name

    @model_validator(mode="after")
    def _value_fits(self) -> "Comparison":
        if self.op in {"is_set", "is_not_set"}:
            if self.value is not None:
                raise ValueError(f"{self.op} takes no value")
        elif self.op == "in":
            if not isinstance(self.value, list) or not self.value:
                raise ValueError("in takes a list of values")
            if not all(isinstance(value, _SCALARS) for value in self.value):
                raise ValueError("in takes a list of texts, numbers, dates or booleans")
        elif not isinstance(self.value, _SCALARS):
            raise ValueError(f"{self.op} takes one value: a text, number, date or boolean")
        return self

    def facts(self) -> frozenset[str]:
        return frozenset({self.field})

    def holds(self, facts: Facts) -> bool:
        fact = facts[self.field]
        match self.op:
            case "is_set":
                return not _missing(fact)
            case "is_not_set":
                return _missing(fact)
            case "in":
                return any(_compare("eq", fact, value) for value in self.value)
            case "contains":
                return _contains(fact, self.value)
            case "starts_with":
                return isinstance(fact, str | int | float) and _starts(fact, self.value)
            case op:
                return _compare(op, fact, self.value)


class AllOf(BaseModel):
    """``{all: […]}``: every test holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    all: Annotated[tuple["Test", ...], Field(min_length=1)]

    def facts(self) -> frozenset[str]:
        return frozenset().union(*(test.facts() for test in self.all))

    def holds(self, facts: Facts) -> bool:
        for test in self.all:  # noqa: SIM110 - `all` is the field
            if not test.holds(facts):
                return False
        return True


class AnyOf(BaseModel):
    """``{any: […]}``: at least one test holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: Annotated[tuple["Test", ...], Field(min_length=1)]

    def facts(self) -> frozenset[str]:
        return frozenset().union(*(test.facts() for test in self.any))

    def holds(self, facts: Facts) -> bool:
        for test in self.any:  # noqa: SIM110 - `any` is the field
            if test.holds(facts):
                return True
        return False


def _form(raw: Any) -> str:
    """Which form of test is meant, so that a mistake is reported once and not for each form."""
    if isinstance(raw, dict):
        return "AllOf" if "all" in raw else "AnyOf" if "any" in raw else "Comparison"
    return type(raw).__name__


Test = Annotated[
    Annotated[Comparison, Tag("Comparison")]
    | Annotated[AllOf, Tag("AllOf")]
    | Annotated[AnyOf, Tag("AnyOf")],
    Discriminator(
        _form,
        custom_error_type="test",
        custom_error_message="expected {field, op, value}, {all: [...]} or {any: [...]}",
    ),
]


def _missing(fact: Any) -> bool:
    return fact is None or fact == "" or (isinstance(fact, Collection) and not fact)


def _compare(op: str, fact: Any, value: Any) -> bool:
    if _missing(fact):
        return op == "ne"
    left, right = _alike(fact, value)
    if left is None or right is None:
        return op == "ne"
    return _ORDER[op](left, right)


def _alike(fact: Any, value: Any) -> tuple[Any, Any]:
    """Both as the type the value has; (None, None) where the fact can't be read as that."""
    try:
        if isinstance(value, bool) or isinstance(fact, bool):
            return _boolean(fact), _boolean(value)
        if isinstance(value, int | float):
            return _number(fact), value
        moment = _moment(value)
        if moment is not None:
            return _moment(fact), moment
        return (_text(fact) if isinstance(fact, str | int | float) else None), _text(value)
    except ValueError:
        return None, None


def _number(fact: Any) -> int | float | None:
    """The number a fact is or reads as, exact where it is whole; None where there is none."""
    if isinstance(fact, str) and _NUMBER.fullmatch(fact.strip()):
        fact = float(fact) if set(fact) & set(".eE") else int(fact)
    return fact if isinstance(fact, int | float) else None


_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _BOOLEANS.get(_text(value))


def _moment(value: Any) -> datetime | None:
    """An aware datetime from a date, a time or ISO text (no zone: UTC), None of anything else."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str) and len(value) >= len("2000-01-01") and value[4:5] == "-":
        try:
            return _moment(datetime.fromisoformat(value))
        except ValueError:
            return None
    return None


def _text(value: Any) -> str:
    return str(value).strip().casefold()


def _contains(fact: Any, value: Any) -> bool:
    if _missing(fact):
        return False
    if isinstance(fact, list | tuple):
        return _text(value) in {_text(item) for item in fact}
    return isinstance(fact, str | int | float) and _text(value) in _text(fact)


def _starts(fact: Any, value: Any) -> bool:
    return not _missing(fact) and _text(fact).startswith(_text(value))
