"""Which of the single-byte encodings a text is in, by whether it comes out in one alphabet.

Files of contacts are short on words and long on names, on which guesses by the frequency of
letters fail: they take French for Czech. Few letters are needed to see that no language has both
č and ç.
"""

import re
from collections.abc import Mapping
from functools import cache

# The likeliest first: of several that fit alike, the first is taken.
SINGLE_BYTE = (
    *("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "cp1255", "cp1251", "koi8_r"),
    *("cp866", "cp1253", "cp1256", "cp850", "mac_roman"),
)
# Letters beyond ASCII of the languages that are written in these.
_LATIN = {
    "German": "äöüß",
    "French": "àâæçèéêëîïôœùûüÿ",
    "Spanish": "áéíñóúü",
    "Portuguese": "àáâãçéêíóôõúü",
    "Italian": "àèéìíòóùú",
    "Danish": "åæéøöä",
    "Swedish": "åäöé",
    "Icelandic": "áæéíðóöúýþ",
    "Catalan": "àçèéíïòóúü",
    "Dutch": "èéêëïóöü",
    "Polish": "ąćęłńóśźż",
    "Czech": "áčďéěíňóřšťúůýž",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű",
    "Croatian": "ćčđšž",
    "Romanian": "ăâîşţ",
    "Turkish": "âçğîıöşüi̇",
    "Estonian": "äõöüšž",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčėęįšūųž",
}
_OTHER = {
    "Russian": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "Ukrainian": "абвгдежзийклмнопрстуфхцчшщьюяєіїґ",
    "Serbian": "абвгдежзиклмнопрстуфхцчшђјљњћџ",
    "Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "Hebrew": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "Arabic": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهويىپچژگ",
}
_WESTERN = "".join(_LATIN[language] for language in list(_LATIN)[:10])
_MIXED_SHARE = 0.97  # names of many countries in one file are less likely than of one
_SURE_SHARE = 0.9
# Signs that texts have beside letters; between two letters, only the first few.
_APOSTROPHES = "’‘´·"
_SIGNS = _APOSTROPHES + "“”„‚–—…€£°ºª«»§©®™¿¡½¼²³‹›•†\xa0\xad\u200e\u200f"
_NEIGHBOURS = re.compile(r"(?=(.)([^\x00-\x7f])(.))", re.DOTALL)


def tell_apart(sample: bytes) -> str | None:
    """The encoding in which a text that isn't Unicode is in one alphabet; None if in none."""
    scores = {encoding: _score(sample, encoding) for encoding in SINGLE_BYTE}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] >= _SURE_SHARE else None


def _score(sample: bytes, encoding: str) -> float:
    """The share of letters beyond ASCII that the best language has, wrong signs counted in."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    met: dict[str, int] = {}
    wrong = 0
    for before, sign, after in _NEIGHBOURS.findall(f" {text} "):
        letter = sign.lower()
        if not sign.isalpha():
            between = before.isalpha() and after.isalpha()
            wrong += sign not in (_APOSTROPHES if between else _SIGNS)
        elif _is_out_of_place(before, sign, after):
            wrong += 1
        else:
            met[letter] = met.get(letter, 0) + 1
    every = wrong + sum(met.values())
    if not met:
        return 0.0
    alphabets = [*_LATIN.values(), *_OTHER.values()]
    most = max(_known(met, alphabet) for alphabet in alphabets)
    return max(most, _MIXED_SHARE * _known(met, _WESTERN)) / every


def _is_out_of_place(before: str, sign: str, after: str) -> bool:
    """A capital within a word, or letters of two scripts in one."""
    if before.islower() and sign.isupper():
        return True
    return sign.lower() in _foreign() and (_is_ascii_letter(before) or _is_ascii_letter(after))


def _known(met: Mapping[str, int], alphabet: str) -> int:
    return sum(times for letter, times in met.items() if letter in alphabet)


@cache
def _foreign() -> frozenset[str]:
    return frozenset("".join(_OTHER.values()))


def _is_ascii_letter(sign: str) -> bool:
    return sign.isascii() and sign.isalpha()
