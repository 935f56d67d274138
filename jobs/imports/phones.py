"""Phone numbers as people write them, to E.164, by the metadata of ``phonenumbers``.

A number in plain digits is read by the library's own patterns (``jobs.imports.numbering``), some
thirty times faster than by the library, which looks at everything else. What spreadsheets did to
numbers is undone where only one number can have stood there.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException

from jobs.imports.numbering import Plan, longest_written, plan_at, plan_of_code, plan_of_region

# What the contacts table takes; some national plans know longer and shorter numbers.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_PLAIN = re.compile(r"\+?[0-9(][0-9 ().-]*[0-9]")
_FORMATTING = str.maketrans("", "", " ().-+\xa0\u2011")
# A spreadsheet that took the number for a quantity: 2125550123.0, 2.12556E+09, ="0212555".
_DECIMAL = re.compile(r"(\+?\d+)[.,]0+")
_EXPONENT = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d+)")
_FORMULA = re.compile(r'=\s*"?([^"]*)"?')
_QUOTES = "'\"’‘`´"
# What stands between two numbers in one cell; Google Contacts writes `:::`.
_BETWEEN = re.compile(r"\s*(?::::|[;,|/\n]|\b(?:or|oder|ou|and|und|et|y|o)\b)\s*")
# A national number to which a digit was added by mistake is one digit too long, not two.
_CERTAINLY_LONGER = 2
_FEWEST_JUDGED = 4
_LONGEST_REMEMBERED = 64  # a column of letters, taken for phones, would fill the memory
_REASONS = {
    phonenumbers.ValidationResult.TOO_SHORT: "phone is too short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone lacks its area code",
    phonenumbers.ValidationResult.TOO_LONG: "phone is too long",
}
_PARSE_REASONS = {
    NumberParseException.INVALID_COUNTRY_CODE: "phone has an unknown country code",
    NumberParseException.TOO_SHORT_AFTER_IDD: "phone is too short",
    NumberParseException.TOO_SHORT_NSN: "phone is too short",
    NumberParseException.TOO_LONG: "phone is too long",
}
_INVALID = "phone is not a valid number"
_EMPTY = "phone is empty"
_AMBIGUOUS = "phone lacks its + or its 0, and which is not certain"
_ROUNDED = "phone was rounded by a spreadsheet"


class PhoneError(ValueError):
    """The text is no phone number; the error's own text is one of a few fixed reasons."""


class PhoneReading(NamedTuple):
    """E.164, or the reason why there is none. ``more``: an extension or another number was left."""

    number: str | None
    reason: str | None = None
    more: bool = False


def normalize_phone(text: str, region: str) -> str:
    """E.164 of a number written nationally in ``region`` (ISO 3166) or internationally.

    Raises:
        PhoneError: it is empty, not a number, or not a valid one.
    """
    reading = _reader(region).read(text)
    if reading.number is None:
        raise PhoneError(reading.reason)
    return reading.number


class PhoneReader:
    """Reads numbers written nationally in ``region`` (ISO 3166) or internationally."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._plan = plan_of_region(region)

    def read(self, text: str) -> PhoneReading:
        """What ``text`` says, which may be anything; never an error."""
        number = self.read_plainly(text)
        return PhoneReading(number) if number else self.read_closely(text)

    def read_closely(self, text: str) -> PhoneReading:
        """The same, where ``read_plainly`` has been tried."""
        if len(text) > _LONGEST_REMEMBERED:
            return _read_anew(text, self._region)
        return _read_slowly(text, self._region)

    def read_plainly(self, text: str) -> str | None:
        """E.164 if the number is valid beyond doubt; None if ``read`` must look."""
        if text[:1] == "+":
            digits = text[1:]
            if digits.isdecimal() and digits.isascii():
                plan = plan_at(digits[:3])
                if (
                    plan is not None
                    and plan.valid.fullmatch(digits, len(plan.code))
                    and _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS
                ):
                    return text
                return None
        found = self.split(text)
        if found is None:
            return None
        plan, national = found
        if plan.valid.fullmatch(national) is None:
            return None
        written = f"+{plan.code}{national}"
        return written if _FEWEST_DIGITS < len(written) <= _MOST_DIGITS + 1 else None

    def split(self, text: str) -> tuple[Plan, str] | None:
        """Plan and national number, if the text can be taken apart in one way only.

        That holds if the number is one that the plan takes for ``plain``.
        """
        if _PLAIN.fullmatch(text) is None or ("." in text and _DECIMAL.fullmatch(text)):
            return None
        digits = text.translate(_FORMATTING)
        if text[0] == "+":
            return _international(digits)
        plan = self._plan
        if plan is None:
            return None
        if plan.plain_idd is None:
            return None if plan.idd.match(digits) else _national(digits, plan)
        if digits.startswith(plan.plain_idd):
            behind = digits[len(plan.plain_idd) :]
            return _international(behind) if behind[:1] not in {"", "0"} else None
        return _national(digits, plan)


def _international(digits: str) -> tuple[Plan, str] | None:
    plan = plan_at(digits[:3])
    return None if plan is None else (plan, digits[len(plan.code) :])


def _national(digits: str, plan: Plan) -> tuple[Plan, str] | None:
    """A number without a plus, less the country code or the trunk prefix before it."""
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
    return plan, national


@lru_cache(maxsize=16_384)
def _read_slowly(text: str, region: str) -> PhoneReading:
    """The same number comes again and again in some files, and so do ``n/a`` and ``-``."""
    return _read_anew(text, region)


def _read_anew(text: str, region: str) -> PhoneReading:
    cleaned = _mended(text)
    if not cleaned:
        return PhoneReading(None, _EMPTY)
    if _EXPONENT.fullmatch(cleaned):
        return PhoneReading(None, _ROUNDED)
    reading = _judged(cleaned, region) or _read_by_library(cleaned, region)
    if reading.number is not None:
        return _of_two(cleaned, reading, region)
    number = _without_plus(cleaned, region) or _first_of_several(cleaned, region)
    return number or reading


def _mended(text: str) -> str:
    """Without what spreadsheets put around a number, where no digit was lost to them."""
    text = text.strip().strip("\ufeff\u200b\u200e\u200f\u202a\u202c").strip()
    if formula := _FORMULA.fullmatch(text):
        text = formula[1].strip()
    text = text.strip(_QUOTES).strip()
    if decimal := _DECIMAL.fullmatch(text):
        return decimal[1]
    exponent = _EXPONENT.fullmatch(text)
    if exponent and len(exponent[2] or "") == int(exponent[3][:4]):
        return exponent[1] + (exponent[2] or "")  # no digit is missing
    return text


def _judged(text: str, region: str) -> PhoneReading | None:
    """The reading of a plain number, valid or not; None if the library must look."""
    found = _reader(region).split(text)
    if found is None:
        return None
    plan, national = found
    main = plan_of_code(plan.code)
    if main is None or len(national) < _FEWEST_JUDGED or not plan.plain.match(national):
        return None
    if plan.valid.fullmatch(national) is None:
        return PhoneReading(None, _reason_by_length(len(national), main))
    written = f"+{plan.code}{national}"
    fits = _FEWEST_DIGITS < len(written) <= _MOST_DIGITS + 1
    return PhoneReading(written) if fits else None


@cache
def _reader(region: str) -> PhoneReader:
    return PhoneReader(region)


def _reason_by_length(length: int, plan: Plan) -> str:
    result = phonenumbers.ValidationResult.IS_POSSIBLE
    if length in plan.local_lengths:
        result = phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    elif length < plan.lengths[0]:
        result = phonenumbers.ValidationResult.TOO_SHORT
    elif length > plan.lengths[-1]:
        result = phonenumbers.ValidationResult.TOO_LONG
    return _REASONS.get(result, _INVALID)


def _read_by_library(text: str, region: str) -> PhoneReading:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        return PhoneReading(None, _PARSE_REASONS.get(error.error_type, "phone is not a number"))
    written = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    if not phonenumbers.is_valid_number(number) or not _E164.fullmatch(written):
        possible = phonenumbers.is_possible_number_with_reason(number)
        return PhoneReading(None, _REASONS.get(possible, _INVALID))
    return PhoneReading(written, more=bool(number.extension))


def _of_two(text: str, reading: PhoneReading, region: str) -> PhoneReading:
    """A number that begins with its own country code, valid with a plus, too, and then another.

    4915112345678 in Germany is +49 151 12345678, and not the fourteen digits 0 4915 112345678, for
    no mobile number is that long by chance; 4921123456 may be one thing or the other.
    """
    plan = plan_of_region(region)
    digits = text.isascii() and text.isdecimal()
    if plan is None or not digits or not text.startswith(plan.code):
        return reading
    if reading.number != f"+{plan.code}{text}":
        return reading
    international = _read_plus(text, region).number
    if international is None:
        return reading
    kind = phonenumbers.number_type(phonenumbers.parse(international))
    if kind == phonenumbers.PhoneNumberType.MOBILE:
        return PhoneReading(international)
    return PhoneReading(None, _AMBIGUOUS)


def _without_plus(text: str, region: str) -> PhoneReading | None:
    """A number that lost its plus as spreadsheets make it: digits alone, too many for the region.

    One too many may be a slip of the finger in a national number; then nothing is certain.
    """
    if not (text.isascii() and text.isdecimal()) or text[0] == "0":
        return None
    longest = longest_written(text, region)
    if longest is None or len(text) < longest + _CERTAINLY_LONGER:
        return None
    reading = _read_plus(text, region)
    return reading if reading.number else None


def _read_plus(digits: str, region: str) -> PhoneReading:
    return _judged(f"+{digits}", region) or _read_by_library(f"+{digits}", region)


def _first_of_several(text: str, region: str) -> PhoneReading | None:
    """The first valid one of several numbers in one cell."""
    parts = _BETWEEN.split(text)
    digits = [sum(map(str.isdecimal, part)) for part in parts]
    if len(parts) == 1 or sum(count >= _FEWEST_DIGITS for count in digits) < len(parts):
        return None
    for part in parts:
        number = _read_slowly(part, region).number
        if number is not None:
            return PhoneReading(number, more=True)
    return None
