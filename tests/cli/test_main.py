import importlib.metadata

import psycopg


def test_help_names_every_command(trunkline):
    result = trunkline("--help")
    assert result.code == 0
    for command in ("up", "demo", "env", "migrate", "doctor", "tenants", "import", "journeys"):
        assert command in result.out
    assert trunkline().out == result.out


def test_it_tells_its_version(trunkline):
    result = trunkline("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"trunkline {importlib.metadata.version('trunkline')}\n"


def test_a_word_that_is_no_command_is_one_line(trunkline):
    result = trunkline("nonsense")
    assert result.code == 2
    assert len(result.error_lines) == 1
    assert "nonsense" in result.err


def test_a_missing_option_is_one_line(trunkline):
    result = trunkline("import", "contacts", "file.csv")
    assert result.code == 2
    assert len(result.error_lines) == 1
    assert "--tenant" in result.err


def test_wrong_settings_are_named_each(trunkline):
    result = trunkline("jobs", "list", BATCH_SIZE="0", TICK_MS="soon")
    assert result.code == 2
    assert len(result.error_lines) == 1
    assert "BATCH_SIZE=0" in result.err
    assert "TICK_MS=soon" in result.err


def test_a_url_of_something_else_is_a_wrong_setting(trunkline):
    result = trunkline("jobs", "list", DATABASE_URL="nonsense with:secret")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "DATABASE_URL" in result.err
    assert "secret" not in result.err


def test_no_database_named_and_no_stack(trunkline):
    result = trunkline("jobs", "list")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "trunkline up" in result.err


def test_an_unreachable_database_is_one_line_without_its_password(trunkline):
    result = trunkline("jobs", "list", DATABASE_URL="postgresql://me:secret@127.0.0.1:1/nowhere")
    assert (result.code, len(result.error_lines)) == (3, 1)
    assert "127.0.0.1:1/nowhere" in result.err
    assert "secret" not in result.err


def test_a_database_without_the_schema_says_migrate(trunkline, empty_database_url):
    for words in (("jobs", "list"), ("tenants", "create", "acme")):
        result = trunkline(*words, DATABASE_URL=empty_database_url)
        assert (result.code, len(result.error_lines)) == (3, 1)
        assert "trunkline migrate" in result.err


def test_what_nobody_foresaw_is_one_line_and_with_debug_a_traceback(here, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE tenants ALTER COLUMN name TYPE integer USING 1")
    plain = here("tenants", "create", "acme")
    assert (plain.code, len(plain.error_lines)) == (1, 1)
    for words in (
        ("--debug", "tenants", "create", "acme"),
        ("tenants", "create", "acme", "--debug"),
    ):
        assert "Traceback" in here(*words).err


def test_bytes_that_are_no_text_are_refused_wherever_they_stand(here):
    for words in (
        ("tenants", "create", "a\udcff"),
        ("import", "contacts", "list.csv", "--tenant", "acme", "--campaign", "a\udcff"),
        ("import", "contacts", "list.csv", "--tenant=a\udcff"),
        ("jobs", "list", "--tenant", "a\udcff"),
    ):
        result = here(*words)
        assert (result.code, len(result.error_lines)) == (2, 1)
        assert r"a\xff' is not UTF-8 text" in result.err


def test_a_traceback_shows_no_row(here, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE tenants ADD CHECK (name <> 'Zebulon')")
    result = here("--debug", "tenants", "create", "acme", "--name", "Zebulon")
    assert "Traceback (most recent call last)" in result.err
    assert "CheckViolation" in result.err
    assert "Failing row" not in result.err
