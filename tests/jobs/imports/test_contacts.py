import csv
import json

import psycopg
import pytest

from db.counter import count_statements
from jobs.imports import CONTACTS, keep_file
from jobs.imports import run as importing
from jobs.runs import cancel, enqueue, run_next
from tests.factories import make_tenant

KINDS = {CONTACTS.name: CONTACTS}
PARTS = ("created", "updated", "skipped", "duplicates", "rejected")


def fetch(database, query, *params):
    with database.transaction() as connection:
        return connection.execute(query, params).fetchall()


def phone(number):
    return f"+1212555{number:04}"


def write_csv(path, rows, header=("phone", "first_name"), **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **options)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def start(database, settings, tenant_id, path, **args):
    kept = keep_file(settings, path)
    with database.transaction() as connection:
        return enqueue(
            connection,
            tenant_id,
            "import_contacts",
            {"file": kept, "filename": path.name, **args},
        )


def run_of(database, run_id):
    return fetch(
        database,
        "SELECT state, result, error, progress_done, progress_total FROM job_runs WHERE id = %s",
        run_id,
    )[0]


def import_file(database, settings, tenant_id, path, **args):
    run_id = start(database, settings, tenant_id, path, **args)
    assert run_next(database, settings, KINDS).worked
    state, result, error, *_ = run_of(database, run_id)
    assert (state, error) == ("succeeded", None)
    assert result["read"] == sum(result[part] for part in PARTS)
    assert result["rejected"] == sum(result["rejected_reasons"].values())
    return result


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def test_a_file_with_the_dirt_that_real_files_have(database, settings, tenant_id, tmp_path):
    path = tmp_path / "spring list.csv"
    path.write_bytes(
        "\ufeffFirst Name;Surname;Phone No.;E-Mail;Time Zone;Tags;Plan\r\n"
        'Zoë;"O\'Hara; Jr.";(212) 555-0100;zoe@example.com;america/chicago;vip|new;gold\r\n'
        "\r\n"
        ";;;;;;\r\n"
        '"Two\r\nlines";;+44 20 7946 0958\r\n'
        "Bob;;12125550100;;;;\r\n"
        "Nobody;;;;;;\r\n"
        "Short;;555-0100;;;;\r\n"
        "Nul;b\0d;2125550101;;;;\r\n"
        "Zone;;2125550102;;Mars/Olympus;;\r\n"
        "Long;;2125550103;;;;silver;more\r\n"
        "Rest;;2125550104;;;;;;\r\n".encode()
    )
    result = import_file(database, settings, tenant_id, path)
    assert result == {
        "read": 9,
        "created": 3,
        "updated": 0,
        "skipped": 0,
        "duplicates": 1,
        "rejected": 5,
        "rejected_reasons": {
            "phone is empty": 1,
            "phone lacks its area code": 1,
            "the row holds a NUL character": 1,
            "timezone is unknown": 1,
            "the row has more fields than the header": 1,
        },
        "encoding": "utf-8-sig",
        "delimiter": ";",
    }
    assert fetch(
        database,
        "SELECT phone_number, first_name, last_name, email, timezone, tags, attributes"
        " FROM contacts ORDER BY phone_number",
    ) == [
        (
            "+12125550100",
            "Zoë",
            "O'Hara; Jr.",
            "zoe@example.com",
            "America/Chicago",
            ["vip", "new"],
            {"Plan": "gold"},
        ),
        ("+12125550104", "Rest", None, None, None, [], {}),
        ("+442079460958", "Two\r\nlines", None, None, None, [], {}),
    ]
    assert fetch(
        database, "SELECT line_number, reason, row FROM import_errors ORDER BY line_number"
    ) == [
        (8, "phone is empty", ["Nobody", "", "", "", "", "", ""]),
        (9, "phone lacks its area code", ["Short", "", "555-0100", "", "", "", ""]),
        (10, "the row holds a NUL character", ["Nul", "b␀d", "2125550101", "", "", "", ""]),
        (11, "timezone is unknown", ["Zone", "", "2125550102", "", "Mars/Olympus", "", ""]),
        (
            12,
            "the row has more fields than the header",
            ["Long", "", "2125550103", "", "", "", "silver", "more"],
        ),
    ]


def test_a_file_of_a_header_alone_is_imported(database, settings, tenant_id, tmp_path):
    result = import_file(database, settings, tenant_id, write_csv(tmp_path / "0.csv", []))
    assert (result["read"], result["created"]) == (0, 0)


def test_existing_contacts_are_left_alone_or_updated_as_asked(
    database, settings, tenant_id, tmp_path
):
    header = ("phone", "first_name", "company", "tags", "plan")
    first = write_csv(tmp_path / "1.csv", [(phone(1), "Ann", "Acme", "a,b", "gold")], header)
    import_file(database, settings, tenant_id, first)
    rows = [(phone(1), "Anna", "", "b;c", ""), (phone(2), "Ben", "", "", ""), (phone(1), "No")]
    second = write_csv(tmp_path / "2.csv", rows, header)
    content = "SELECT first_name, company, tags, attributes FROM contacts WHERE phone_number = %s"

    result = import_file(database, settings, tenant_id, second)
    assert [result[part] for part in PARTS] == [1, 0, 1, 1, 0]
    assert fetch(database, content, phone(1)) == [("Ann", "Acme", ["a", "b"], {"plan": "gold"})]

    result = import_file(database, settings, tenant_id, second, on_existing="update")
    assert [result[part] for part in PARTS] == [0, 2, 0, 1, 0]
    assert fetch(database, content, phone(1)) == [
        ("Anna", "Acme", ["a", "b", "c"], {"plan": "gold"})
    ]


@pytest.mark.parametrize("on_existing", ["skip", "update"])
def test_a_number_met_in_an_earlier_chunk_is_a_duplicate(
    database, settings, tenant_id, tmp_path, on_existing
):
    settings = settings.model_copy(update={"import_chunk_rows": 2})
    import_file(database, settings, tenant_id, write_csv(tmp_path / "0.csv", [(phone(1), "Old")]))
    rows = [(phone(1), "a"), (phone(2), "b"), (phone(3), "c"), (phone(2), "d"), (phone(1), "e")]
    result = import_file(
        database,
        settings,
        tenant_id,
        write_csv(tmp_path / "1.csv", rows),
        on_existing=on_existing,
    )
    expected = {"created": 2, "duplicates": 2, "skipped": 1, "updated": 0}
    if on_existing == "update":
        expected |= {"skipped": 0, "updated": 1}
    assert {name: result[name] for name in expected} == expected
    names = dict(fetch(database, "SELECT phone_number, first_name FROM contacts"))
    assert names == {
        phone(1): "a" if on_existing == "update" else "Old",
        phone(2): "b",
        phone(3): "c",
    }


def test_all_valid_contacts_of_the_file_join_its_campaign(database, settings, tenant_id, tmp_path):
    import_file(database, settings, tenant_id, write_csv(tmp_path / "0.csv", [(phone(1), "Old")]))
    path = write_csv(tmp_path / "1.csv", [(phone(1), ""), (phone(2), ""), ("12", "")])
    for _ in range(2):
        import_file(database, settings, tenant_id, path, campaign="Spring")
    assert fetch(
        database,
        "SELECT c.name, k.phone_number FROM campaign_contacts m"
        " JOIN campaigns c ON c.id = m.campaign_id JOIN contacts k ON k.id = m.contact_id"
        " ORDER BY 2",
    ) == [("Spring", phone(1)), ("Spring", phone(2))]


@pytest.mark.parametrize(
    ("count", "size", "chunks"), [(100, 5000, 1), (5000, 5000, 1), (950, 200, 5)]
)
def test_statements_per_chunk_are_the_same_at_any_size(
    database, settings, tenant_id, tmp_path, count, size, chunks
):
    settings = settings.model_copy(update={"import_chunk_rows": size})
    rows = [(phone(n) if n % 50 else "bad", "Ann") for n in range(count)]
    path = write_csv(tmp_path / "list.csv", rows)
    run_id = start(database, settings, tenant_id, path, campaign="Spring")
    with count_statements() as counted:
        run_next(database, settings, KINDS)
    assert counted.statements == 1 + 3 * chunks, counted.texts
    state, result, _, done, total = run_of(database, run_id)
    assert (state, done, total) == ("succeeded", count, count)
    assert result["created"] == count - count // 50
    assert result["rejected_reasons"] == {"phone is not a number": count // 50}

    for on_existing in ("skip", "update"):  # known contacts, which join another campaign
        start(database, settings, tenant_id, path, campaign=on_existing, on_existing=on_existing)
        with count_statements() as counted:
            run_next(database, settings, KINDS)
        assert counted.statements == 1 + 4 * chunks, counted.texts


def test_calls_are_queued_once_in_the_campaign(database, settings, tenant_id, tmp_path):
    number_of = {}
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO dids (tenant_id, number) SELECT %s, '+1646555000' || n"
            " FROM generate_series(1, 3) AS n",
            [tenant_id],
        )
        connection.execute(
            "INSERT INTO contacts (tenant_id, phone_number, do_not_contact) VALUES (%s, %s, true)",
            [tenant_id, phone(3)],
        )
    path = write_csv(tmp_path / "list.csv", [*((phone(n), "Ann") for n in range(40)), ("bad", "")])
    for _ in range(2):
        start(database, settings, tenant_id, path, campaign="Spring", call=True)
        with count_statements() as counted:
            run_next(database, settings, KINDS)
        assert counted.statements <= 6, counted.texts
        rows = fetch(
            database,
            "SELECT q.to_number, q.from_number, q.state, k.name FROM call_queue q"
            " JOIN campaigns k ON k.id = q.campaign_id JOIN contacts c ON c.id = q.contact_id"
            " WHERE c.phone_number = q.to_number ORDER BY 1",
        )
        assert [to for to, *_ in rows] == [phone(n) for n in range(40) if n != 3]
        assert {row[2:] for row in rows} == {("QUEUED", "Spring")}
        assert len({sender for _, sender, *_ in rows}) == 3
        number_of = number_of or {to: sender for to, sender, *_ in rows}
        assert {to: sender for to, sender, *_ in rows} == number_of


def test_calls_without_a_campaign_are_refused(database, settings, tenant_id, tmp_path):
    run_id = start(database, settings, tenant_id, write_csv(tmp_path / "1.csv", []), call=True)
    run_next(database, settings, KINDS)
    assert run_of(database, run_id)[2] == (
        "bad arguments: calls are queued in a campaign, and none is named"
    )


def test_a_connection_lost_inside_a_chunk_leaves_each_row_once(
    database, settings, tenant_id, tmp_path, monkeypatch
):
    settings = settings.model_copy(update={"import_chunk_rows": 3, "run_backoff_s": 1e-6})
    rows = [(phone(n % 8), f"{n}") for n in range(10)] + [("bad", ""), ("+1", "")]
    path = write_csv(tmp_path / "list.csv", rows)
    run_id = start(database, settings, tenant_id, path, campaign="Spring")
    real, calls = importing.checkpoint, []

    def cut_off(connection, *args, **kwargs):
        calls.append(kwargs["done"])
        if calls in ([3, 6], [3, 6, 6, 9]):
            with psycopg.connect(settings.require("database_url"), autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        real(connection, *args, **kwargs)

    monkeypatch.setattr(importing, "checkpoint", cut_off)
    run_next(database, settings, KINDS)
    assert run_of(database, run_id)[0] == "queued"
    assert fetch(database, "SELECT count(*) FROM contacts") == [(3,)]
    run_next(database, settings, KINDS)
    assert fetch(database, "SELECT count(*) FROM contacts") == [(6,)]
    run_next(database, settings, KINDS)
    assert calls == [3, 6, 6, 9, 9, 12]
    state, result, *_ = run_of(database, run_id)
    assert state == "succeeded"
    assert [result[part] for part in PARTS] == [8, 0, 0, 2, 2]
    assert result["read"] == 12
    assert fetch(database, "SELECT count(*) FROM campaign_contacts") == [(8,)]
    assert fetch(database, "SELECT first_name FROM contacts ORDER BY phone_number") == [
        (f"{n}",) for n in range(8)
    ]
    assert fetch(database, "SELECT count(*) FROM import_errors") == [(2,)]


def test_a_run_cancelled_between_chunks_keeps_what_was_committed(
    database, settings, tenant_id, tmp_path, monkeypatch
):
    settings = settings.model_copy(update={"import_chunk_rows": 2})
    path = write_csv(tmp_path / "list.csv", [(phone(n), "") for n in range(6)])
    run_id = start(database, settings, tenant_id, path)
    real, calls = importing.chunk, []

    def then_cancel(*args):
        calls.append(args)
        if len(calls) == 2:
            with database.transaction() as connection:
                assert cancel(connection, tenant_id, run_id)
        return real(*args)

    monkeypatch.setattr(importing, "chunk", then_cancel)
    run_next(database, settings, KINDS)
    assert run_of(database, run_id)[:2] == ("cancelled", None)
    assert fetch(database, "SELECT count(*) FROM contacts") == [(2,)]
    assert not run_next(database, settings, KINDS).worked


def test_two_tenants_never_see_each_other(database, settings, tenant_id, tmp_path):
    other_id = make_tenant(database, "other", region="GB", timezone="Europe/London")
    rows = [("020 7946 0958", "Ann"), ("(212) 555-0100", "Bob"), ("+1 646 555 0100", "Cy")]
    path = write_csv(tmp_path / "list.csv", rows)
    for tenant in (tenant_id, other_id):
        result = import_file(database, settings, tenant, path, campaign="Spring")
        assert (result["created"], result["rejected"]) == (2, 1)
    assert set(fetch(database, "SELECT tenant_id, phone_number FROM contacts")) == {
        (tenant_id, "+12125550100"),
        (tenant_id, "+16465550100"),
        (other_id, "+442079460958"),
        (other_id, "+16465550100"),
    }
    assert fetch(
        database, "SELECT tenant_id, count(*) FROM campaign_contacts GROUP BY 1 ORDER BY 1"
    ) == [(tenant_id, 2), (other_id, 2)]
    assert fetch(database, "SELECT count(*), count(DISTINCT tenant_id) FROM campaigns") == [(2, 2)]
    assert fetch(database, "SELECT count(DISTINCT tenant_id) FROM import_errors") == [(2,)]


def test_the_lease_is_kept_while_the_file_is_looked_at(database, settings, tenant_id, tmp_path):
    settings = settings.model_copy(update={"run_lease_s": 1e-6})
    with database.transaction() as connection:
        connection.execute("CREATE TABLE renewals (n serial)")
        connection.execute(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO renewals DEFAULT VALUES; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER note AFTER UPDATE OF lease_until ON job_runs FOR EACH ROW"
            " WHEN (OLD.state = 'running' AND NEW.state = 'running') EXECUTE FUNCTION note()"
        )
    path = tmp_path / "blank.csv"
    path.write_bytes(b"phone\n" + b"\n" * (4 << 20))
    assert import_file(database, settings, tenant_id, path)["read"] == 0
    [(renewals,)] = fetch(database, "SELECT count(*) FROM renewals")
    assert renewals >= 4  # one a mebibyte


def test_what_is_no_csv_ends_the_run_in_one_clear_line(database, settings, tenant_id, tmp_path):
    path = tmp_path / "photo.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    run_id = start(database, settings, tenant_id, path)
    run_next(database, settings, KINDS)
    state, _, error, *_ = run_of(database, run_id)
    assert (state, error) == ("failed", "photo.csv: this is a PNG image, not a CSV (line 1)")

    run_id = start(database, settings, tenant_id, write_csv(tmp_path / "a.csv", []))
    [(args,)] = fetch(database, "SELECT args FROM job_runs WHERE id = %s", run_id)
    from pathlib import Path  # noqa: PLC0415

    Path(args["file"]).unlink()
    run_next(database, settings, KINDS)
    state, _, error, *_ = run_of(database, run_id)
    assert (state, error) == ("failed", "a.csv: can't be read: no such file or directory")
    assert json.dumps(args)
