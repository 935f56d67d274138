"""Journey files as plain data: what JSON can say and the database can keep, and nothing else.

YAML is read with the scalars of JSON: ``yes``, ``on``, ``10:30``, ``007``, ``+4930…`` and dates
are texts, as they look; only true, false, null and numbers are more. Names are always texts.
"""

import json
import math
import re
from collections.abc import Generator, Hashable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import yaml

_LARGEST_FILE = 1 << 20
_LARGEST_DOCUMENT = 200_000
_DEEPEST = 60
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"

Place = tuple[str | int, ...]
"""Where in a document: names and list positions, from the outside in."""


class DocumentError(Exception):
    """The file can't be read as a document at all; one line."""


class Repeating(dict[Hashable, Any]):
    """A mapping whose file gives some names twice; the last value of each stands."""

    repeated: tuple[str, ...] = ()


def read_document(path: Path) -> Any:
    """What a YAML file holds, or one named ``….json``.

    Raises:
        DocumentError: it is missing, too large, not text, or not YAML or JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise DocumentError(str(error.strerror)) from None
    if len(content) > _LARGEST_FILE:
        raise DocumentError("larger than 1 MiB, which no journey is")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("not UTF-8 text") from None
    try:
        return _json(text) if path.suffix.lower() == ".json" else _yaml(text)
    except RecursionError:
        raise DocumentError("nested too deep") from None


def plain(document: Any, problems: list[tuple[Place, str]]) -> Any:
    """A document as dicts with text keys, lists, texts, finite numbers, booleans and None.

    Dates become ISO texts. Whatever else can't be kept is added to ``problems`` and mended or left
    out, so that the rest can still be checked.
    """
    return _Plain(problems).value(document, ())


class _Plain:
    def __init__(self, problems: list[tuple[Place, str]]) -> None:
        self._problems = problems
        self._count = 0

    def value(self, value: Any, place: Place) -> Any:
        self._count += 1
        if self._count > _LARGEST_DOCUMENT or len(place) > _DEEPEST:
            if not any(message == _TOO_MUCH for _, message in self._problems):
                self._problems.append((place[:2], _TOO_MUCH))
            return None
        if isinstance(value, dict):
            return dict(self._items(value, place))
        if isinstance(value, list | tuple):
            return [self.value(item, (*place, n)) for n, item in enumerate(value)]
        return self._scalar(value, place)

    def _scalar(self, value: Any, place: Place) -> Any:
        match value:
            case None | bool() | int():
                return value
            case float():
                return self._number(value, place)
            case str():
                return self._text(value, place)
            case datetime() | date():
                return value.isoformat()
        self._problems.append((place, f"a {type(value).__name__} is no plain data"))
        return None

    def _items(self, mapping: dict[Any, Any], place: Place) -> Iterator[tuple[str, Any]]:
        for name in mapping.repeated if isinstance(mapping, Repeating) else ():
            self._problems.append(((*place, name), "is given twice"))
        for name, value in mapping.items():
            if isinstance(name, str | int) and not isinstance(name, bool):
                text = self._text(str(name), (*place, str(name)))
                yield text, self.value(value, (*place, text))
            else:
                self._problems.append((place, f"the name {name!r} has to be a text"))

    def _number(self, value: float, place: Place) -> float:
        if math.isfinite(value):
            return value + 0.0  # a minus before zero is lost in the database
        self._problems.append((place, "a number has to be finite"))
        return 1.0

    def _text(self, value: str, place: Place) -> str:
        kept = value.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
        if kept != value:
            self._problems.append((place, "holds a character that no database keeps"))
        return kept


_TOO_MUCH = "too large or nested too deep"


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_mapping, parse_constant=_refuse)
    except ValueError as error:
        raise DocumentError(f"not JSON: {error}") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _mapping(pairs: list[tuple[str, Any]]) -> Repeating:
    mapping = Repeating(pairs)
    if len(mapping) < len(pairs):
        mapping.repeated = _repeated(name for name, _ in pairs)
    return mapping


def _repeated(names: Iterator[str]) -> tuple[str, ...]:
    seen: set[str] = set()
    twice = [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    return tuple(dict.fromkeys(twice))


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise DocumentError(f"not YAML: {line}{error.problem}") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        # The last three: tags whose text isn't what they say, such as !!int x.
        raise DocumentError(f"not YAML: {' '.join(str(error).split())}") from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012 - PyYAML's

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._repeated: dict[yaml.MappingNode, tuple[str, ...]] = {}

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        names = []
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.tag != _MERGE:
                name.tag = _TEXT
                names.append(name.value)
        self._repeated[node] = _repeated(iter(names))
        return node

    def construct_yaml_map(self, node: yaml.MappingNode) -> Generator[dict[Any, Any], None, None]:
        mapping = Repeating()
        mapping.repeated = self._repeated[node]
        yield mapping
        mapping.update(self.construct_mapping(node))


for _kind, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
