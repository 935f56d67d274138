"""A file four times as long takes no more memory, whatever it is packed in."""

import gzip
import tracemalloc

import pytest

from jobs.imports import inspect_file
from jobs.imports.rows import RowReader
from tests.jobs.imports.corpus import packed, raw_workbook, shared

MARGIN_BYTES = 1_500_000


def plain(path, rows):
    lines = (b"+1212%07d,Ann,%s%d@a.com\n" % (5550000 + n, b"ann" * 9, n) for n in range(rows))
    path.write_bytes(b"phone,first name,email\n" + b"".join(lines))


def latin(path, rows):
    plain(path, rows)
    path.write_bytes(path.read_bytes() + "+12125550123,Zoë,\n".encode("cp1252"))


def gzipped(path, rows):
    plain(path, rows)
    path.write_bytes(gzip.compress(path.read_bytes()))


def zipped(path, rows):
    plain(path, rows)
    path.write_bytes(packed({"list.csv": path.read_bytes()}))


def one_line(path, rows):
    path.write_bytes(b"phone,first name\n+12125550123,Ann\n" + b"x" * (30 * rows))


def one_quote(path, rows):
    plain(path, rows)
    path.write_bytes(b'phone,first name,email\n"' + path.read_bytes())


def workbook(path, rows):
    wide = " " * 300  # so that the smaller one, too, fills the blocks that it is read by
    numbers = (f'<row r="{n + 2}">{wide}<c><v>{12125550000 + n}</v></c></row>' for n in range(rows))
    head = '<row r="1"><c t="s"><v>0</v></c></row>'
    path.write_bytes(raw_workbook(head + "".join(numbers), shared("phone")))


def peak_bytes(path):
    tracemalloc.start()
    try:
        file = inspect_file(path)
        reader = RowReader(file.columns, "US")
        with file.records() as records:
            for record in records:
                reader.read(record)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "write",
    [plain, latin, gzipped, zipped, one_line, one_quote, workbook],
    ids=lambda w: w.__name__,
)
def test_memory_is_flat(tmp_path, write):
    path = tmp_path / "list"
    write(path, 100)
    peak_bytes(path)  # what is kept once: patterns, time zones
    write(path, 8_000)
    short = peak_bytes(path)
    write(path, 32_000)
    assert peak_bytes(path) < short + MARGIN_BYTES
