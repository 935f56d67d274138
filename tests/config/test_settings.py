import os

import pytest
from pydantic import ValidationError

from config.settings import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    names = {
        prefix + name.upper() for name in Settings.model_fields for prefix in ("", "TRUNKLINE_")
    }
    for name in names & os.environ.keys():
        monkeypatch.delenv(name)


def refusal(**overrides):
    with pytest.raises(ConfigError) as caught:
        load_settings(**overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults_are_those_promised():
    settings = load_settings()
    assert (settings.db_min_connections, settings.db_max_connections) == (10, 60)
    assert (settings.db_idle_timeout_s, settings.statement_timeout_s) == (60, 60)
    assert settings.slow_statement_ms == 100
    assert (settings.tenant_ttl_s, settings.node_ttl_s) == (600, 300)
    assert settings.database_url is None


def test_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("TICK_MS", "")
    assert load_settings().tick_ms == 500


WRONG = {
    "BATCH_SIZE": "0",
    "TICK_MS": "soon",
    "WORKER_THREADS": "1.5",
    "STATEMENT_TIMEOUT_S": "-1",
    "SLOW_STATEMENT_MS": "nan",
    "NODE_TTL_S": "inf",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "LOUD\nER",
}


@pytest.mark.parametrize("prefix", ["", "TRUNKLINE_"])
def test_every_wrong_value_is_named_in_one_line(monkeypatch, prefix):
    for name, value in WRONG.items():
        monkeypatch.setenv(prefix + name, value)
    text = refusal()
    assert text.startswith("wrong settings: ")
    assert text.count("; ") == len(WRONG) - 1
    for name, value in WRONG.items():
        assert f"{name}={' '.join(value.split())}: " in text


def test_bounds_out_of_order_are_all_named(monkeypatch):
    monkeypatch.setenv("DB_MIN_CONNECTIONS", "61")
    monkeypatch.setenv("DELIVERY_LEASE_S", "5")
    text = refusal()
    assert "DB_MIN_CONNECTIONS (61) is above DB_MAX_CONNECTIONS (60)" in text
    assert "DELIVERY_LEASE_S (5) must be at least 2 s above DELIVERY_TIMEOUT_S (5)" in text


def test_a_lease_leaves_time_to_send_in_and_to_write_down():
    assert "DELIVERY_LEASE_S (6.9)" in refusal(delivery_lease_s=6.9, delivery_timeout_s=5)
    assert load_settings(delivery_lease_s=7, delivery_timeout_s=5).delivery_lease_s == 7


@pytest.mark.parametrize(
    "url", ["gateway.example", "htp://gateway", "http://", "http://[::1", "http://h:port"]
)
def test_a_gateway_that_can_not_be_called_is_named(url):
    assert "SMS_GATEWAY_URL: " in refusal(sms_gateway_url=url)


@pytest.mark.parametrize("token", ["tökén", "two\nlines"])
def test_a_token_that_can_not_be_sent_is_named_but_not_shown(token):
    text = refusal(sms_gateway_token=token)
    assert "SMS_GATEWAY_TOKEN: " in text
    assert token not in text


@pytest.mark.parametrize("name", ["ami_urls", "ami_calling_urls"])
@pytest.mark.parametrize(
    "urls",
    ["http://u:hunter2@h", "ami://hunter2@h", "ami://u:hunter2@h?tz=Moon", "ami://u:hunter2@h:x"],
)
def test_a_pbx_that_can_not_be_called_is_named_but_not_shown(name, urls):
    text = refusal(**{name: urls})
    assert f"{name.upper()}: " in text
    assert "hunter2" not in text


def test_calls_are_made_where_events_are_read_unless_told():
    settings = load_settings(ami_urls="ami://u:hunter2@a,ami://u:hunter2@b")
    assert [pbx.host for pbx in settings.pbxs] == ["a", "b"]
    assert settings.calling_pbxs == settings.pbxs
    assert "hunter2" not in repr((settings, settings.pbxs))
    other = load_settings(ami_urls="ami://u:s@a", ami_calling_urls="ami://caller:t@a")
    assert [pbx.user for pbx in (*other.pbxs, *other.calling_pbxs)] == ["u", "caller"]
    assert load_settings().calling_pbxs == ()


@pytest.mark.parametrize(
    "channel", ["PJSIP/trunk", "PJSIP/{name}", "PJSIP/{number}@{digits}", "a {number}"]
)
def test_a_channel_without_the_number_is_named(channel):
    assert "CALL_CHANNEL=" in refusal(call_channel=channel)
    assert load_settings(call_channel="IAX2/t/{digits}").call_channel == "IAX2/t/{digits}"


def test_a_context_that_is_none_is_named():
    assert "CALL_CONTEXT=" in refusal(call_context="a b")


SECRETS = ["database_url", "database_direct_url", "redis_url", "broker_url", "sms_gateway_token"]


def test_secrets_are_not_shown():
    settings = load_settings(**dict.fromkeys(SECRETS, "postgresql://u:hunter2@h/d"))
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert settings.require("database_url") == "postgresql://u:hunter2@h/d"
    assert settings.require("sms_gateway_token") == "postgresql://u:hunter2@h/d"


@pytest.mark.parametrize("name", [*SECRETS, "sms_gateway_url"])
def test_wrong_secret_is_named_but_not_shown(name):
    text = refusal(**{name: ["hunter2"]})
    assert name.upper() in text
    assert "hunter2" not in text


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        load_settings().tick_ms = 1


def test_what_is_needed_and_not_set_is_named():
    with pytest.raises(ConfigError, match="DATABASE_URL is not set"):
        load_settings().require("database_url")
    with pytest.raises(ConfigError, match="DATABASE_URL is not set"):
        _ = load_settings().direct_url
    with pytest.raises(ConfigError, match="REDIS_URL is not set"):
        _ = load_settings().message_broker_url


def test_urls_fall_back_on_the_common_ones():
    common = load_settings(database_url="postgresql://a", redis_url="redis://b")
    assert (common.direct_url, common.message_broker_url) == ("postgresql://a", "redis://b")
    own = common.model_copy(
        update=dict(load_settings(database_direct_url="postgresql://c", broker_url="amqp://d"))
    )
    assert (own.direct_url, own.message_broker_url) == ("postgresql://c", "amqp://d")


def test_kept_files_lie_in_the_state_folder_unless_told(tmp_path):
    def kept(**given):
        return load_settings(state_dir=tmp_path, **given).kept_files

    assert kept() == str(tmp_path / "files")
    assert kept(files_url=str(tmp_path / "x")) == str(tmp_path / "x")
    assert kept(files_url="s3://bucket/imports/") == "s3://bucket/imports"


@pytest.mark.parametrize("processes", [1, 2, 8, 40])
def test_pool_shares_stay_within_what_the_stack_may_hold(processes):
    least, most = load_settings(worker_processes=processes).pool_share()
    assert 0 <= least <= most
    assert most >= 2
    if processes <= 28:
        assert most * processes <= 60
