"""The national numbering plans of ``phonenumbers``, compiled to one pattern for a country code.

The library takes some 60 µs a number, most of it for spellings that files rarely hold. The patterns
are its own: what one of them takes, the library finds valid. What none takes, or what may be read
in more than one way, is for the library to look at.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

_LONGEST_CODE = 3
_NEVER = r"(?!)"  # matches nothing
_TYPES = (
    "mobile",
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)


class Plan:
    """A region's numbering plan, as far as it takes no guessing.

    ``valid`` matches, behind the country code ``code``, all valid national numbers of the code that
    can't be taken for anything else; ``general`` whatever is long enough for one of the region's.
    ``prefix`` is what may stand before a national number; ``trunk_prefix`` the same where it is
    nothing but digits to be left out. ``plain`` matches numbers that no prefix may stand before.
    ``idd``: what is dialled in place of a plus; ``plain_idd`` if that is nothing but digits.
    """

    def __init__(self, code: str, metadata: PhoneMetadata) -> None:
        self.code = code
        self.general = re.compile(_described(metadata.general_desc)[0])
        self.idd = re.compile(metadata.international_prefix or _NEVER)
        plain_idd = metadata.international_prefix or ""
        self.plain_idd = plain_idd if plain_idd.isdigit() else None
        prefix = metadata.national_prefix_for_parsing or _NEVER
        self.prefix = re.compile(prefix)
        plain = prefix == metadata.national_prefix and not metadata.national_prefix_transform_rule
        self.trunk_prefix = prefix if plain and prefix.isdigit() else None
        self.plain = re.compile(f"(?!{prefix})")
        self.valid = re.compile(f"(?!{prefix})(?:{_valid(code)})")
        described = metadata.general_desc or PhoneNumberDesc()
        self.lengths = tuple(described.possible_length)
        self.local_lengths = tuple(described.possible_length_local_only)


def _valid(code: str) -> str:
    """What the library finds valid of a code, whose regions it asks one after the other.

    The first whose leading digits a number has decides for it alone; those that have none are asked
    whether they know it.
    """
    pattern = _NEVER
    for region in reversed(COUNTRY_CODE_TO_REGION_CODE[int(code)]):
        metadata = PhoneMetadata.metadata_for_region(region, None)
        if metadata is None:
            continue
        leading, own = metadata.leading_digits, _valid_in(metadata)
        if leading is None:
            pattern = f"(?:{own}|{pattern})"
        else:
            pattern = f"(?:(?={leading}){own}|(?!{leading}){pattern})"
    return pattern


def _valid_in(metadata: PhoneMetadata) -> str:
    general, lengths = _described(metadata.general_desc)
    lines = dict.fromkeys(_lines(metadata, lengths))
    return f"(?:(?=(?:{general})$)(?:{'|'.join(lines) or _NEVER}))"


def _lines(metadata: PhoneMetadata, lengths: Sequence[int]) -> Iterator[str]:
    for name in _TYPES:
        pattern, own = _described(getattr(metadata, name), lengths)
        if own:
            of = "|".join(f".{{{length}}}" for length in own)
            yield f"(?=(?:{of})$)(?:{pattern})"


def _described(
    description: PhoneNumberDesc | None, lengths: Sequence[int] = ()
) -> tuple[str, Sequence[int]]:
    """Pattern and lengths of a kind of number; it has no lengths if there are no such numbers."""
    if description is None or not description.national_number_pattern:
        return _NEVER, ()
    own = [length for length in description.possible_length if length > 0]
    return description.national_number_pattern, own or lengths


@cache
def plan_of_region(region: str) -> Plan | None:
    """How numbers are written in a region (ISO 3166), if that is no matter of guessing."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.country_code is None:
        return None
    code = str(metadata.country_code)
    main = plan_of_code(code)
    if main is None or COUNTRY_CODE_TO_REGION_CODE[metadata.country_code][0] == region:
        return main
    # Elsewhere than in the main region of a shared code, the library reads by two plans at once.
    own = Plan(code, metadata)
    return own if own.prefix.pattern == main.prefix.pattern else None


@cache
def plan_of_code(code: str) -> Plan | None:
    """The plan of the main region that has a country code; None for satellites and free calls."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ())
    if not regions or code[0] == "0" or regions[0] == "001":
        return None
    metadata = PhoneMetadata.metadata_for_region(regions[0], None)
    return None if metadata is None else Plan(code, metadata)


@cache
def plan_at(digits: str) -> Plan | None:
    """The plan whose code a number begins with, of which three digits tell."""
    for length in range(1, min(_LONGEST_CODE, len(digits)) + 1):
        if plan := plan_of_code(digits[:length]):
            return plan  # no code begins with another
    return None


def longest_written(digits: str, region: str) -> int | None:
    """How many digits a region's national numbers have at most, a prefix counted if it is there.

    None if there is no such region.
    """
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix or ""
    return max(metadata.general_desc.possible_length) + len(prefix) * digits.startswith(prefix)
