import json

import psycopg

from workers.kinds import KINDS


def test_migrate_roll_back_and_again(trunkline, empty_database_url):
    def migrate(*words):
        result = trunkline("migrate", *words, "--json", DATABASE_URL=empty_database_url)
        assert (result.code, result.err) == (0, "")
        return json.loads(result.out)

    applied = migrate()["applied"]
    assert applied[0] == "0001.tenants_and_contacts"
    assert migrate()["applied"] == []
    assert migrate("--rollback")["rolled_back"] == applied[-1:]
    assert migrate("--rollback", "2")["rolled_back"] == applied[-2:-4:-1]
    assert migrate()["applied"] == applied[-3:]


def test_it_says_what_it_did(trunkline, empty_database_url):
    first = trunkline("migrate", DATABASE_URL=empty_database_url)
    assert "applied 0001.tenants_and_contacts" in first.out
    assert "nothing to do" in trunkline("migrate", DATABASE_URL=empty_database_url).out


def test_a_number_alone_is_a_mistake(here):
    result = here("migrate", "2")
    assert (result.code, len(result.error_lines)) == (2, 1)


def test_the_door_for_sql_knows_the_kinds_of_this_release(trunkline, empty_database_url):
    for _ in range(2):
        assert trunkline("migrate", DATABASE_URL=empty_database_url).code == 0
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("SELECT kind, required FROM job_kinds").fetchall()
    assert {kind for kind, _ in rows} == set(KINDS)
    assert dict(rows)["enroll_contacts"] == ["journey"]
