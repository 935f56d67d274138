"""Databases of the tests' own: made ahead and dropped behind, while tests run."""

import contextlib
import itertools
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import sql

_numbers = itertools.count(1)


class DatabaseSupply:
    """Copies of a template, each for one test; the next is being made while one is in use.

    Making and dropping take a fifth of a second, as much as most tests.
    """

    def __init__(self, url, template):
        self._url = url
        self._template = template
        self._maker = ThreadPoolExecutor(1, "make-databases")
        self._dropper = ThreadPoolExecutor(1, "drop-databases")
        self._next = self._maker.submit(self._make)
        self._drops = []

    @contextlib.contextmanager
    def database(self):
        """URL of a fresh copy, which is gone soon after."""
        name = self._next.result()
        self._next = self._maker.submit(self._make)
        try:
            yield database_url(self._url, name)
        finally:
            self._drops.append(self._dropper.submit(drop_database, self._url, name))

    def close(self):
        """Drop what is left; raises what went wrong with any of the drops."""
        self._drops.append(self._dropper.submit(drop_database, self._url, self._next.result()))
        for drop in self._drops:
            drop.result()
        self._maker.shutdown()
        self._dropper.shutdown()

    def _make(self):
        name = f"trunkline_test_{os.getpid()}_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
        make_database(self._url, name, self._template)
        return name


def database_url(url, name):
    """The URL of another database of the same server."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    login = f"{parts['user']}:{parts.get('password', '')}@{parts['host']}:{parts.get('port', 5432)}"
    return f"postgresql://{login}/{name}"


def make_database(url, name, template):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


def drop_database(url, name):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
