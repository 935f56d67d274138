"""What processes really write, in a pipe and in a terminal."""

import json
import os
import pty
import subprocess
import sys

import pytest

from config.logging import mask_phone

PROGRAM = """
import logging, sys, structlog
from config.logging import configure_logging
from config.settings import load_settings
configure_logging(load_settings(log_format={log_format!r}, log_level={log_level!r}))
log = structlog.get_logger("trunkline.test")
{code}
"""


def program(code, *, log_format="auto", log_level="INFO"):
    text = PROGRAM.format(code=code, log_format=log_format, log_level=log_level)
    return [sys.executable, "-W", "error", "-c", text]


def piped(code, **options):
    done = subprocess.run(
        program(code, **options), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr


def in_terminal(code, **options):
    master, terminal = pty.openpty()
    with subprocess.Popen(program(code, **options), stderr=terminal) as process:
        os.close(terminal)
        output = b""
        while chunk := _read(master):
            output += chunk
    os.close(master)
    assert process.returncode == 0, output
    return output.decode()


def _read(master):
    try:
        return os.read(master, 65536)
    except OSError:  # Linux says so where the other side is closed
        return b""


CODE = 'log.info("sent", tenant_id="t1", to="+15550001234", body="Hi Ada", count=12345678)'


def test_json_where_there_is_no_terminal():
    (line,) = piped(CODE).splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "sent",
        "level": "info",
        "logger": "trunkline.test",
        "tenant_id": "t1",
        "to": "…34",
        "body": "…",
        "count": 12345678,
    }


def test_readable_in_a_terminal():
    output = in_terminal(CODE)
    assert "sent" in output
    assert "t1" in output
    assert not output.startswith("{")
    assert "+1555000" not in output
    assert "Ada" not in output


def test_format_told_wins_over_the_terminal():
    assert json.loads(in_terminal(CODE, log_format="json"))["event"] == "sent"
    assert not piped(CODE, log_format="console").startswith("{")


SECRETS = """
log.info("to +15550001234, 15550001234", nested={"body": "Ada", "to": ["+15550001234"]},
         pair=("+15550001234",), error=ValueError("+15550001234"), contact={"+15550001234": 1})
log.info("connect", url="postgresql://u:hunter2@h:5432/d", token="hunter2", password="hunter2")
logging.getLogger("library").warning("to %s by %s", "+15550001234", "redis://:hunter2@h/0")
log.bind(to="+15550001234").warning("bound")
structlog.contextvars.bind_contextvars(run_id="r1", phone="+15550001234")
try:
    raise ValueError("no route to +15550001234")
except ValueError:
    log.exception("failed")
    logging.getLogger("library").exception("failed too")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_phone_body_or_secret_in_any_line(log_format):
    output = piped(SECRETS, log_format=log_format)
    for hidden in ("5550001", "Ada", "hunter2"):
        assert hidden not in output
    assert output.count("…34") >= 8
    assert output.count("Traceback (most recent call last)") == 2
    assert "h:5432/d" in output


REFUSED = """
import psycopg
try:
    with psycopg.connect({url!r}) as connection:
        connection.execute("CREATE TEMP TABLE people (name text CHECK (name <> 'Zebulon'))")
        connection.execute("INSERT INTO people VALUES ('Zebulon')")
except psycopg.Error as error:
    library = logging.getLogger("library")
    log.exception("ours")
    log.warning("ours", error=error, errors=[error])
    library.error("theirs %s of %d", error, 1)
    library.exception("theirs")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_row_that_the_database_refused_in_any_line(log_format, database_url):
    output = piped(REFUSED.format(url=database_url), log_format=log_format)
    assert "Zebulon" not in output.replace("name <> 'Zebulon'", "").replace(
        "VALUES ('Zebulon')", ""
    )
    assert "DETAIL" not in output
    assert output.count("violates check constraint") == 5
    assert "of 1" in output


def test_what_is_bound_is_in_every_line_below():
    output = piped(
        'structlog.contextvars.bind_contextvars(run_id="r1")\n'
        'log.info("one")\nlogging.getLogger("library").warning("two")'
    )
    assert [json.loads(line)["run_id"] for line in output.splitlines()] == ["r1", "r1"]


def test_lines_below_the_level_are_not_written():
    code = 'log.debug("d")\nlog.info("i")\nlog.warning("w")\nlogging.getLogger("httpx").info("x")'
    assert [json.loads(line)["event"] for line in piped(code).splitlines()] == ["i", "w"]
    assert piped(code, log_level="ERROR") == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+15550001234", "…34"),
        ("to +15550001234.", "to …34."),
        ("tel:+15550001234-again", "tel:…34-again"),
        ("phone=15550001234", "phone=…34"),
        ("+4930123456,+4930123457", "…56,…57"),
        ("123456 rows", "123456 rows"),
        ("2026-03-02T10:00:00", "2026-03-02T10:00:00"),
        ("019a0b1c-1234-7000-8000-012345678901", "019a0b1c-1234-7000-8000-012345678901"),
        ("", ""),
    ],
)
def test_mask_phone(text, masked):
    assert mask_phone(text) == masked
