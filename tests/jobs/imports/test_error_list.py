import csv
import io

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from db.queries.runs import get_cursor
from jobs.imports.error_list import whole_file, write_error_list
from tests.factories import make_tenant
from tests.jobs.imports.files import fetch, import_file, phone, write_csv

STORED = "SELECT phone_number, first_name, last_name, attributes FROM contacts ORDER BY 1"


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def error_list(database, tenant_id, run_id):
    with database.read() as connection:
        cursor = get_cursor(connection, run_id)
    file = io.StringIO(newline="")
    count = write_error_list(database, tenant_id, run_id, cursor, file)
    return file.getvalue(), count


def rows_of(text, **options):
    return list(csv.reader(io.StringIO(text, newline=""), **options))


def test_rejected_rows_come_back_with_their_columns_in_their_order(
    database, settings, tenant_id, tmp_path
):
    settings = settings.model_copy(update={"import_chunk_rows": 2})
    path = tmp_path / "list.csv"
    path.write_text(
        "Nick Name;Phone;=cmd\n"
        "Ann;+12125550001;1\n"
        "=1+1;12;-5\n"
        '"a;""b""\nc";;@x\n'
        f"Bob;{phone(2)};2\n"
        "Cy;+1212;3;more\n"
        "Di\n"
    )
    run_id, result = import_file(database, settings, tenant_id, path)
    text, count = error_list(database, tenant_id, run_id)
    assert (count, result["rejected"]) == (4, 4)
    assert rows_of(text, delimiter=";") == [
        ["Nick Name", "Phone", "'=cmd", "column 4", "error"],
        ["'=1+1", "12", "'-5", "", "line 3: phone is too short"],
        ['a;"b"\nc', "", "'@x", "", "line 4: phone is empty"],
        ["Cy", "'+1212", "3", "more", "line 7: the row has more fields than the header"],
        ["Di", "", "", "", "line 8: phone is empty"],
    ]


def test_a_mended_list_is_imported_as_if_the_file_had_been_right(
    database, settings, tenant_id, tmp_path
):
    header = ("first_name", "phone", "Surname", "=note")
    right = [
        ("=1+1", phone(1), "'t Hooft", "-5"),
        ("@home", phone(2), "  ", "+49"),
        ("Zoë", phone(3), "a\nb", "line 3: not ours"),
        ("", phone(4), "", ""),
    ]
    other_id = make_tenant(database, "other")
    import_file(database, settings, other_id, write_csv(tmp_path / "right.csv", right, header))
    wrong = [(a, "12", c, d) for a, _, c, d in right]
    run_id, result = import_file(
        database, settings, tenant_id, write_csv(tmp_path / "wrong.csv", wrong, header)
    )
    assert result["rejected"] == 4
    for _ in range(2):  # a list of a list is no different
        text, _ = error_list(database, tenant_id, run_id)
        assert text.startswith("\ufeff")
        again = tmp_path / "again.csv"
        again.write_text(text, encoding="utf-8", newline="")
        run_id, result = import_file(database, settings, tenant_id, again)
        assert result["rejected"] == 4
    names, *rows = rows_of(error_list(database, tenant_id, run_id)[0].removeprefix("\ufeff"))
    assert names == ["first_name", "phone", "Surname", "'=note", "error"]
    for row, (_, number, *_) in zip(rows, right, strict=True):
        row[1] = number
    _, result = import_file(
        database, settings, tenant_id, write_csv(tmp_path / "mended.csv", rows, names)
    )
    assert (result["created"], result["rejected"]) == (4, 0)
    query = STORED.replace("ORDER", "WHERE tenant_id = %s ORDER")
    assert fetch(database, query, tenant_id) == fetch(database, query, other_id)
    assert fetch(database, query, tenant_id)[0] == (
        phone(1),
        "=1+1",
        "'t Hooft",
        {"=note": "-5"},
    )


def test_a_column_of_the_files_own_that_is_called_error_stays(
    database, settings, tenant_id, tmp_path
):
    path = write_csv(tmp_path / "1.csv", [("12", "burnt"), ("13", "")], ("phone", "error"))
    run_id, _ = import_file(database, settings, tenant_id, path)
    names, first, _ = rows_of(error_list(database, tenant_id, run_id)[0])
    assert names == ["phone", "error", "error 2"]
    assert first == ["12", "burnt", "line 2: phone is too short"]


cells = st.text(st.sampled_from("=+-@'\"; ,\tax é"), max_size=6)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_in_the_rows_comes_back(database, settings, tmp_path, values):
    tenant_id = make_tenant(database, f"t{fetch(database, 'SELECT count(*) FROM tenants')[0][0]}")
    expected = [(phone(n), a, b) for n, (a, b) in enumerate(values)]
    wrong = [(f"x{n}", a, b) for n, (a, b) in enumerate(values)]
    header = ("phone", "first_name", "note")
    run_id, _ = import_file(
        database, settings, tenant_id, write_csv(tmp_path / "wrong.csv", wrong, header)
    )
    text, count = error_list(database, tenant_id, run_id)
    assert count == len(values)
    names, *rows = rows_of(text.removeprefix("\ufeff"))
    for n, row in enumerate(rows):
        assert row[0] == f"x{n}"
        row[0] = phone(n)
    import_file(database, settings, tenant_id, write_csv(tmp_path / "right.csv", rows, names))
    direct_id = make_tenant(database, f"d{fetch(database, 'SELECT count(*) FROM tenants')[0][0]}")
    import_file(database, settings, direct_id, write_csv(tmp_path / "direct.csv", expected, header))
    query = STORED.replace("ORDER", "WHERE tenant_id = %s ORDER")
    assert fetch(database, query, tenant_id) == fetch(database, query, direct_id)


def test_a_list_that_cannot_be_finished_leaves_what_was_there(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text("being mended")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        print("half", 1 // 0, file=file)
    assert path.read_text() == "being mended"
    assert list(tmp_path.iterdir()) == [path]
    with whole_file(path) as file:
        file.write("whole")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("whole", 0o600)


def test_nothing_was_refused(database, settings, tenant_id, tmp_path):
    run_id, _ = import_file(database, settings, tenant_id, write_csv(tmp_path / "1.csv", []))
    assert error_list(database, tenant_id, run_id) == ("error\r\n", 0)
