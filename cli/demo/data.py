"""Files of contacts as customers send them; the numbers are those kept free for fiction.

What is wrong with them is known beforehand, so that the import can be held against it. The same
arguments always make the same file.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

BOM = "\ufeff"
HEADER = ("Phone Number", "First Name", "Last Name", "E-Mail", "Company", "Plan", "City", "Note")
PLANS = ("premium", "basic", "")
_PLAN_WEIGHTS = (35, 55, 10)

# One row in so many of each kind is dirt, added to the contacts asked for.
_BAD_EVERY, _DUPLICATE_EVERY, _BLANK_EVERY = 40, 50, 60

_US_AREA_CODES = (
    *(201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224),
    *(225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270),
    *(276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318),
    *(319, 320, 321, 323, 325, 330, 334, 336, 337, 339, 347, 351, 352, 360, 361, 386, 401, 402),
    *(404, 405, 406, 407, 408, 409, 410, 412, 413, 414, 415, 417, 419, 423, 424, 425, 430, 432),
    *(434, 435, 440, 443, 469, 478, 479, 480, 484, 501, 502, 503, 504, 505, 507, 508, 509, 510),
    *(512, 513, 515, 516, 517, 518, 520, 530, 540, 541, 551, 559, 561, 562, 563, 567, 570, 571),
    *(573, 574, 580, 585, 586, 601, 602, 603, 605, 606, 607, 608, 609, 610, 612, 614, 615, 616),
    *(617, 618, 619, 620, 623, 626, 630, 631, 636, 641, 646, 650, 651, 660, 661, 662, 678, 682),
    *(701, 702, 703, 704, 706, 707, 708, 712, 713, 714, 715, 716, 717, 718, 719, 720, 724, 727),
)
_GERMAN_BLOCKS = (
    ("30", "23125"),
    ("69", "90009"),
    ("40", "66969"),
    ("221", "4710"),
    ("89", "99998"),
)
_BLOCK_SIZE = 1000

_FIRST = {
    "US": ("Ann", "Bob", "Carmen", "DeShawn", "Emily", "Frank", "Grace", "Hugo", "Ivy", "José"),
    "DE": ("Jürgen", "Käthe", "Lukas", "Mia", "Noah", "Özlem", "Paul", "Rosa", "Sören", "Zoë"),
}
_LAST = {
    "US": ("Adams", "Brown", "Carter", "Diaz", "Evans", "Fox", "Garcia", "O'Neill", "Smith, Jr."),
    "DE": ("Bauer", "Groß", "Hofmann", "Jäger", "Köhler", "Meyer", "von der Heide", "Weiß"),
}
_CITIES = {
    "US": ("New York, NY", "Boston, MA", "Albany, NY", "Newark, NJ"),
    "DE": ("Berlin", "Köln", "München", "Frankfurt (Main)"),
}
_COMPANIES = ('Fox & "Hound" Ltd.', "Acme, Inc.", "Müller GmbH", "")
_NOTES = ("", "", "prefers mornings, not Mondays", "asked twice:\nprice, term", 'said "later"')
_BAD_PHONES = ("n/a", "", "12345", "call me", "+999 1234567", "555-01", "2.12556E+09", "unknown")


@dataclass
class Written:
    """What a file holds: ``contacts`` different valid ones, and so many rows of dirt."""

    contacts: int = 0
    bad_phones: int = 0
    duplicates: int = 0
    blank_lines: int = 0
    plans: Counter[str] = field(default_factory=Counter)


def most_contacts(region: str) -> int:
    """How many numbers of the region are kept free for fiction."""
    return len(_GERMAN_BLOCKS) * _BLOCK_SIZE if region == "DE" else len(_US_AREA_CODES) * 100


def write_contacts(path: Path, region: str, contacts: int, *, seed: int = 1) -> Written:
    """Write a file of ``contacts`` different valid contacts of ``region`` (US, DE), and dirt.

    A byte-order mark, CRLF, quoted commas, quotes and line ends, phones in many spellings, bad
    and repeated ones, blank lines, missing names, and columns nobody asked for.
    """
    chance = random.Random(seed)  # noqa: S311 - the same file every time
    written = Written()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BOM)
        file.write(_line(HEADER))
        numbers = _german_numbers() if region == "DE" else _american_numbers()
        spell = _spell_german if region == "DE" else _spell_american
        for number, (area, local) in zip(count(1), numbers, strict=False):
            if number > contacts:
                break
            row = _row(chance, region, spell(chance, area, local))
            written.contacts += 1
            written.plans[row[5]] += 1
            file.write(_line(row))
            if number % _BAD_EVERY == 1:
                written.bad_phones += 1
                file.write(_line(_row(chance, region, chance.choice(_BAD_PHONES))))
            if number % _DUPLICATE_EVERY == 1:
                written.duplicates += 1
                file.write(_line(_row(chance, region, spell(chance, area, local))))
            if number % _BLANK_EVERY == 1:
                written.blank_lines += 1
                file.write(chance.choice(("\r\n", "  \r\n", "," * (len(HEADER) - 1) + "\r\n")))
    return written


def _american_numbers() -> Iterator[tuple[str, str]]:
    """(area code, local number): 555-0100 to 555-0199 of each area."""
    for tail in range(100, 200):
        for area in _US_AREA_CODES:
            yield str(area), f"5550{tail}"


def _german_numbers() -> Iterator[tuple[str, str]]:
    return chain.from_iterable(
        ((area, f"{block}{tail:03d}") for area, block in _GERMAN_BLOCKS)
        for tail in range(_BLOCK_SIZE)
    )


def _spell_american(chance: random.Random, area: str, local: str) -> str:
    near, far = local[:3], local[3:]
    return chance.choice(
        (
            f"({area}) {near}-{far}",
            f"{area}-{near}-{far}",
            f"{area}.{near}.{far}",
            f"{area}{near}{far}",
            f"+1 {area} {near} {far}",
            f"1-{area}-{near}-{far}",
            f"  {area} {near} {far} ",
            f"'{area}{near}{far}",
        )
    )


def _spell_german(chance: random.Random, area: str, local: str) -> str:
    return chance.choice(
        (
            f"0{area} {local}",
            f"0{area}/{local}",
            f"+49 {area} {local}",
            f"+49 (0){area} {local}",
            f"0049 {area} {local}",
            f"(0{area}) {local}",
            f"0{area}{local}",
        )
    )


def _row(chance: random.Random, region: str, phone: str) -> tuple[str, ...]:
    first = chance.choice(_FIRST[region]) if chance.random() < 0.9 else ""  # noqa: PLR2004
    last = chance.choice(_LAST[region]) if chance.random() < 0.95 else ""  # noqa: PLR2004
    return (
        phone,
        first,
        last,
        f"{first or 'info'}@example.com".lower() if first.isascii() else "",
        chance.choice(_COMPANIES),
        chance.choices(PLANS, _PLAN_WEIGHTS)[0],
        chance.choice(_CITIES[region]),
        chance.choice(_NOTES),
    )


def _line(cells: tuple[str, ...]) -> str:
    return ",".join(map(_quoted, cells)) + "\r\n"


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',"\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
