from pathlib import Path

import pytest

from db import statements
from db.statements import SQL, statement

FILES = sorted((SQL / "queries").rglob("*.sql"))


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    def load(text):
        folder = tmp_path / "queries"
        folder.mkdir(exist_ok=True)
        name = f"q{len(list(folder.iterdir()))}"
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
        monkeypatch.setattr(statements, "SQL", tmp_path)
        try:
            return statement(name)
        finally:
            statement.cache_clear()

    return load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT :name", "SELECT %(name)s"),
        ("SELECT :a::uuid, x::text[]", "SELECT %(a)s::uuid, x::text[]"),
        ("SELECT ':not', 'it''s :neither'", "SELECT ':not', 'it''s :neither'"),
        ("SELECT 1 -- of :course\n, :b", "SELECT 1 \n, %(b)s"),
        ("SELECT 5 % 2, '100%'", "SELECT 5 %% 2, '100%%'"),
        ("SELECT a[1:2], f(x => :y)", "SELECT a[1:2], f(x => %(y)s)"),
    ],
)
def test_parameters_and_nothing_else_are_rewritten(loaded, text, expected):
    assert loaded(text) == expected


def test_a_statement_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        statement("nowhere/at_all")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_are_of_the_house(path):
    assert path.parent.parent == SQL / "queries"
    assert path.name == path.name.lower()
    name = str(Path(path.parent.name) / path.stem)
    assert statement(name).strip()
