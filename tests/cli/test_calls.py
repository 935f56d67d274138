import json

import pytest

from cli.main import main
from tests.jobs.calls.recorded import RECORDINGS


@pytest.fixture
def environment(monkeypatch, database_url, redis_settings, tmp_path):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_settings["redis_url"])
    monkeypatch.setenv("BROKER_NAMESPACE", redis_settings["broker_namespace"])
    monkeypatch.setenv("STATE_DIR", str(tmp_path))


def run(*words):
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


def test_a_recording_is_sent_and_counted(environment, capsys):
    file = str(RECORDINGS / "a-mixed20.raw.gz")
    assert run("calls", "replay", file, "--no-wait", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"events": 1756, "calls": 20, "broken_messages": 0, "messages_too_long": 0}


def test_what_is_wrong_is_named(environment, capsys, tmp_path):
    assert run("calls", "replay", str(tmp_path / "none.raw")) == 2
    assert "none.raw: No such file" in capsys.readouterr().err
    assert run("calls", "replay", str(tmp_path), "--tz", "Mars/Base") == 2
    assert "'Mars/Base' is no time zone" in capsys.readouterr().err
    assert run("listener") == 2
    assert "AMI_URLS is not set" in capsys.readouterr().err
