import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.imports import blocks, records
from jobs.imports.blocks import read_blocks
from jobs.imports.records import read_records

MOST = 10
texts = st.lists(
    st.sampled_from(["a", "é", "€", ",", '"', "\n", "\r", "\r\n", "x" * MOST, "x" * (MOST + 1)]),
    max_size=25,
).map("".join)


def cut_small(text, encoding, block):
    """Blocks read a few bytes at a time, and their records under as low a limit; those uncut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK", block)
        patch.setattr(blocks, "MOST_CHARACTERS", MOST)
        patch.setattr(records, "MOST_CHARACTERS", MOST)
        cut = list(read_blocks(io.BytesIO(text.encode(encoding)), encoding))
        whole = read_records([text] if text else [], ",")
        return cut, list(read_records(cut, ",")), list(whole)


@given(texts, st.sampled_from(["utf-8", "utf-16", "utf-16-le", "cp1252"]), st.integers(1, 2 * MOST))
@settings(max_examples=500)
def test_records_are_the_same_wherever_a_block_is_cut(text, encoding, block):
    cut, read, whole = cut_small(text, encoding, block)
    assert read == whole
    assert all(len(each) <= MOST + block + 1 for each in cut)


@given(texts, st.integers(1, 9))
def test_nothing_is_lost_while_lines_are_short(text, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK", block)
        cut = list(read_blocks(io.BytesIO(text.encode()), "utf-8"))
    assert "".join(cut) == text
    assert all(each.endswith(("\n", "\r")) for each in cut[:-1])
    assert not any(one.endswith("\r") and two.startswith("\n") for one, two in pairwise(cut))


def test_a_long_line_that_ends_in_a_lone_cr_costs_no_other():
    _, read, _ = cut_small("xxxxxxxxxxxx\rann\rbob\r", "utf-8", 13)
    assert [(record.line, record.fields[0]) for record in read] == [
        (1, "x" * MOST),
        (2, "ann"),
        (3, "bob"),
    ]
