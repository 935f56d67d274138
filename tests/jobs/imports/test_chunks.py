from itertools import islice

import pytest

from jobs.imports.chunks import pass_over, read_chunks
from jobs.imports.duplicates import SeenPhones
from jobs.imports.headers import map_header
from jobs.imports.records import Record
from jobs.imports.rows import RowReader

READER = RowReader(map_header(["phone", "timezone", "note"]), "US")


def records(rows=40):
    for n in range(rows):
        number = "n/a" if n % 7 == 0 else f"+121255501{n % 30:02}"
        zone = "Mars/Olympus" if n % 11 == 0 else ""
        yield Record(n + 2, [number, zone, str(n)], "a quote is never closed" if n == 9 else None)


@pytest.mark.parametrize("behind", [0, 1, 10, 39, 40])
def test_reading_on_comes_to_the_same_as_reading_from_the_beginning(behind):
    chunks = read_chunks(records(), READER, 10, SeenPhones().add)
    whole = [row for chunk in chunks for row in chunk.rows]
    counts, rest = SeenPhones().add, records()
    assert sum(pass_over(islice(rest, behind), READER, 10, counts)) == behind
    later = [row for chunk in read_chunks(rest, READER, 10, counts) for row in chunk.rows]
    assert later == [row for row in whole if row.line_number >= behind + 2]


def test_where_rows_are_long_chunks_have_fewer_and_nothing_is_left_out():
    rows = [Record(n, [f"+121255501{n:02}", "", "x" * 90_000]) for n in range(99)]
    chunks = list(read_chunks(iter(rows), READER, 1000, SeenPhones().add))
    assert len(chunks) > 1
    assert [row.line_number for chunk in chunks for row in chunk.rows] == list(range(99))
    assert all(chunk.tally.read == len(chunk.records) for chunk in chunks)
