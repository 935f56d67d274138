"""From a record of the file to a contact, or to the reason why it is none."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

from jobs.imports.headers import Columns
from jobs.imports.phones import PhoneError, normalize_phone
from jobs.imports.records import Record

_TAG_ENDS = re.compile(r"[;,|]")


class StagedRow(NamedTuple):
    """A row of the staging table: a contact if ``reason`` is None, else one for the error list.

    ``tags`` is a JSON array, ``attributes`` a JSON object; ``fields`` the row as it stood in the
    file, a JSON array, for the error list only.
    """

    line_number: int
    phone_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    company: str | None = None
    timezone: str | None = None
    tags: str = "[]"
    attributes: str = "{}"
    reason: str | None = None
    fields: str | None = None


class RowError(ValueError):
    """The row is no contact; the error's own text is one of a few fixed reasons."""


@dataclass(frozen=True)
class RowReader:
    """Reads the rows of one file. ``region``: where its national phone numbers are at home."""

    columns: Columns
    region: str

    def read(self, record: Record) -> StagedRow:
        """A contact, or a refused row; never an error."""
        try:
            return self._contact(record)
        except (RowError, PhoneError) as error:
            return refused(record, str(error))

    def _contact(self, record: Record) -> StagedRow:
        if record.broken:
            raise RowError(record.broken)
        fields = record.fields
        if len(fields) != self.columns.width:
            fields = self._fitted(fields)
        if any("\0" in field for field in fields):
            raise RowError("the row holds a NUL character")
        known = self.columns.known
        phone = normalize_phone(fields[known["phone"]].strip(), self.region)

        def value(name: str) -> str | None:
            return fields[known[name]].strip() or None if name in known else None

        return StagedRow(
            line_number=record.line,
            phone_number=phone,
            first_name=value("first_name"),
            last_name=value("last_name"),
            email=value("email"),
            company=value("company"),
            timezone=_timezone(value("timezone")),
            tags=_tags(value("tags")),
            attributes=self._attributes(fields),
        )

    def _fitted(self, fields: list[str]) -> list[str]:
        """Cells that are missing at the end are empty; of those too many, all must be."""
        width = self.columns.width
        if any(map(str.strip, fields[width:])):
            raise RowError("the row has more fields than the header")
        return fields[:width] + [""] * (width - len(fields))

    def _attributes(self, fields: list[str]) -> str:
        if not self.columns.attributes:
            return "{}"
        values = {
            name: value
            for name, position in self.columns.attributes
            if (value := fields[position].strip())
        }
        return json.dumps(values, ensure_ascii=False) if values else "{}"


def refused(record: Record, reason: str) -> StagedRow:
    """A row for the error list. A NUL, which Postgres has no place for, is shown as ``␀``."""
    shown = [field.replace("\0", "␀") for field in record.fields]
    return StagedRow(record.line, reason=reason, fields=json.dumps(shown, ensure_ascii=False))


def _tags(text: str | None) -> str:
    if text is None:
        return "[]"
    tags = dict.fromkeys(tag for part in _TAG_ENDS.split(text) if (tag := part.strip()))
    return json.dumps(list(tags), ensure_ascii=False) if tags else "[]"


def _timezone(text: str | None) -> str | None:
    if text is None:
        return None
    zone = _zones().get(text.casefold())
    if zone is None:
        raise RowError("timezone is unknown")
    return zone


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
