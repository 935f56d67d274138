"""A journey file, read and checked as a whole: every mistake is named, not only the first.

.. code-block:: yaml

    journey: welcome
    name: Welcome series
    start: hello
    nodes:
      hello: {type: send_sms, body: "Hi {{ first_name }}!", next: pause}
      pause: {type: delay, days: 2, next: done}
      done: {type: end}
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.journeys.documents import DocumentError, Place, plain, read_document
from jobs.journeys.facts import result_node
from jobs.journeys.nodes.comparison import Test
from jobs.journeys.nodes.node import Node, NodeKey, node_name
from jobs.journeys.nodes.registry import NODE_TYPES
from jobs.journeys.wiring import Wires, named_edges, wiring_problems, words


class DefinitionError(Exception):
    """A journey file with mistakes; ``problems`` names each, by node and field."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__(f"{source}: {count}: " + "; ".join(problems))


Reentry = Literal["once", "many", "many_not_concurrent"]
"""Whether a contact may enter again: never, at any time, or only once it has left."""


class _Outline(BaseModel):
    model_config = ConfigDict(extra="forbid")

    journey: NodeKey
    name: str | None = Field(None, max_length=200)
    start: NodeKey
    reentry: Reentry = "once"
    exit: tuple[Test, ...] = ()
    goal: Test | None = None
    nodes: dict[NodeKey, Any] = Field(min_length=1, max_length=1000)


@dataclass(frozen=True)
class JourneyDefinition:
    """A journey without mistakes. ``source`` is the file's content as plain data."""

    key: str
    name: str
    start: str
    nodes: Mapping[str, Node]
    source: Mapping[str, Any]
    reentry: Reentry = "once"


def read_definition(path: Path) -> JourneyDefinition:
    """Read a YAML or JSON journey file.

    Raises:
        DefinitionError: it can't be read, or has mistakes.
    """
    try:
        raw = read_document(path)
    except DocumentError as error:
        raise DefinitionError(str(path), [str(error)]) from None
    return check_definition(raw, source=str(path))


def check_definition(raw: Any, *, source: str = "journey") -> JourneyDefinition:
    """Check a journey given as data.

    Raises:
        DefinitionError: with every mistake in it.
    """
    losses: list[tuple[Place, str]] = []
    data = plain(raw, losses)
    problems = [_worded(place, message) for place, message in losses]
    if not isinstance(data, dict):
        raise DefinitionError(
            source, problems or ["not a journey: expected journey, start and nodes"]
        )
    start = node_name(data.get("start"))
    outline, mistakes = _outlined(data)
    problems += [_worded(*mistake) for mistake in mistakes]
    configs = data.get("nodes")
    configs = configs if isinstance(configs, dict) else {}
    checks = {key: _check(key, config, configs) for key, config in configs.items()}
    problems += [problem for check in checks.values() for problem in check.problems]
    problems += [
        f"node {key!r}, field {name!r}: there is no node {result_node(name)!r}"
        for key, check in checks.items()
        for name in sorted(check.node.inputs() if check.node else ())
        if result_node(name) not in {None, *configs}
    ]
    if configs and ("start",) not in dict(mistakes):
        if start not in configs:
            problems.append(f"field 'start': there is no node {start!r}")
        problems += wiring_problems(start, {key: check.wires for key, check in checks.items()})
    if outline is None or problems:
        raise DefinitionError(source, problems)
    nodes = {key: check.node for key, check in checks.items() if check.node}
    return JourneyDefinition(
        outline.journey,
        outline.name or outline.journey,
        outline.start,
        nodes,
        data,
        outline.reentry,
    )


@dataclass(frozen=True)
class _Check:
    node: Node | None
    problems: list[str]
    wires: Wires


def _outlined(data: Any) -> tuple[_Outline | None, list[tuple[Place, str]]]:
    try:
        return _Outline.model_validate(data), []
    except ValidationError as error:
        return None, _mistakes(error)


def _check(key: str, config: Any, keys: Collection[str]) -> _Check:
    """Check one node; of one with mistakes, the edges too."""
    place = ("nodes", key)
    mistakes: list[tuple[Place, str]]
    node = None
    missing = 0
    if not isinstance(config, dict):
        mistakes = [((), "expected type and its fields")]
        missing = 1
    elif not isinstance(config.get("type"), str) or config["type"] not in NODE_TYPES:
        given = repr(config["type"]) + " is none of" if "type" in config else "choose one of"
        mistakes = [(("type",), f"{given} {', '.join(NODE_TYPES)}")]
        missing = not any(named_edges(config))
    else:
        fields = {name: value for name, value in config.items() if name != "type"}
        try:
            node = NODE_TYPES[config["type"]].model_validate(fields)
        except ValidationError as error:
            edges = dict(named_edges(config))
            # A name that no node may have, but one has, is told there.
            mistakes = [pair for pair in _mistakes(error) if edges.get(pair[0]) not in keys]
            missing = sum(bool(where) and where[-1] in {"next", "default"} for where, _ in mistakes)
        else:
            lost: dict[str, str] = {}  # each told once: several outcomes may share an edge
            for outcome, target in node.exits().items():
                if target not in keys:
                    lost.setdefault(target, outcome)
            problems = [
                f"node {key!r}, edge {outcome!r}: there is no node {target!r}"
                for target, outcome in lost.items()
            ]
            wires = Wires(list(dict.fromkeys(node.exits().values())), waits=node.waits)
            return _Check(node, problems, wires)
    wrong = {where for where, _ in mistakes}
    named = [(where, name) for where, name in named_edges(config) if where not in wrong]
    mistakes += [(where, f"there is no node {name!r}") for where, name in named if name not in keys]
    targets = [word for word in words(config) if word in keys] + [name for _, name in named]
    return _Check(
        None,
        [_worded((*place, *where), message) for where, message in mistakes],
        Wires(list(dict.fromkeys(targets)), int(missing), waits=True),
    )


def _mistakes(error: ValidationError) -> list[tuple[Place, str]]:
    """(place, message) of each; a list that is empty only because its items are wrong is none."""
    found = [
        (
            tuple(part for part in details["loc"] if part not in _NO_FIELDS),
            details["msg"].removeprefix("Value error, "),
            details["type"],
        )
        for details in error.errors()
    ]
    return [
        (place, message)
        for place, message, kind in found
        if kind != "too_short"
        or not any(place == other[: len(place)] != other for other, *_ in found)
    ]


_NO_FIELDS = frozenset({"Comparison", "AllOf", "AnyOf", "[key]"})


def _worded(place: Place, message: str) -> str:
    node = f"node {place[1]!r}" if len(place) > 1 and place[0] == "nodes" else ""
    field = ".".join(map(str, place[2:] if node else place))
    where = ", ".join(part for part in (node, f"field {field!r}" if field else "") if part)
    return f"{where}: {message}" if where else message
