import os

import pytest

from jobs.imports import UnreadableFileError, inspect_file, keep_file

TEXT = "phone,first name\r\n+12125550123,Zoë Müller\r\n+12125550124,François\r\n"


def names_in(file):
    with file.records() as records:
        return [record.fields[1] for record in records]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(tmp_path, encoding, found):
    path = tmp_path / "list.csv"
    path.write_bytes(TEXT.encode(encoding))
    file = inspect_file(path)
    assert (file.encoding, file.delimiter, file.lines) == (found, ",", 3)
    assert file.columns.known == {"phone": 0, "first_name": 1}
    assert names_in(file) == ["Zoë Müller", "François"]


def test_other_alphabets_are_recognised_where_there_is_enough_of_them(tmp_path):
    path = tmp_path / "list.csv"
    names = ["Анастасия Кузнецова", "Дмитрий Соколов", "Екатерина Морозова", "Михаил Лебедев"] * 9
    lines = [f"+1212555{n:04},{name}" for n, name in enumerate(names)]
    path.write_bytes("\n".join(["phone,name", *lines]).encode("cp1251"))
    assert names_in(inspect_file(path)) == names


def test_one_byte_that_is_no_utf_8_far_down_is_found(tmp_path):
    path = tmp_path / "list.csv"
    rows = b"".join(b"+12125550123,Ann\n" for _ in range(200_000))
    path.write_bytes(b"phone,name\n" + rows + "+12125550123,Zoë".encode("cp1252"))
    file = inspect_file(path)
    assert (file.encoding, file.lines) == ("cp1252", 200_002)
    assert names_in(file)[-1] == "Zoë"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    path = tmp_path / "list.csv"
    path.write_text(f"first name{delimiter}phone{delimiter}a b\nx{delimiter}1{delimiter}y\n")
    assert inspect_file(path).delimiter == delimiter


def test_the_line_by_which_excel_declares_its_delimiter(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("sep=;\nphone;name\n\n+12125550123;a,b\n")
    file = inspect_file(path)
    assert file.delimiter == ";"
    with file.records() as records:
        assert [(record.line, record.fields) for record in records] == [
            (4, ["+12125550123", "a,b"])
        ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x.csv: the file is empty"),
        (b" \n\n", "x.csv: the file is empty"),
        (b"\xff\xfe", "x.csv: the file is empty"),
        (b"\xef\xbb\xbf", "x.csv: the file is empty"),
        (b"\xef\xbb\xbf \r\n", "x.csv: the file is empty"),
        ("\ufeff\n\n".encode("utf-16-be"), "x.csv: the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "x.csv: this is a PNG image, not a CSV (line 1)"),
        (b"PK\x03\x04rest", "x.csv: the zip archive is damaged (line 1)"),
        (b"ok\n" + bytes(range(256)), "x.csv: this is binary data, not a CSV (line 2)"),
        (
            b"name,email\nAnn,a@b.c\n",
            (
                "x.csv: no column of phone numbers in the header (line 1), "
                "which has: name, email (call one 'phone')"
            ),
        ),
        (
            b"\n\nname;" + b";".join(b"c%d" % n for n in range(9)),
            (
                "x.csv: no column of phone numbers in the header (line 3), "
                "which has: name, c0, c1, c2, c3, c4, c5, c6, … (call one 'phone')"
            ),
        ),
        (
            b",,\n;;\n",
            (
                "x.csv: no column of phone numbers in the header (line 2), "
                "which has: ;; (call one 'phone')"
            ),
        ),
    ],
)
def test_what_is_no_csv_is_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as error:
        inspect_file(path, "x.csv")
    assert str(error.value) == sentence


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"^none\.csv: can't be read: no such file"):
        inspect_file(tmp_path / "none.csv")
    with pytest.raises(UnreadableFileError, match="can't be read: is a directory"):
        inspect_file(tmp_path)


def test_what_cannot_be_read_to_its_end_is_refused_unopened(settings, tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for refuse in (inspect_file, lambda path: keep_file(settings, path)):
        with pytest.raises(UnreadableFileError) as error:
            refuse(pipe)
        assert str(error.value) == "pipe.csv: can't be read: not a regular file"


def test_each_mebibyte_is_told_of_however_often_it_is_read(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(b"phone,name\n" + b"+12125550123,Ann\n" * 250_000 + "Zoë".encode("cp1252"))
    told = []
    inspect_file(path, on_block=lambda: told.append(1))
    assert len(told) >= 2 * path.stat().st_size >> 20
