import json

import pytest

from benchmarks import reporting
from benchmarks.reporting import Report, Target


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "_RESULTS", tmp_path)
    return tmp_path


def report(*, short=False):
    return Report("some_work", short, {"Postgres": "18.6", "fsync": "on"})


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target(0.5), 0.5, True),
        (Target(0.5), 0.49, False),
        (Target(1.5, at_most=True), 1.5, True),
        (Target(1.5, at_most=True), 1.51, False),
    ],
)
def test_a_target_has_a_good_side(target, value, met):
    assert target.met(value) is met


def test_a_missed_target_fails_the_long_form_alone(results, capsys):
    for short, code in ((False, 1), (True, 0)):
        missed = report(short=short)
        missed.add("speed", 3, "rows/s", Target(4))
        assert missed.finish() == code
        assert "missed" in capsys.readouterr().out


def test_what_is_kept_names_figures_versions_and_machine(results):
    found = report()
    found.add("speed", 5.5, "rows/s", Target(4), "a note")
    found.add("another", 1, "s")
    assert found.finish() == 0
    kept = json.loads((results / "some_work.json").read_text())
    assert kept["figures"][0] == {
        "name": "speed",
        "value": 5.5,
        "unit": "rows/s",
        "target": "≥ 4",
        "note": "a note",
        "verdict": "ok",
    }
    assert kept["figures"][1]["verdict"] == ""
    assert {"cores", "memory", "python", "Postgres", "fsync", "dramatiq"} <= kept["machine"].keys()
