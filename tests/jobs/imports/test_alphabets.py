import pytest

from jobs.imports.alphabets import tell_apart

NAMES = {
    "German": ["Jörg Müller", "Käthe Größ", "Übel", "Bäcker Straße", "Köln", "Schröder"],
    "French": ["François Lefèvre", "Hélène Crémieux", "Zoé", "Bérénice", "Noël", "Château"],
    "Spanish": ["José Muñoz", "Begoña Núñez", "Ángel", "Íñigo", "Güell", "María"],
    "Danish": ["Søren Kjær", "Åse", "Jørgen", "Bjørn"],
    "Polish": ["Łukasz Wiśniewski", "Zażółć", "Małgorzata Dąbrowska", "Kraków"],
    "Czech": ["Jiří Dvořák", "Tomáš Černý", "Žofie Nováková", "Ondřej", "Růžena"],
    "Hungarian": ["Gergő Szűcs", "Erzsébet Kővári", "István", "Ágnes Tóth"],
    "Russian": ["Анастасия Кузнецова", "Дмитрий Соколов", "Екатерина Морозова"],
    "Greek": ["Γιώργος Παπαδόπουλος", "Μαρία Νικολάου", "Ελένη"],
    "Turkish": ["Şükrü Yılmaz", "Gülşen Doğan", "İbrahim Çelik"],
    "Hebrew": ["דוד כהן", "שרה לוי"],
    "Arabic": ["محمد عبد الله", "فاطمة الزهراء"],
}
ENCODINGS = {
    "German": ["cp1252", "cp850"],
    "French": ["cp1252", "cp850", "mac_roman"],
    "Spanish": ["cp1252", "cp850", "mac_roman"],
    "Danish": ["cp1252"],
    "Polish": ["cp1250", "iso8859_2"],
    "Czech": ["cp1250"],
    "Hungarian": ["cp1250"],
    "Russian": ["cp1251", "koi8_r", "cp866"],
    "Greek": ["cp1253"],
    "Turkish": ["cp1254"],
    "Hebrew": ["cp1255"],
    "Arabic": ["cp1256"],
}
CASES = [(language, name) for language, names in ENCODINGS.items() for name in names]


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_few_names_tell_the_encoding(language, encoding):
    text = "".join(f"+1212555{n:04};{name};x\n" for n, name in enumerate(NAMES[language]))
    told = tell_apart(text.encode(encoding))
    assert told is not None
    assert text.encode(encoding).decode(told) == text


def test_names_of_many_countries_in_one_file_are_western():
    names = ["Müller", "Lefèvre", "Muñoz", "Søren", "Åse", "João", "Brontë", "O’Neill"]
    assert tell_apart("\n".join(names).encode("cp1252")) == "cp1252"


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp"])
def test_what_has_no_alphabet_is_left_to_others(encoding):
    assert tell_apart("田中太郎\n鈴木花子\nサトウ ケンジ\n".encode(encoding)) is None
