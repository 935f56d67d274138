"""Errors of a real database, in every shape in which they come to be logged."""

import traceback

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.exc import DBAPIError

from config.tracebacks import error_line, error_text, named_error
from tests.factories import make_tenant

HIDDEN = ("Zebulon", "bad@example.com", "DETAIL:", "[parameters:")
PRIMARY = 'new row for relation "contacts" violates check constraint "no_zebulon"'


@pytest.fixture
def row(database):
    """A row that contacts refuses."""
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        connection.execute(
            "ALTER TABLE contacts ADD CONSTRAINT no_zebulon CHECK (first_name <> 'Zebulon')"
        )
    return tenant_id, "+12125550100", "Zebulon", "bad@example.com"


@pytest.fixture
def refused(database, row):
    def insert():
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO contacts (tenant_id, phone_number, first_name, email)"
                " VALUES (%s, %s, %s, %s)",
                row,
            )

    return insert


def caught(act, kind=Exception):
    with pytest.raises(kind) as info:
        act()
    return info.value


def text_of(error):
    return error_text((type(error), error, error.__traceback__))


def test_a_refused_row_is_told_by_class_message_and_constraint(refused):
    error = caught(refused, psycopg.errors.CheckViolation)
    assert "Zebulon" in str(error)  # or there were nothing to hide
    assert error_line(error) == PRIMARY
    assert text_of(error).endswith(f"\npsycopg.errors.CheckViolation: {PRIMARY}")
    assert "connection.execute(" in text_of(error)


def test_causes_contexts_and_groups_hide_it_as_well(refused):
    def wrapped():
        try:
            refused()
        except psycopg.Error as error:
            raise RuntimeError("no luck") from error

    def during():
        try:
            refused()
        except psycopg.Error:
            raise KeyError("other")  # noqa: B904 - the context is what is tested

    group = ExceptionGroup("both", [caught(wrapped), caught(during)])
    for error in (*group.exceptions, group):
        text = text_of(error)
        assert PRIMARY in text
        assert not [hidden for hidden in HIDDEN if hidden in text]
    assert "The above exception was the direct cause" in text_of(group.exceptions[0])
    assert "During handling of the above exception" in text_of(group.exceptions[1])
    assert "  | RuntimeError: no luck" in text_of(group)


def test_sqlalchemys_wrapping_hides_its_parameters(database, row):
    def insert():
        with database.read() as connection:
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO contacts (tenant_id, phone_number, first_name, email)"
                    " VALUES (:a, :b, :c, :d)"
                ),
                dict(zip("abcd", row, strict=True)),
            )

    error = caught(insert, DBAPIError)
    assert named_error(error) == f"sqlalchemy.exc.IntegrityError: {PRIMARY}"
    assert not [hidden for hidden in HIDDEN if hidden in text_of(error)]


def test_of_the_drivers_own_errors_those_of_a_connection_tell_where_it_led(database):
    gone = caught(lambda: psycopg.connect("postgresql://nobody@127.0.0.1:1/none"))
    assert "127.0.0.1" in error_line(gone)

    def unsendable():
        with database.transaction() as connection:
            connection.execute("SELECT %s::text", ("Zebulon\0",))

    error = caught(unsendable, psycopg.DataError)
    assert named_error(error) == "psycopg.DataError"


def test_other_errors_are_written_as_python_does():
    def stumble():
        try:
            int("x")
        except ValueError as error:
            error.add_note("a note")
            raise TypeError("no") from error

    error = caught(stumble)
    assert text_of(error) == "".join(traceback.format_exception(error)).rstrip("\n")
