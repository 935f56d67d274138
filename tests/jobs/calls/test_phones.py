"""Logins at several PBXs, as they come and go."""

import pytest
from structlog.testing import capture_logs

from config.settings import load_settings
from jobs.calls import phones as module
from jobs.calls.phones import Dial, Phones, Verdict, originate
from standalone.ports import LOOPBACK, free_port
from tests.jobs.calls.exchange import SECRET, Exchange
from tests.waiting import wait_until


def calls(count, **columns):
    given = {
        "from_number": None, "extension": "s", "ring_timeout_s": 30, "variables": {}, **columns
    }  # fmt: skip
    return [Dial(f"call-{n}", f"+1555000{n:04d}", **given) for n in range(count)]


@pytest.fixture
def opened(monkeypatch):
    """Phones at these URLs, which try again at once; closed after the test."""
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0)
    logged_in = []

    def at(*urls, timeout_s=5):
        settings = load_settings(ami_urls=",".join(urls), ami_timeout_s=timeout_s)
        logged_in.append(Phones(settings))
        return logged_in[-1]

    yield at
    for phones in logged_in:
        phones.close()


def verdicts(answers):
    return [answer.verdict for answer in answers]


def test_calls_are_shared_among_the_pbxs(opened):
    with Exchange() as one, Exchange() as two:
        phones = opened(one.url, two.url)
        assert phones.ready()
        for _ in range(2):
            answers = phones.dial(calls(5))
            assert verdicts(answers) == [Verdict.DIALED] * 5
        taken = {exchange.port: len(exchange.pbx.originated) for exchange in (one, two)}
    assert set(taken.values()) == {5}
    assert {answer.pbx for answer in answers} == {f"{LOOPBACK}:{port}" for port in taken}


def test_a_pbx_that_is_away_leaves_its_calls_to_the_other(opened):
    nowhere = f"ami://u:p@{LOOPBACK}:{free_port()}"
    with Exchange() as exchange:
        phones = opened(nowhere, exchange.url)
        assert phones.ready()
        assert verdicts(phones.dial(calls(3))) == [Verdict.DIALED] * 3
        assert len(exchange.pbx.originated) == 3


def test_without_any_nobody_is_ready_and_nothing_sent(opened):
    phones = opened(f"ami://u:p@{LOOPBACK}:{free_port()}")
    assert not phones.ready()
    assert verdicts(phones.dial(calls(2))) == [Verdict.UNSENT] * 2


def test_who_was_cut_off_logs_in_again(opened):
    with Exchange() as exchange:
        phones = opened(exchange.url)
        assert phones.ready()
        exchange.run(exchange.pbx.drop_sessions)
        wait_until(phones.ready)
        assert verdicts(phones.dial(calls(1))) == [Verdict.DIALED]
        assert exchange.pbx.logins == 2


def test_a_pbx_that_does_not_answer_may_have_dialed(opened):
    with Exchange() as exchange:
        phones = opened(exchange.url, timeout_s=0.2)
        assert phones.ready()
        exchange.pbx.faults.silent = True
        assert verdicts(phones.dial(calls(2))) == [Verdict.UNKNOWN] * 2
        assert not phones.ready()
        exchange.pbx.faults.silent = False
        wait_until(phones.ready)


def test_a_wrong_secret_is_told_without_it_and_not_tried_again_at_once(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 3600)
    with Exchange() as exchange, capture_logs() as logs:
        wrong = exchange.url.replace(SECRET, "opensesame")
        phones = Phones(load_settings(ami_urls=wrong))
        assert [phones.ready() for _ in range(3)] == [False] * 3
        phones.close()
    [line] = [entry for entry in logs if entry["event"] == "pbx_takes_no_calls"]
    assert line["log_level"] == "error"
    assert "opensesame" not in str(logs)


def test_what_can_not_stand_in_a_line_is_refused_alone(opened):
    with Exchange() as exchange:
        phones = opened(exchange.url)
        assert phones.ready()
        [good] = calls(1)
        [bad] = calls(1, from_number="1\r\nAction: Logoff")
        answers = phones.dial([bad, good])
        assert verdicts(answers) == [Verdict.REFUSED, Verdict.DIALED]
        assert "CallerID" in answers[0].reason


def test_an_action_has_all_of_a_call():
    [call] = calls(1, from_number="+15559990000", variables={"A": 'x,"y"\\z\n', "B": ""})
    action = originate(call, "IAX2/t/{digits}", "ivr")
    assert action == [
        ("Action", "Originate"),
        ("ActionID", "call-0"),
        ("ChannelId", "call-0"),
        ("Channel", "IAX2/t/15550000000"),
        ("Context", "ivr"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", "30000"),
        ("CallerID", "<+15559990000>"),
        ("Async", "true"),
        ("Variable", 'A=x\\,\\"y\\"\\\\z '),
        ("Variable", "B="),
    ]
    [anonymous] = calls(1)
    assert "CallerID" not in dict(originate(anonymous, "IAX2/t/{digits}", "ivr"))
