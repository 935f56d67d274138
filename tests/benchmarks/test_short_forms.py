"""Every benchmark runs to its end in its short form; what it measures then proves nothing."""

import importlib
import json

import pytest

from benchmarks import __main__ as everything
from benchmarks import reporting
from benchmarks.options import Options


@pytest.mark.acceptance
@pytest.mark.parametrize("name", everything.NAMES)
def test_the_short_form_runs_and_keeps_its_figures(name, tmp_path, monkeypatch):
    if name == "journey_steps":  # its peers come with the extra `bench`
        for peer in ("asyncpg", "celery", "huey", "pgqueuer"):
            pytest.importorskip(peer)
    monkeypatch.setattr(reporting, "_RESULTS", tmp_path)
    measure = importlib.import_module(f"benchmarks.{name}").measure
    assert measure(Options(short=True, fsync="off")) == 0
    kept = json.loads((tmp_path / f"{name}.short.json").read_text())
    assert all(figure["value"] > 0 for figure in kept["figures"])
    assert any(figure["target"] for figure in kept["figures"])
