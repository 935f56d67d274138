import os
import stat

import pytest

from db.queries.calls.logs import CallKey
from jobs.calls.listening import spool as spools
from jobs.calls.listening.spool import SpoolFullError, open_spool
from jobs.calls.stream import Entry, Stage


def entries(*texts):
    return [Entry(CallKey("pbx", f"1.{text}"), Stage.OVER, text) for text in texts]


@pytest.fixture
def open_one(tmp_path):
    opened = []

    def run(**options):
        opened.append(open_spool(tmp_path / "spool", **{"max_bytes": 10_000} | options))
        return opened[-1]

    yield run
    for spool in opened:
        spool.close()


def kept(spool, after=0):
    return [entry.facts for batch in spool.batches(after) for entry in spool.read(batch)]


def test_what_was_spooled_is_there_after_a_kill_in_order(open_one):
    spool = open_one()
    numbers = [spool.append(entries(str(n), "é\n")).number for n in range(3)]
    assert numbers == [1, 2, 3]
    spool.close()  # as good as a kill: every append was synced
    again = open_one()
    assert kept(again) == ["0", "é\n", "1", "é\n", "2", "é\n"]
    assert kept(again, after=2) == ["2", "é\n"]
    assert again.append(entries("3")).number == 4


def test_a_batch_torn_by_a_kill_is_no_batch(open_one):
    spool = open_one()
    spool.append(entries("whole"))
    segment = next(spool.folder.glob("*.jsonl"))
    spool.close()
    with segment.open("ab") as file:
        file.write(b'[["pbx","1.2",2,"to')
    again = open_one()
    assert kept(again) == ["whole"]
    number = again.append(entries("next")).number
    again.close()
    assert kept(open_one()) == ["whole", "next"]
    assert number == 3  # another than the torn one's, whatever it was to be


def test_trimming_gives_the_disk_back(open_one, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_BYTES", 100)
    spool = open_one()
    for number in range(20):
        spool.append(entries(f"{number:040}"))
    assert len(list(spool.folder.glob("*.jsonl"))) > 5
    before = spool.size_bytes
    spool.trim(10)
    assert kept(spool) == [f"{number:040}" for number in range(10, 20)]
    assert 0 < spool.size_bytes < before
    spool.trim(20)
    assert (kept(spool), spool.size_bytes) == ([], 0)
    assert list(spool.folder.glob("*.jsonl")) == []
    assert spool.append(entries("x")).number == 21
    assert spool.size_bytes == sum(f.stat().st_size for f in spool.folder.glob("*.jsonl"))


def test_its_bound_is_told_and_nothing_is_kept_beyond(open_one):
    spool = open_one(max_bytes=400)
    spool.append(entries("x" * 150))
    with pytest.raises(SpoolFullError, match="may hold 400"):
        spool.append(entries("y" * 150))
    assert kept(spool) == ["x" * 150]


def test_two_listeners_have_a_spool_each(open_one):
    first, second = open_one(), open_one()
    assert first.folder != second.folder
    second.append(entries("second"))
    second.close()
    third = open_one()  # takes up what the one that is gone has left
    assert third.folder == second.folder
    assert kept(third) == ["second"]


def test_nobody_else_on_the_machine_can_read_it(open_one):
    before = os.umask(0)
    try:
        spool = open_one()
        spool.append(entries("1"))
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in spool.folder.iterdir()]
    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
