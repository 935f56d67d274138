"""What a benchmark found: a table for people, JSON for machines, an exit code."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_RESULTS = Path(".trunkline") / "benchmarks"
_PACKAGES = ("dramatiq", "psycopg", "redis", "trunkline")


@dataclass(frozen=True)
class Target:
    """A bound on a figure; ``at_most`` tells on which side of it good figures lie."""

    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One number; those without a target only explain the others."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "ok" if self.target.met(self.value) else "missed"


@dataclass
class Report:
    """The figures of one benchmark, in the order in which they are shown."""

    name: str
    short: bool
    servers: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    packages: Sequence[str] = ()

    def add(
        self, name: str, value: float, unit: str, target: Target | None = None, note: str = ""
    ) -> None:
        self.figures.append(Figure(name, value, unit, target, note))

    @property
    def missed(self) -> bool:
        return any(figure.verdict == "missed" for figure in self.figures)

    def finish(self) -> int:
        """Print the table, keep the JSON; returns the exit code.

        A short form proves that the benchmark runs; its figures prove nothing, so it never fails.
        """
        machine = describe_machine() | dict(self.servers) | _versions(self.packages)
        _print_table(self, machine)
        print(f"kept in {_keep(self, machine)}")
        return int(self.missed and not self.short)


def describe_machine() -> dict[str, str]:
    """Cores, memory, Python and kernel of this machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{pages / 2**30:.0f} GiB",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in (*_PACKAGES, *packages)}


def _print_table(report: Report, machine: Mapping[str, str]) -> None:
    table = Table("figure", "value", "target", "", "note", box=box.SIMPLE)
    for number in (1, 2):
        table.columns[number].justify = "right"
    for figure in report.figures:
        table.add_row(
            figure.name,
            f"{_rounded(figure.value)} {figure.unit}".rstrip(),
            str(figure.target or ""),
            figure.verdict,
            figure.note,
        )
    console = Console(width=None if os.isatty(1) else 120, highlight=False)
    form = " (short form: proves nothing)" if report.short else ""
    console.print(f"\n[bold]{report.name}[/bold]{form}")
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), style="dim")
    console.print(table)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - four digits


def _keep(report: Report, machine: Mapping[str, str]) -> Path:
    _RESULTS.mkdir(parents=True, exist_ok=True)
    path = _RESULTS / f"{report.name}{'.short' if report.short else ''}.json"
    figures: list[dict[str, Any]] = [
        {**asdict(figure), "target": str(figure.target or ""), "verdict": figure.verdict}
        for figure in report.figures
    ]
    content = {"benchmark": report.name, "short": report.short, "machine": machine}
    path.write_text(json.dumps(content | {"figures": figures}, indent=2, ensure_ascii=False))
    return path
