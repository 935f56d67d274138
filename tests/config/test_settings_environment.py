"""Which of several values of a setting wins."""

import pytest

from config.settings import ConfigError, load_settings


def test_the_prefixed_variable_wins_over_the_plain_one(monkeypatch):
    monkeypatch.setenv("TICK_MS", "1")
    assert load_settings().tick_ms == 1

    monkeypatch.setenv("TRUNKLINE_TICK_MS", "2")
    assert load_settings().tick_ms == 2
    assert load_settings(tick_ms=3).tick_ms == 3


def test_every_wrong_value_is_named(monkeypatch):
    monkeypatch.setenv("TRUNKLINE_TICK_MS", "soon")
    monkeypatch.setenv("BATCH_SIZE", "0")

    with pytest.raises(ConfigError, match=r"TICK_MS=soon: .*; BATCH_SIZE=0: "):
        load_settings()
