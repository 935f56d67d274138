"""Message templates: Jinja2 in its sandbox, over the facts of a contact and nothing else.

``Hi {{ first_name or "there" }}, your plan {{ attributes.plan }} …``, or what an earlier node left:
``{{ results.review.text }}``, ``{{ results["ask-2"].outcome }}``. A fact the contact lacks is
empty; a word that is no fact is an error when the journey is applied. Expressions, filters and
``{% if %}`` are all there is: every template ends soon, and no short text makes a huge one.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import quote

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jobs.journeys.facts import Facts, is_fact

# Names that have a part each, and those that have two: results.NODE.NAME.
_ROOTS = {"attributes": 1, "data": 1, "results": 2}

_LONGEST_TEXT = 20_000
_FILTERS = frozenset(
    {
        *("abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length"),
        *("list", "lower", "replace", "round", "sort", "string", "title", "trim", "truncate"),
        *("unique", "upper", "urlencode"),
    }
)
_PARTS = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr),
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.List, nodes.Tuple),
    *(nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand, nodes.Concat),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv),
)


class _Environment(ImmutableSandboxedEnvironment):
    # A short text can make numbers and texts that fill the memory: no powers, no repetition.
    intercepted_binops = frozenset({"**", "*"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise TypeError(f"{operator} takes no such values")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # What the data says comes before the methods of a dict: attributes.items is data.
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def _finalize(value: object) -> object:
    return "" if value is None else value


_environment = _Environment(
    autoescape=False,
    finalize=_finalize,
    keep_trailing_newline=True,
    undefined=ChainableUndefined,
)


def _bounded(name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose result stays short: a few in a row could else fill the memory."""

    @wraps(apply)
    def bounded(*args: Any, **options: Any) -> Any:
        result = apply(*args, **options)
        if isinstance(result, str) and len(result) > _LONGEST_TEXT:
            raise ValueError(f"{name} makes a text of {len(result)} characters")
        return result

    return bounded


# The same facts give the same text, and the words are facts alone (no range, no lipsum).
_environment.filters = {
    name: _bounded(name, apply) for name, apply in _environment.filters.items() if name in _FILTERS
}
_environment.globals.clear()
_url_environment = _environment.overlay(
    finalize=lambda value: quote(str(_finalize(value)), safe="", errors="replace")
)


@lru_cache(maxsize=10_000)
def template_facts(source: str) -> frozenset[str]:
    """Names of the facts a template uses.

    Raises:
        ValueError: it is not a template, or uses a word that is no fact.
    """
    try:
        tree = _environment.parse(source)
        _environment.from_string(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"template, line {error.lineno}: {error.message}") from None
    except TemplateError as error:
        raise ValueError(f"template: {error.message}") from None
    for part in (tree, *tree.find_all(nodes.Node)):
        if not isinstance(part, _PARTS):
            name = type(part).__name__.lower()
            raise ValueError(f"template, line {part.lineno}: no {name} here")  # noqa: TRY004
    words = meta.find_undeclared_variables(tree)
    found = {word for word in words if word not in _ROOTS}
    for root in words.intersection(_ROOTS):
        found |= set(_members(tree, root))
    unknown = sorted(word for word in found if not is_fact(word))
    if unknown:
        raise ValueError(f"template: unknown field {', '.join(unknown)}")
    return frozenset(found)


def _members(tree: nodes.Template, root: str) -> Iterator[str]:
    """The fact that each use of a root names, as far as it does: ``root.NAME``."""
    parts: dict[int, tuple[nodes.Expr, str]] = {
        **{id(use.node): (use, use.attr) for use in tree.find_all(nodes.Getattr)},
        **{id(use.node): (use, _constant(use.arg)) for use in tree.find_all(nodes.Getitem)},
    }
    for use in tree.find_all(nodes.Name):
        if use.name != root or use.ctx != "load":
            continue
        fact, part = root, parts.get(id(use))
        for left in reversed(range(_ROOTS[root])):
            if part is None or not part[1] or (left and "." in part[1]):
                break
            fact, part = f"{fact}.{part[1]}", parts.get(id(part[0]))
        yield fact


def _constant(node: nodes.Expr) -> str:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else ""


def render(source: str, facts: Facts) -> str:
    """The text for these facts.

    Raises:
        ValueError: the template can't be rendered with them (a filter on a missing value, say).
    """
    return _rendered(_compiled(source), facts)


def render_url(source: str, facts: Facts) -> str:
    """The text for these facts, all that isn't the template's own percent-encoded.

    Raises:
        ValueError: the template can't be rendered with them.
    """
    return _rendered(_compiled_url(source), facts)


def _rendered(template: Template, facts: Facts) -> str:
    values: dict[str, Any] = {root: {} for root in _ROOTS}
    for name, value in facts.items():
        if value is None:
            continue  # undefined, so that filters too take it as empty
        *owners, key = name.split(".", _ROOTS.get(name.partition(".")[0], 0))
        holder = values
        for owner in owners:
            holder = holder.setdefault(owner, {})
        holder[key] = value
    try:
        text = template.render(values)
        text.encode()  # half a character is no text that a driver can send
    except UnicodeEncodeError as error:
        raise ValueError(f"template: {error.reason}") from None
    except (TemplateError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise ValueError(f"template: {error}") from error
    return text


@lru_cache(maxsize=10_000)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


@lru_cache(maxsize=10_000)
def _compiled_url(source: str) -> Template:
    return _url_environment.from_string(source)
