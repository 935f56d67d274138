"""Phone numbers as people write them, to E.164, by the metadata of ``phonenumbers``.

The library takes some 60 µs a number, most of it for spellings that files rarely hold. A number
in plain digits is read here by the library's own patterns, about ten times faster; whatever is
not plainly valid goes through the library, which alone says no and why.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberDesc,
)

# What the contacts table takes; some national plans know longer and shorter numbers.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PLAIN = re.compile(r"\+?[0-9(][0-9 ().-]*[0-9]")
_FORMATTING = str.maketrans("", "", " ().-+")
# A spreadsheet that took the number for a quantity: 2125550123.0 or 2.12556E+09.
_DECIMAL = re.compile(r"(\+?\d+)\.0+")
_EXPONENT = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_LONGEST_CODE = 3
_NEVER = r"(?!)"  # matches nothing

_TYPES = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)


class PhoneError(ValueError):
    """The text is no phone number; the error's own text is one of a few fixed reasons."""


def normalize_phone(text: str, region: str) -> str:
    """E.164 of a number written nationally in ``region`` (ISO 3166) or internationally.

    Raises:
        PhoneError: it is empty, not a number, or not a valid one.
    """
    if _PLAIN.fullmatch(text):
        number = _read_plainly(text, region)
        if number:
            return number
    return _read_by_library(text, region)


@lru_cache(maxsize=65_536)
def _read_by_library(text: str, region: str) -> str:
    text = text.strip().removeprefix("'")
    if not text:
        raise PhoneError("phone is empty")
    if _EXPONENT.fullmatch(text):
        raise PhoneError("phone was rounded by a spreadsheet")
    if decimal := _DECIMAL.fullmatch(text):
        text = decimal[1]
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        raise PhoneError(_parse_reason(error)) from None
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or not _E164.fullmatch(written):
        raise PhoneError(_invalid_reason(number))
    return written


def _parse_reason(error: NumberParseException) -> str:
    return {
        NumberParseException.INVALID_COUNTRY_CODE: "phone has an unknown country code",
        NumberParseException.TOO_SHORT_AFTER_IDD: "phone is too short",
        NumberParseException.TOO_SHORT_NSN: "phone is too short",
        NumberParseException.TOO_LONG: "phone is too long",
    }.get(error.error_type, "phone is not a number")


def _invalid_reason(number: phonenumbers.PhoneNumber) -> str:
    return {
        phonenumbers.ValidationResult.TOO_SHORT: "phone is too short",
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone lacks its area code",
        phonenumbers.ValidationResult.TOO_LONG: "phone is too long",
    }.get(phonenumbers.is_possible_number_with_reason(number), "phone is not a valid number")


def _read_plainly(text: str, region: str) -> str | None:
    """The E.164 form if the number is valid beyond doubt, None if the library must look."""
    if "." in text and _DECIMAL.fullmatch(text):
        return None
    digits = text.translate(_FORMATTING)
    found = _international(digits) if text[0] == "+" else _national(digits, _plan_of_region(region))
    if found is None:
        return None
    plan, national = found
    if plan.prefix.match(national) or national[0] == "0" or not plan.valid.fullmatch(national):
        return None
    written = f"+{plan.code}{national}"
    return written if _E164.fullmatch(written) else None


def _international(digits: str) -> "tuple[_Plan, str] | None":
    """Country code and the rest; no code begins with another."""
    for length in range(1, min(_LONGEST_CODE, len(digits) - 1) + 1):
        if plan := _plan_of_code(digits[:length]):
            return plan, digits[length:]
    return None


def _national(digits: str, plan: "_Plan | None") -> "tuple[_Plan, str] | None":
    """A number without a plus, less the country code or the trunk prefix before it."""
    if plan is None or plan.idd.match(digits):
        return None
    national = digits
    if digits.startswith(plan.code):
        national = digits[len(plan.code) :]
        if plan.general.fullmatch(digits) or not plan.general.fullmatch(national):
            return None
    if plan.trunk_prefix and plan.prefix.match(national):
        if plan.general.fullmatch(national):
            return None
        national = national.removeprefix(plan.trunk_prefix)
        if not plan.general.fullmatch(national):
            return None
    return (plan, national) if national else None


class _Plan:
    """A country code's numbering plan, its main region's patterns compiled.

    ``general`` matches all its national numbers, ``valid`` those that some type of line has.
    ``prefix`` is what may stand before a national number; ``trunk_prefix`` the same where it is
    nothing but digits to be left out.
    """

    def __init__(self, code: str, metadata: PhoneMetadata) -> None:
        self.code = code
        general, lengths = _described(metadata.general_desc)
        self.general = re.compile(general)
        lines = (_described(getattr(metadata, name), lengths) for name in _TYPES)
        valid = "|".join(
            f"(?=(?:{'|'.join(f'.{{{n}}}' for n in of)})$)(?:{pattern})"
            for pattern, of in lines
            if of
        )
        self.valid = re.compile(f"(?=(?:{general})$)(?:{valid or _NEVER})")
        self.idd = re.compile(metadata.international_prefix or _NEVER)
        prefix = metadata.national_prefix_for_parsing or _NEVER
        self.prefix = re.compile(prefix)
        plain = prefix == metadata.national_prefix and not metadata.national_prefix_transform_rule
        self.trunk_prefix = prefix if plain and prefix.isdigit() else None


def _described(
    description: PhoneNumberDesc | None, lengths: Sequence[int] = ()
) -> tuple[str, Sequence[int]]:
    """Pattern and lengths of a kind of number; it has no lengths if there are no such numbers."""
    if description is None or not description.national_number_pattern:
        return _NEVER, ()
    own = [length for length in description.possible_length if length > 0]
    return description.national_number_pattern, own or lengths


@cache
def _plan_of_region(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.country_code is None:
        return None
    main = COUNTRY_CODE_TO_REGION_CODE[metadata.country_code][0]
    # Elsewhere than in the main region of a shared code, the library reads by two plans at once.
    return _plan_of_code(str(metadata.country_code)) if main == region else None


@cache
def _plan_of_code(code: str) -> _Plan | None:
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ())
    if not regions or code[0] == "0" or regions[0] == "001":
        return None
    metadata = PhoneMetadata.metadata_for_region(regions[0], None)
    # With leading digits, the main region doesn't speak for the code alone.
    return None if metadata is None or metadata.leading_digits else _Plan(code, metadata)
