import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.imports.records import Record, read_records

ENDS = ("\n", "\r\n", "\r")
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029")
    | st.sampled_from(',;"\n\r\t| '),
    max_size=12,
)


def read(text, delimiter=",", **options):
    return list(read_records(io.StringIO(text, newline=""), delimiter, **options))


@given(
    st.lists(st.lists(texts, min_size=1, max_size=5), max_size=20),
    st.sampled_from(",;\t|"),
    st.sampled_from(ENDS),
)
def test_what_a_writer_wrote_is_read(rows, delimiter, end):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    lines, expected = 1, []
    for row in rows:
        start = file.tell()
        writer.writerow(row)
        if any(field.strip() for field in row):
            expected.append(Record(lines, row))
        file.seek(start)
        lines += len(file.readlines())
    assert read(file.getvalue(), delimiter) == expected


@given(st.text('a,"\n\r ', max_size=60))
def test_every_line_with_a_value_is_in_some_record(text):
    records = read(text)
    starts = [record.line for record in records]
    assert starts == sorted(set(starts))
    lines = io.StringIO(text, newline="").readlines()
    ends = [*starts[1:], len(lines) + 1]
    covered = set(
        itertools.chain.from_iterable(
            range(start, end) for start, end in zip(starts, ends, strict=False)
        )
    )
    for number, line in enumerate(lines, 1):
        if "a" in line:
            assert number in covered
    assert sum(line.count("a") for line in lines) == sum(
        field.count("a") for record in records for field in record.fields
    )


@given(st.text('a,"\n\r ', max_size=80), st.data())
def test_it_makes_no_difference_where_blocks_end(text, data):
    lines = io.StringIO(text, newline="").readlines()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)))))
    parts = itertools.pairwise([0, *cuts, len(lines)])
    blocks = [block for start, end in parts if (block := "".join(lines[start:end]))]
    assert list(read_records(blocks, ",")) == read(text) == list(read_records([text], ","))


def test_a_quote_never_closed_costs_its_own_line_alone():
    assert read('1,"a\n2,b\n3,c\n') == [
        Record(1, ['1,"a'], "a quote is never closed"),
        Record(2, ["2", "b"]),
        Record(3, ["3", "c"]),
    ]


@pytest.mark.parametrize("width", [1, 4000])
def test_a_quote_closed_far_away_is_taken_for_a_slip(width):
    lines = ['0,"oops', *(f"{n},{'x' * width}" for n in range(1, 500)), '500,"fine"']
    records = read("\n".join(lines))
    assert [record.line for record in records] == list(range(1, 502))
    assert [record.broken is not None for record in records] == [True] + [False] * 500


def test_a_field_beyond_the_modules_limit_is_broken_alone():
    records = read("1,a\n2," + "x" * 140_000 + "\n3,c")
    assert [(record.line, record.broken is None) for record in records] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_lines_count_from_where_they_are_said_to():
    assert [record.line for record in read('a\n\n"b\nc"\nd', first_line=2)] == [2, 4, 6]
