"""What commands print: results on stdout, everything else on stderr."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 400


def print_json(value: Any) -> None:
    """One JSON document on stdout; dataclasses, UUIDs and times (ISO 8601) among its values."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    # In a pipe nothing is broken over lines: what reads it wants a row a line.
    Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def print_fields(fields: Mapping[str, Any]) -> None:
    """``name  value`` lines; what is None is left out."""
    width = max(map(len, fields))
    for name, value in fields.items():
        if value is not None:
            say(f"{name:<{width}}  {_cell(value)}")


def say(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_how_to_call() -> None:
    """How a terminal comes to know ``trunkline``; nothing where it does already."""
    activate = Path(sys.prefix, "bin", "activate")
    if shutil.which("trunkline") is None and activate.exists():
        say(f"  first           . {os.path.relpath(activate)}")


def tell(text: str) -> None:
    """One line on stderr: how it goes, never a result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def counts(values: Mapping[str, Any]) -> str:
    """``{"invalid_phone": 3, "duplicate": 1}`` → ``invalid phone 3, duplicate 1``."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
