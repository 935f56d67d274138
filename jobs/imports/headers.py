"""Which of a file's columns is what: as asked, else by their names, else by what they hold."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jobs.imports.aliases import ALIASES
from jobs.imports.phone_headers import rank_phone_columns

# What a column can be asked to be: one of our fields, an attribute under its own name, or nothing.
Target = Literal[
    "phone",
    "first_name",
    "last_name",
    "email",
    "company",
    "timezone",
    "tags",
    "attribute",
    "ignore",
]
# How it was found out what a column is.
How = Literal["asked", "name", "content", "rest"]
FIELDS = ("phone", *ALIASES)


class MappingError(ValueError):
    """A mapping that doesn't fit the file; the text says what and why, without the file's name."""


@dataclass(frozen=True)
class Columns:
    """Where things stand in a file's rows.

    ``known``: our name → position, of which ``phone`` is always one. ``phones``: all columns of
    phone numbers, the likeliest first; the number is in the first of them that holds a valid one.
    ``attributes``: the other columns, (name, position), names unique. ``names``: the header, as the
    file has it. ``how``: for those in ``known`` and ``phones``, and
    for all that were asked to be something.
    """

    known: dict[str, int]
    attributes: tuple[tuple[str, int], ...]
    width: int
    phones: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    how: dict[int, How] = field(default_factory=dict)

    def name(self, position: int) -> str:
        """What a column is called; its number, from 1, if it has no name."""
        return _cleaned(self.names[position]) or f"column {position + 1}"


def map_header(header: Sequence[str], mapping: Mapping[str, str] | None = None) -> Columns | None:
    """Recognise the columns of a header row; None if none of them is a phone number.

    ``mapping``: what the user asked columns to be, by name or by number from 1. It goes before
    names, and of a field that it gives to a column, no other column is found by its name.

    Raises:
        MappingError: a column is not there, or a name is not one column's alone.
    """
    names = [normal(name) for name in header]
    asked = _asked(header, names, mapping or {})
    how: dict[int, How] = {}
    fields: dict[str, list[int]] = {}
    for position, target in asked.items():
        how[position] = "asked"
        if target in FIELDS:
            fields.setdefault(target, []).append(position)
    free = ["" if position in asked else name for position, name in enumerate(names)]
    for ours, aliases in ALIASES.items():
        found = next((free.index(alias) for alias in aliases if alias in free), None)
        if ours not in fields and found is not None:
            fields[ours] = [found]
            how[found] = "name"
    if "phone" not in fields:
        fields["phone"] = [p for p in rank_phone_columns(free) if p not in how]
        how.update(dict.fromkeys(fields["phone"], "name"))
    if not fields["phone"]:
        return None
    return _columns(header, fields, how, {p for p, target in asked.items() if target == "ignore"})


def map_content(
    width: int, mapping: Mapping[str, str] | None, phones: Sequence[int], emails: Sequence[int]
) -> Columns | None:
    """The columns of a file without a header, by what seems to stand in them.

    Raises:
        MappingError: as ``map_header``; columns are known by number alone.
    """
    header = [""] * width
    asked = _asked(header, header, mapping or {})
    how: dict[int, How] = dict.fromkeys(asked, "asked")
    fields: dict[str, list[int]] = {}
    for position, target in asked.items():
        if target in FIELDS:
            fields.setdefault(target, []).append(position)
    for ours, found in (("phone", phones), ("email", emails)):
        free = [position for position in found if position not in asked]
        if ours not in fields and free:
            fields[ours] = free[:1]
            how[free[0]] = "content"
    if "phone" not in fields:
        return None
    return _columns(header, fields, how, {p for p, target in asked.items() if target == "ignore"})


def _asked(
    header: Sequence[str], names: Sequence[str], mapping: Mapping[str, str]
) -> dict[int, str]:
    asked: dict[int, str] = {}
    for column, target in mapping.items():
        position = _position(column, header, names)
        if position in asked:
            raise MappingError(f"column {position + 1} is mapped twice")
        if target in asked.values() and target not in {"phone", "attribute", "ignore"}:
            raise MappingError(f"two columns are mapped to {target}")
        asked[position] = target
    return asked


def _position(column: str, header: Sequence[str], names: Sequence[str]) -> int:
    exact = [p for p, name in enumerate(header) if _cleaned(name) == column.strip() != ""]
    same = exact or [p for p, name in enumerate(names) if name == normal(column) != ""]
    if len(same) == 1:
        return same[0]
    if same:
        numbers = ", ".join(str(position + 1) for position in same)
        raise MappingError(f"several columns are called {column!r}: name one by number ({numbers})")
    if column.strip().isdecimal() and 1 <= int(column) <= len(header):
        return int(column) - 1
    raise MappingError(f"there is no column {column!r}")


def _columns(
    header: Sequence[str], fields: dict[str, list[int]], how: dict[int, How], ignored: set[int]
) -> Columns:
    known = {ours: positions[0] for ours, positions in fields.items()}
    taken: set[str] = set()
    attributes = []
    for position, name in enumerate(header):
        if position in known.values() or position in ignored:
            continue
        unique = base = _cleaned(name) or f"column {position + 1}"
        number = 2
        while unique in taken:
            unique = f"{base} {number}"
            number += 1
        taken.add(unique)
        attributes.append((unique, position))
    phones = tuple(fields["phone"])
    return Columns(known, tuple(attributes), len(header), phones, tuple(header), how)


def _cleaned(name: str) -> str:
    return name.strip("\ufeff").replace("\0", "").strip()


def normal(name: str) -> str:
    """``First_Name``, `` first-name ``, ``firstName`` and ``FIRST  NAME`` are one name.

    So are ``phone1`` and ``Phone 1``, ``Téléphone`` and ``telephone``.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", plain)
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)", " ", plain)
    return re.sub(r"[\W_]+", " ", parted).strip().casefold()
