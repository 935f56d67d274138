import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.imports.phones import (
    PhoneError,
    PhoneReader,
    _judged,
    _read_by_library,
    _read_slowly,
    normalize_phone,
)

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
)


def by_library(text, region):
    """The slow and obvious way."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if 8 <= len(written) <= 16 else None


@st.composite
def written_numbers(draw):
    """A number as someone might write it, often valid, now and then with a slip; a region."""
    home = draw(st.sampled_from(REGIONS) | st.sampled_from(["US", "GB", "DE", "IN", "AU", "CA"]))
    kind = draw(st.sampled_from(sorted(phonenumbers.PhoneNumberType.values())))
    example = phonenumbers.example_number_for_type(home, kind)
    if example is None:
        example = phonenumbers.example_number(home)
    text = phonenumbers.format_number(example, draw(st.sampled_from(FORMATS)))
    digits = [place for place, sign in enumerate(text) if sign.isdigit()]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(digits))
        text = text[:place] + draw(st.sampled_from("0123456789")) + text[place + 1 :]
    slip = draw(st.integers(0, 9))
    if slip == 0:
        text = text[:-1]
    elif slip == 1:
        text += draw(st.sampled_from("0123456789"))
    elif slip == 2:
        text = text.lstrip("+")
    elif slip == 3:
        text = "00" + text.lstrip("+")
    region = draw(st.sampled_from([home, home, "US", "GB"]) | st.sampled_from(REGIONS))
    return text, region


def without_plus(text, region):
    """What digits alone are, if they are two more than any number of the region has."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    prefix = metadata.national_prefix or "0"
    longest = max(metadata.general_desc.possible_length) + len(prefix) * text.startswith(prefix)
    if text.isdecimal() and text[0] != "0" and len(text) >= longest + 2:
        return by_library(f"+{text}", region)
    return None


@given(written_numbers())
@settings(max_examples=1000, deadline=None)
def test_numbers_are_read_as_the_library_reads_them(written):
    text, region = written
    try:
        number = normalize_phone(text, region)
    except PhoneError:
        number = None
    expected = by_library(text, region)
    code = phonenumbers.country_code_for_region(region)
    own = text.isdecimal() and text.startswith(str(code)) and expected == f"+{code}{text}"
    if own and by_library(f"+{text}", region):
        assert number in {None, f"+{text}"}  # it may be one number or the other
    else:
        assert number == (expected or without_plus(text, region))


@given(written_numbers())
@settings(max_examples=1000, deadline=None)
def test_a_number_is_refused_for_the_reason_that_the_library_has(written):
    text, region = written
    judged = _judged(text, region)
    assert judged is None or judged == _read_by_library(text, region)


@given(st.text("0123456789+() .-", min_size=1, max_size=18), st.sampled_from(["US", "GB", "IT"]))
@settings(max_examples=1000, deadline=None)
def test_whatever_stands_there_is_read_as_the_library_reads_it(text, region):
    try:
        number = normalize_phone(text, region)
    except PhoneError:
        number = None
    if ".0" not in text:  # a spreadsheet's decimals are ours to see
        assert number == by_library(text, region)


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "AU", "MX", "IN", "BR", "ZA", "JP"])
def test_plain_spellings_take_the_short_way(region):
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    for form in FORMATS[:2]:
        assert PhoneReader(region).read_plainly(phonenumbers.format_number(number, form))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(212) 555-0123", "+12125550123"),
        ("12125550123", "+12125550123"),
        ("2125550123.0", "+12125550123"),
        ("'+12125550123", "+12125550123"),
        ("+44 20 7946 0958", "+442079460958"),
        ("011 44 20 7946 0958", "+442079460958"),
        ("212-555-0123 ext. 7", "+12125550123"),
        ("１２１２５５５０１２３", "+12125550123"),
        ("1-800-FLOWERS", "+18003569377"),
        ("2125550123,0", "+12125550123"),
        ('="2125550123"', "+12125550123"),
        ("=+12125550123", "+12125550123"),
        ("’+12125550123", "+12125550123"),
        ("\u202a+1\xa0212\xa0555\u20110123\u202c", "+12125550123"),
        ("＋１（２１２）５５５－０１２３", "+12125550123"),
        ("2.125550123E+09", "+12125550123"),
        ("4,915112345678E+12", "+4915112345678"),
        ("4915112345678", "+4915112345678"),
        ("447911123456", "+447911123456"),
        ("+1 416 555 0123", "+14165550123"),
        ("+12125550123 ::: +12125550124", "+12125550123"),
        ("n/a; 2125550123 / 2125550124", None),
        ("212555012 or 212-555-0124", "+12125550124"),
        ("tel:+1-212-555-0123", "+12125550123"),
    ],
)
def test_spellings(text, expected):
    assert PhoneReader("US").read(text).number == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "phone is empty"),
        ("  ", "phone is empty"),
        ("n/a", "phone is not a number"),
        ("2.12556E+09", "phone was rounded by a spreadsheet"),
        ("9.19E+11", "phone was rounded by a spreadsheet"),
        ("4,91511E+12", "phone was rounded by a spreadsheet"),
        ("33612345678", "phone is too long"),  # or 336-123-4567 and a slip of the finger
        ("5550123", "phone lacks its area code"),
        ("21255501234", "phone is too long"),
        ("+1212", "phone is too short"),
        ("+999 1234567", "phone has an unknown country code"),
        ("0000000000", "phone is not a valid number"),
        ("+499123", "phone is not a valid number"),
    ],
)
def test_reasons(text, reason):
    with pytest.raises(PhoneError) as error:
        normalize_phone(text, "US")
    assert str(error.value) == reason


def test_what_was_asked_before_is_remembered():
    _read_slowly.cache_clear()
    for _ in range(3):
        assert normalize_phone("212-555-0123 x7", "US") == "+12125550123"
    assert _read_slowly.cache_info().hits == 2


@pytest.mark.parametrize(
    ("region", "text", "expected"),
    [
        ("DE", "15112345678", "+4915112345678"),  # a spreadsheet took the zero
        ("DE", "4915112345678", "+4915112345678"),  # or the plus
        ("DE", "004915112345678", "+4915112345678"),
        ("DE", "4921123456", None),  # 04921 123456 in Emden or +49 211 23456 in Düsseldorf
        ("GB", "7911123456", "+447911123456"),
        ("IN", "919876543210", "+919876543210"),
        ("CA", "416 555 0123", "+14165550123"),
        ("KZ", "87012345678", "+77012345678"),
        ("IT", "612345678", None),  # +39 06… or +39 3…: which, nobody knows
        ("RU", "819012345678", None),  # +81… or 8 190… and a digit too many
    ],
)
def test_what_a_spreadsheet_took_is_put_back_where_it_is_certain(region, text, expected):
    assert PhoneReader(region).read(text).number == expected


@pytest.mark.parametrize("region", ["US", "CA", "RU", "NO", "FI", "KZ", "PR", "MA", "VA"])
def test_where_codes_are_shared_plain_spellings_take_the_short_way_too(region):
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.FIXED_LINE)
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert PhoneReader("GB").read_plainly(text) == text


def test_what_a_cell_holds_besides_its_number_is_told_of():
    reader = PhoneReader("US")
    assert reader.read("212-555-0123 x7") == ("+12125550123", None, True)
    assert reader.read("212-555-0123; 212-555-0124") == ("+12125550123", None, True)
    assert reader.read("212-555-0123") == ("+12125550123", None, False)


def test_long_texts_are_not_remembered():
    _read_slowly.cache_clear()
    reader = PhoneReader("US")
    assert reader.read("call my office first: 212-555-0123 " * 9).number is None
    assert reader.read("212-555-0123 ext. 7".rjust(200)).number == "+12125550123"
    assert _read_slowly.cache_info().currsize == 0
