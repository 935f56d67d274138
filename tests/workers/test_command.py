"""A worker is started the same way by whoever starts it, from the same settings."""

import re
import sys
from pathlib import Path

import pytest

from config.settings import load_settings
from workers import __main__ as program
from workers.command import worker_command

ROOT = Path(__file__).parents[2]


def test_one_master_has_one_process():
    command = worker_command(load_settings(worker_threads=6))

    assert command[command.index("--processes") + 1] == "1"
    assert command[command.index("--threads") + 1] == "6"


def test_the_procfile_names_programs_that_read_the_settings():
    commands = dict(
        line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
    )

    assert commands == {
        "worker": "python -m workers",
        "scheduler": "python -m scheduler",
        "listener": "python -m listener",
    }


def test_threads_are_read_as_every_setting_is(monkeypatch):
    started = []
    monkeypatch.setattr(program.os, "execv", lambda *command: started.append(command))
    monkeypatch.setenv("WORKER_THREADS", "3")
    monkeypatch.setenv("TRUNKLINE_WORKER_THREADS", "7")

    program.main()

    assert started == [(sys.executable, worker_command(load_settings(worker_threads=7)))]


def test_wrong_settings_are_one_clear_line(monkeypatch):
    monkeypatch.setenv("WORKER_THREADS", "many")

    with pytest.raises(SystemExit, match=r"^worker: wrong settings: WORKER_THREADS=many"):
        program.main()


def test_every_phony_target_exists():
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    for target in phony.split():
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
