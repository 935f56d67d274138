import gzip
import json
from zoneinfo import ZoneInfo

import pytest

from jobs.calls.flush import flush_calls
from jobs.calls.listening.replay import ReplayError, replay
from jobs.calls.merge.facts import join
from jobs.calls.merge.row import project
from jobs.calls.stream import SHARDS
from tests.jobs.calls.recorded import RECORDINGS, arriving, messages, recorded_bytes, rows

UTC = ZoneInfo("UTC")


@pytest.fixture
def replayed(database, settings, stream, owners):
    def run(path, **how):
        told = replay(path, stream, **{"pbx": "pbx", "zone": UTC} | how)
        flush_calls(database, settings, stream, owners)
        with database.transaction() as connection:
            found = connection.execute(
                "SELECT unique_id, state, status, unknown_end FROM call_quarantine"
            ).fetchall()
        return told, {row[0]: row[1:] for row in found}

    return run


def test_a_recording_is_written_like_live_calls_and_once_more_changes_nothing(replayed):
    told, found = replayed(RECORDINGS / "a-mixed20.raw.gz")
    assert (told.events, told.calls, told.broken) == (1756, 20, 0)
    expected = rows(arriving(messages("a-mixed20")))
    assert {linked: project(linked, state) for linked, (state, *_) in found.items()} == expected
    assert replayed(RECORDINGS / "a-mixed20.raw.gz")[1] == found


def test_parts_of_a_recording_come_to_the_whole(replayed, tmp_path):
    data = recorded_bytes("a-mixed20")
    half = data.index(b"\r\n\r\n", len(data) // 2) + 4
    (tmp_path / "first.raw").write_bytes(data[:half])
    (tmp_path / "second.raw").write_bytes(data[half:])
    _, found = replayed(tmp_path / "first.raw")
    assert {status for _, status, _ in found.values()} == {"ENDED"}
    assert any(unknown for *_, unknown in found.values())
    replayed(tmp_path / "second.raw")
    _, found = replayed(tmp_path / "second.raw")
    assert {status for _, status, _ in found.values()} == {"ENDED"}
    ended = {linked: project(linked, state) for linked, (state, *_) in found.items()}
    expected = rows(arriving(messages("a-mixed20")))
    same = {
        linked for linked in expected if ended[linked].disposition == expected[linked].disposition
    }
    assert same == expected.keys()
    assert not any(unknown for *_, unknown in found.values())


def test_calls_that_the_end_cuts_off_are_closed_and_marked(replayed):
    told, found = replayed(RECORDINGS / "f-cut-7.raw.gz")
    assert told.broken == 1
    assert {status for _, status, _ in found.values()} == {"ENDED"}
    assert 0 < sum(unknown for *_, unknown in found.values()) < len(found)


def test_connections_cut_one_after_the_other_leave_no_call_open(replayed):
    for number in range(1, 10):
        _, found = replayed(RECORDINGS / f"f-cut-{number}.raw.gz")
        assert {status for _, status, _ in found.values()} == {"ENDED"}
    expected = rows(arriving(messages("f-cut-full")))
    whole = [linked for linked, (*_, unknown) in found.items() if not unknown]
    assert len(found) == 66
    assert len(whole) > 50
    for linked in whole:
        assert project(linked, found[linked][0]).disposition == expected[linked].disposition


def test_events_without_times_are_read_alike_each_time(replayed, stream, tmp_path):
    lines = recorded_bytes("e-users-callonly").split(b"\r\n")
    bare = tmp_path / "bare.raw.gz"
    bare.write_bytes(
        gzip.compress(b"\r\n".join(line for line in lines if not line.startswith(b"Timestamp:")))
    )
    _, found = replayed(bare)
    before = {linked: project(linked, state) for linked, (state, *_) in found.items()}
    assert len(before) == 31
    assert all(0 <= row.duration < 60 for row in before.values())
    replay(bare, stream, pbx="pbx", zone=UTC)
    again = {linked: state for linked, (state, *_) in found.items()}
    for shard in range(SHARDS):
        for held in stream.take(shard)[0]:
            linked = held.entry.key.unique_id
            join(again[linked], json.loads(held.entry.facts))
    assert {linked: project(linked, state) for linked, state in again.items()} == before


@pytest.mark.parametrize("content", [None, b"\x1f\x8b\x08\x00broken"])
def test_a_file_that_cannot_be_read_is_named(stream, tmp_path, content):
    path = tmp_path / "stream.raw.gz"
    if content:
        path.write_bytes(content)
    with pytest.raises(ReplayError, match=r"stream\.raw\.gz: "):
        replay(path, stream, pbx="pbx", zone=UTC)


def test_a_file_that_is_no_recording_is_refused(stream, tmp_path):
    path = tmp_path / "journey.yaml"
    path.write_text("journey: welcome\nstart: hello\n")
    with pytest.raises(ReplayError, match=r"journey\.yaml: no manager events in it"):
        replay(path, stream, pbx="pbx", zone=UTC)
