import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.journeys.segments import Segments, count_segments

# The alphabet by code, as TS 23.038 prints it (0x1B leads to the extension table).
GSM_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~",
             0x3E: "]", 0x40: "|", 0x65: "€"}  # fmt: skip
BASIC = GSM_TABLE.replace("\x1b", "")


def slow_segments(text):
    """Encode each character and pack part after part."""
    codes = []
    for character in text:
        if character in BASIC:
            codes.append([GSM_TABLE.index(character)])
        elif character in EXTENSION.values():
            codes.append([0x1B, *(code for code, of in EXTENSION.items() if of == character)])
        else:
            break
    alone, together, encoding = 160, 153, "GSM-7"
    if len(codes) < len(text):
        alone, together, encoding = 70, 67, "UCS-2"
        utf16 = [character.encode("utf-16-be", "surrogatepass") for character in text]
        codes = [[raw[n : n + 2] for n in range(0, len(raw), 2)] for raw in utf16]
    if sum(map(len, codes)) <= alone:
        return Segments(1, encoding)
    parts = [[]]
    for code in codes:
        if len(parts[-1]) + len(code) > together:
            parts.append([])
        parts[-1] += code
    return Segments(len(parts), encoding)


gsm = st.text(st.sampled_from(BASIC), max_size=500)
extended = st.text(st.sampled_from(BASIC[:5] + "€{}"), max_size=500)
emoji = st.text(st.sampled_from("aé☎😀€"), max_size=300)


@given(st.one_of(gsm, extended, emoji, st.text(max_size=300)))
def test_segments_are_the_parts_a_slow_packer_fills(text):
    assert count_segments(text) == slow_segments(text)


@pytest.mark.parametrize(
    ("text", "count", "encoding"),
    [
        ("", 1, "GSM-7"),
        ("a" * 160, 1, "GSM-7"),
        ("a" * 161, 2, "GSM-7"),
        ("a" * 306, 2, "GSM-7"),
        ("a" * 307, 3, "GSM-7"),
        ("€" * 80, 1, "GSM-7"),
        ("€" * 81, 2, "GSM-7"),
        ("€" * 153, 3, "GSM-7"),  # 76 to a part: the 153rd septet stays empty
        ("é" * 160, 1, "GSM-7"),
        ("ê" * 70, 1, "UCS-2"),  # not in the alphabet
        ("ç" * 71, 2, "UCS-2"),  # only the capital is
        ("☎" + "a" * 133, 2, "UCS-2"),
        ("☎" + "a" * 134, 3, "UCS-2"),
        ("😀" * 35, 1, "UCS-2"),
        ("😀" * 36, 2, "UCS-2"),
        ("😀" * 67, 3, "UCS-2"),  # 33 to a part
    ],
)
def test_known_lengths(text, count, encoding):
    assert count_segments(text) == Segments(count, encoding)
