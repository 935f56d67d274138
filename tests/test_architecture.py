"""Rules of the house that import-linter can't see; it holds the layers themselves."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("config", "db", "jobs", "workers", "cli", "standalone")
MODULES = [
    Path("worker.py"),
    Path("scheduler.py"),
    Path("listener.py"),
    *sorted(
        path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    ),
]
SQL_TEXT = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|WITH\s+\w+\s+AS)\b",
    re.DOTALL,
)


def texts(path):
    """String constants of a module that are not docstrings."""
    tree = ast.parse((ROOT / path).read_text())
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def test_modules_are_small():
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in MODULES}
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}


def test_jobs_and_workers_hold_no_sql():
    assert SQL_TEXT.search("SELECT a FROM b")  # the rule itself can fail
    layers = [path for path in MODULES if path.parts[0] in {"jobs", "workers"}]
    assert [path for path in layers for text in texts(path) if SQL_TEXT.search(text)] == []


def test_only_settings_reads_the_environment():
    """Children of the supervisor inherit an environment; nothing else looks into it."""
    reading = {
        path
        for path in MODULES
        if re.search(r"\bos\.(environ|getenv)\b", (ROOT / path).read_text())
    }
    assert {path for path in reading if path.parts[0] not in {"config", "standalone"}} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "workers" / "actors").glob("[a-z]*.py")))
def test_actors_have_at_most_ten_lines(path):
    functions = [
        node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    assert functions
    for function in functions:
        assert function.end_lineno - function.lineno + 1 <= 10, function.name


def test_nothing_imports_the_daemons():
    importing = re.compile(r"^(from|import) (worker|scheduler)\b", re.MULTILINE)
    assert importing.search("import worker")
    assert [path for path in MODULES if importing.search((ROOT / path).read_text())] == []


def test_every_statement_file_is_used():
    files = {
        str(path.relative_to(ROOT / "sql" / "queries").with_suffix(""))
        for path in (ROOT / "sql" / "queries").rglob("*.sql")
    }
    named = {
        text for path in MODULES if path.parts[0] == "db" for text in texts(path) if "/" in text
    }
    stems = tuple(text for text in named if text.endswith("_"))  # of f"enrollment/pick_{who}"
    assert {name for name in files - named if not (stems and name.startswith(stems))} == set()


def test_every_migration_can_be_taken_back():
    migrations = {path.name for path in (ROOT / "sql" / "migrations").glob("*.sql")}
    forward = {name for name in migrations if not name.endswith(".rollback.sql")}
    assert {name.removesuffix(".sql") + ".rollback.sql" for name in forward} <= migrations


def test_nothing_names_a_registry_or_a_download():
    found = [
        path
        for path in [ROOT / "requirements.txt", ROOT / "pyproject.toml", ROOT / "Makefile"]
        if re.search(r"https?://|/simple\b|\.whl", path.read_text())
    ]
    assert found == []
