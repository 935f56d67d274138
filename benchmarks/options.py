"""The options every benchmark takes."""

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog


@dataclass(frozen=True)
class Options:
    """``short``: a few seconds, for CI. ``fsync``: of every side alike."""

    short: bool
    fsync: str


def run(measure: Callable[[Options], int], arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--short", action="store_true", help="small and quick; never fails")
    parser.add_argument(
        "--fsync", choices=("on", "off"), default="on", help="of Postgres, for every side"
    )
    given = parser.parse_args(arguments)
    silence()
    return measure(Options(given.short, given.fsync))


def silence() -> None:
    """Keep this process from logging: a line a batch would be part of what is timed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
