"""What customers call their columns, and which of ours that is."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.imports.phone_headers import find_phone_column

# Ours → what files call it, the likeliest first: of two columns that fit, the earlier name wins
# and the other is kept as an attribute. Written as _normal makes them.
ALIASES: dict[str, tuple[str, ...]] = {
    "phone": (
        *("phone", "phone number", "phonenumber", "phone no", "mobile", "mobile phone"),
        *("mobile number", "mobile no", "cell", "cell phone", "cellphone", "cell number"),
        *("telephone", "telephone number", "tel", "tel no", "phone 1", "phone 1 value"),
        *("primary phone", "msisdn"),
    ),
    "first_name": (
        *("first name", "firstname", "first", "given name", "givenname", "fname", "forename"),
        *("vorname", "nombre", "prenom"),
    ),
    "last_name": (
        *("last name", "lastname", "last", "surname", "family name", "familyname", "lname"),
        *("nachname", "apellido", "apellidos", "nom"),
    ),
    "email": (
        *("email", "e mail", "email address", "e mail address", "mail", "e mail 1 value"),
        *("correo", "courriel"),
    ),
    "company": (
        *("company", "company name", "organization", "organisation", "organization name"),
        *("business", "employer", "account name", "firma", "empresa", "societe"),
    ),
    "timezone": ("timezone", "time zone", "tz", "zeitzone"),
    "tags": ("tags", "tag", "labels", "label", "groups", "group membership"),
}


@dataclass(frozen=True)
class Columns:
    """Where things stand in a file's rows.

    ``known``: our name → position, of which ``phone`` is always one. ``attributes``: the other
    columns, (name as the file has it, position), names unique.
    """

    known: dict[str, int]
    attributes: tuple[tuple[str, int], ...]
    width: int


def map_header(header: Sequence[str]) -> Columns | None:
    """Recognise the columns of a header row; None if none of them is a phone number."""
    names = [_normal(name) for name in header]
    known: dict[str, int] = {}
    for ours, aliases in ALIASES.items():
        for alias in aliases:
            if alias in names:
                known[ours] = names.index(alias)
                break
    if "phone" not in known:
        found = find_phone_column(names)
        if found is None:
            return None
        known = {"phone": found, **known}
    taken: set[str] = set()
    attributes = []
    for position, name in enumerate(header):
        if position in known.values():
            continue
        unique = base = name.strip() or f"column {position + 1}"
        number = 2
        while unique in taken:
            unique = f"{base} {number}"
            number += 1
        taken.add(unique)
        attributes.append((unique, position))
    return Columns(known, tuple(attributes), len(header))


def _normal(name: str) -> str:
    """``First_Name``, `` first-name ``, ``firstName`` and ``FIRST  NAME`` are one name.

    So are ``phone1`` and ``Phone 1``, ``Téléphone`` and ``telephone``.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", plain)
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)", " ", plain)
    return re.sub(r"[\W_]+", " ", parted).strip().casefold()
