"""Random tables, written in random dialects, encodings and archives, and read back."""

import csv
import gzip
import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.imports import inspect_file
from jobs.imports.rows import RowReader
from tests.jobs.imports.corpus import packed

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
# In other encodings, it is names that have to be told apart, and not noise.
NAMES = {
    "cp1252": ["Jörg", "Käthe", "Größ", "Übel", "Zoë"],
    "latin-1": ["François", "Hélène", "Bérénice", "Noël", "Gwenaël"],
    "cp1250": ["Łukasz", "Małgorzata", "Paweł", "Wiśniewski", "Żółć"],
    "cp1251": ["Анастасия", "Дмитрий", "Екатерина", "Михаил", "Юрий"],
    "koi8_r": ["Анастасия", "Дмитрий", "Екатерина", "Михаил", "Юрий"],
    "cp1253": ["Γιώργος", "Παπαδόπουλος", "Νικολάου", "Ελένη", "Μαρία"],
    "cp1254": ["Şükrü", "Yılmaz", "Gülşen", "Doğan", "İbrahim"],
    "cp850": ["Jörg", "Käthe", "Größ", "Schröder", "Mühl"],
}
signs = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff")
cells = st.text(signs | st.sampled_from(",;\t|\" '"), max_size=12)
cells_of_lines = st.text(signs | st.sampled_from(',;\t|"\n\r '), max_size=12)


@st.composite
def tables(draw):
    """Header, rows, and the bytes of a file of them; which column is the phone."""
    encoding = draw(st.sampled_from([*UNICODE, *NAMES]))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    others = draw(st.integers(0, 4))
    at = draw(st.integers(0, others))
    if encoding in NAMES:
        cell = st.sampled_from(NAMES[encoding]) | st.sampled_from(["", "a;b", "x, y", 'say "hi"'])
    else:
        cell = cells_of_lines if quoting == csv.QUOTE_ALL else cells
    numbers = draw(
        st.lists(st.integers(0, 99), min_size=8 if encoding in NAMES else 1, max_size=20)
    )
    rows = [draw(st.lists(cell, min_size=others, max_size=others)) for _ in numbers]
    if encoding in NAMES and others:  # enough of them, whatever is drawn
        for row, name in zip(rows, NAMES[encoding], strict=False):
            row[0] = name
    table = [
        [*row[:at], f"+12125550{number:03}", *row[at:]]
        for row, number in zip(rows, numbers, strict=True)
    ]
    header = [f"c{n}" for n in range(others)]
    header.insert(at, "phone")
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter=draw(st.sampled_from(",;\t|")),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        quoting=quoting,
    )
    writer.writerows([["a preamble"]] * draw(st.integers(0, 2)) * (others > 0))
    writer.writerow(header)
    for row in table:
        writer.writerow(row)
        writer.writerows([[""] * len(row)] * draw(st.integers(0, 1)))
    data = file.getvalue().encode(encoding)
    pack = draw(st.sampled_from([bytes, gzip.compress, lambda data: packed({"a": data})]))
    return header, table, pack(data)


@given(tables())
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read(tmp_path_factory, drawn):
    header, table, data = drawn
    path = tmp_path_factory.getbasetemp() / "table"
    path.write_bytes(data)
    file = inspect_file(path)
    reader = RowReader(file.columns, "US")
    with file.records() as records:
        rows = [reader.read(record) for record in records]
    at = header.index("phone")
    assert [row.phone_number for row in rows] == [row[at] for row in table]
    expected = [
        {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
        for row in table
    ]
    for row in expected:
        del row["phone"]
    assert [json.loads(row.attributes) for row in rows] == expected
