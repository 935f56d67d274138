"""From a record of the file to a contact, or to the reason why it is none."""

import json
import re
from functools import cache
from json.encoder import encode_basestring as _quoted
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import available_timezones

from jobs.imports.headers import Columns
from jobs.imports.marks import show_marks
from jobs.imports.phones import PhoneReader
from jobs.imports.records import Record

_TAG_ENDS = re.compile(r"[;,|]|:::")
_AROUND_TAGS = ' \t\r\n\xa0"*'
_VALUES = ("first_name", "last_name", "email", "company", "timezone", "tags")
_TOO_MANY = "the row has more fields than the header"


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


class RowReader:
    """Reads the rows of one file. ``region``: where its national phone numbers are at home."""

    def __init__(self, columns: Columns, region: str) -> None:
        self.columns = columns
        self.region = region
        self._width = columns.width
        self._phones = PhoneReader(region)
        self._first_phone = columns.known["phone"]
        self._phone_columns = columns.phones or (columns.known["phone"],)
        # Where a column is missing, an empty cell is read that is put behind the others.
        at = [columns.known.get(name, columns.width) for name in _VALUES]
        self._values = itemgetter(*at)
        self._attributes = [(f"{_quoted(name)}: ", place) for name, place in columns.attributes]
        self._names = {place: columns.name(place) for place in self._phone_columns}

    def read(self, record: Record) -> StagedRow:
        """A contact, or a refused row; never an error."""
        line, fields, broken = record
        if broken is not None:
            return refused(record, broken)
        if len(fields) != self._width:
            fields = self._fitted(fields)
            if len(fields) > self._width:
                return refused(record, _TOO_MANY)
        phone = self._phones.read_plainly(fields[self._first_phone].strip())
        attributes = None
        if phone is None:
            phone, attributes, reason = self._look_closer(fields)
            if phone is None:
                return refused(record, reason)
        first_name, last_name, email, company, zone, tags = self._values([*fields, ""])
        timezone = zone.strip() and _zone(zone)
        if timezone is None:
            return refused(record, "timezone is unknown")
        return StagedRow(
            line,
            phone,
            first_name.strip() or None,
            last_name.strip() or None,
            email.strip() or None,
            company.strip() or None,
            timezone or None,
            _tags(tags) if tags else "[]",
            self._attributes_of(fields) if attributes is None else attributes,
        )

    def phone_of(self, record: Record) -> str | None:
        """The number that ``read`` would give; None if it would refuse the row. Costs half."""
        _, fields, broken = record
        if broken is None and len(fields) != self._width:
            fields = self._fitted(fields)
        if broken is not None or len(fields) > self._width:
            return None
        zone = self._values([*fields, ""])[_VALUES.index("timezone")]
        if zone.strip() and _zone(zone) is None:
            return None
        phone = self._phones.read_plainly(fields[self._first_phone].strip())
        return phone or self._look_closer(fields)[0]

    def _look_closer(self, fields: list[str]) -> tuple[str | None, str | None, str]:
        """The number in the first phone column that has a valid one, attributes, or the reason.

        Of what the column before it hold, and of what it holds besides, nothing is dropped.
        """
        reason = None
        for position in self._phone_columns:
            cell = fields[position]
            first = position == self._first_phone
            read = self._phones.read_closely if first else self._phones.read
            number, why, more = read(cell.strip())
            if number is not None:
                if first and not more:
                    return number, None, ""
                return number, self._attributes_besides(fields, position, more=more), ""
            if reason is None and cell.strip():
                reason = why
        return None, None, reason or "phone is empty"

    def _attributes_of(self, fields: list[str]) -> str:
        parts = [
            key + _quoted(value)
            for key, position in self._attributes
            if (value := fields[position].strip())
        ]
        return "{" + ", ".join(parts) + "}" if parts else "{}"

    def _attributes_besides(self, fields: list[str], used: int, *, more: bool) -> str:
        """Attributes of a row whose number doesn't fill the first phone column and no other."""
        kept = [name for name in self.columns.attributes if more or name[1] != used]
        values = {name: value for name, place in kept if (value := fields[place].strip())}
        if (first := fields[self._first_phone].strip()) and (more or used != self._first_phone):
            name, number = self._names[self._first_phone], 2
            while name in values:
                name, number = f"{self._names[self._first_phone]} {number}", number + 1
            values[name] = first
        return json.dumps(values, ensure_ascii=False)

    def _fitted(self, fields: list[str]) -> list[str]:
        """Cells that are missing at the end are empty, and empty ones too many are left out."""
        width = self._width
        if any(map(str.strip, fields[width:])):
            return fields
        return fields[:width] + [""] * (width - len(fields))


def refused(record: Record, reason: str) -> StagedRow:
    """A row for the error list; what no text can hold is shown by signs that it can."""
    fields = record.fields if record.broken is None else map(show_marks, record.fields)
    return StagedRow(record.line, reason=reason, fields=f"[{', '.join(map(_quoted, fields))}]")


def _tags(text: str) -> str:
    """Several in one cell, as a JSON array; Mailchimp puts quotes around each, Google stars."""
    parts = (part.strip(_AROUND_TAGS) for part in _TAG_ENDS.split(text))
    tags = dict.fromkeys(tag for tag in parts if tag)
    return f"[{', '.join(map(_quoted, tags))}]"


def _zone(text: str) -> str | None:
    return _zones().get(text.strip().casefold())


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
