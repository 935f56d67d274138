import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.imports.guards import error_text, guard, unguard, unguarded
from jobs.imports.records import Record

cells = st.text(st.sampled_from("'=+-@＝ \ta1\n"), max_size=5) | st.text()


@given(cells)
def test_a_guarded_cell_begins_no_formula_and_reads_as_it_would_have(cell):
    safe = guard(cell)
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert unguard(safe) == unguard(cell)
    assert guard(safe) == safe


@pytest.mark.parametrize("cell", ["'t Hooft", "O'Hara", "'", "", "''", "5-3", "a=b", "'quoted'"])
def test_apostrophes_that_are_no_mark_stay(cell):
    assert guard(cell) == unguard(cell) == cell


def read(header, *rows):
    records = (Record(line, list(row)) for line, row in enumerate(rows, 2))
    return [record.fields for record in unguarded(records, header)]


def test_marks_and_what_an_error_list_said_are_left_out():
    rows = [("+1", "'=1+1", error_text(7, "phone is empty")), ("'+1", "x", ""), ("1", "", "burnt")]
    assert read(("phone", "name", "error"), *rows) == [
        ["+1", "=1+1", ""],
        ["+1", "x", ""],
        ["1", "", "burnt"],
    ]
    assert read(("phone", "name", "terror"), *rows)[0][2] == error_text(7, "phone is empty")


def test_rows_that_are_too_short_or_too_long_pass():
    assert read(("phone", "error"), ("1",), ("1", "", "'-"), ()) == [["1"], ["1", "", "-"], []]
