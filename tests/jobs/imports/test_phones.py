import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.imports.phones import PhoneError, _read_by_library, _read_plainly, normalize_phone

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


@given(written_numbers())
@settings(max_examples=1500, deadline=None)
def test_numbers_are_read_as_the_library_reads_them(written):
    text, region = written
    try:
        number = normalize_phone(text, region)
    except PhoneError:
        number = None
    assert number == by_library(text, region)


@given(st.text("0123456789+() .-", min_size=1, max_size=18), st.sampled_from(["US", "GB", "IT"]))
@settings(max_examples=1500, deadline=None)
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
        assert _read_plainly(phonenumbers.format_number(number, form), region)


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
    ],
)
def test_spellings(text, expected):
    assert normalize_phone(text, "US") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "phone is empty"),
        ("  ", "phone is empty"),
        ("n/a", "phone is not a number"),
        ("2.12556E+09", "phone was rounded by a spreadsheet"),
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
    _read_by_library.cache_clear()
    for _ in range(3):
        assert normalize_phone("212-555-0123 x7", "US") == "+12125550123"
    assert _read_by_library.cache_info().hits == 2
