"""From the stream to the rows, on real servers."""

from zoneinfo import ZoneInfo

import pytest

from db.counter import count_statements
from db.queries.calls.logs import CallKey
from jobs.calls.census import census_of
from jobs.calls.claiming import claim_calls
from jobs.calls.flush import flush_calls
from jobs.calls.folding import fold
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import SHARDS, Entry, Stage, entry_of, shard_of
from tests.factories import make_contacts, make_tenant
from tests.jobs.calls.recorded import arriving, disagreements, messages, rows, written

ROWS = """
SELECT unique_id, tenant_id, direction, from_number, to_number, did, status, disposition,
  extract(epoch FROM started_at)::float AS started_at,
  extract(epoch FROM answered_at)::float AS answered_at,
  extract(epoch FROM ended_at)::float AS ended_at, duration, billable_seconds, unknown_end,
  contact_id, agent_id, flow, user_events, trunk, hangup_cause
FROM (
  SELECT tenant_id, contact_id, agent_id, pbx, unique_id, direction, from_number, to_number, did,
    status, disposition, started_at, answered_at, ended_at, duration, billable_seconds,
    unknown_end, flow, user_events, trunk, hangup_cause FROM call_logs
  UNION ALL
  SELECT NULL, NULL, NULL, pbx, unique_id, direction, from_number, to_number, did, status,
    disposition, started_at, answered_at, ended_at, duration, billable_seconds, unknown_end, flow,
    user_events, trunk, hangup_cause FROM call_quarantine
) AS calls
"""


def send(stream, told, *, batch=10**9, pbx="pbx", reader=None):
    """Send (message, arrival) pairs as a listener does, in micro-batches; returns its reader."""
    reader = reader or Reader(ZoneInfo("UTC"))
    for place, (message, at) in enumerate(told):
        reader.read(message, at)
        if place % batch == batch - 1:
            stream.send(fold(pbx, reader))
    reader.settle()
    stream.send(fold(pbx, reader))
    return reader


def stored(database):
    with database.transaction() as connection:
        cursor = connection.execute(ROWS)
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def own(database, tenant_id, *numbers):
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO dids (tenant_id, number) SELECT %s, unnest(%s::text[])",
            [tenant_id, list(numbers)],
        )


ALL_NUMBERS = [f"+4930123450{number:02}" for number in range(100)]


@pytest.mark.parametrize("batch", [50, 10**9])
def test_every_call_is_one_row_as_asterisk_wrote_it(database, settings, stream, owners, batch):
    tenant_id = make_tenant(database)
    own(database, tenant_id, *ALL_NUMBERS)
    told, reader = arriving(messages("f-cut-full")), Reader(ZoneInfo("UTC"))
    for start in range(0, len(told), 1500):
        send(stream, told[start : start + 1500], batch=batch, reader=reader)
        flush_calls(database, settings, stream, owners)
    assert stream.lengths() == [0, 0]

    found, expected = stored(database), rows(told)
    assert found.keys() == written("f-cut").keys()
    for linked, row in expected.items():
        assert disagreements(row, written("f-cut")[linked]) == {}
        for name in ("status", "disposition", "duration", "billable_seconds", "unknown_end"):
            assert found[linked][name] == getattr(row, name)
        for name in ("started_at", "answered_at", "ended_at"):
            assert found[linked][name] == pytest.approx(getattr(row, name), abs=1e-5)
        assert found[linked]["flow"] == row.flow
    inbound = [row for row in found.values() if row["direction"] == "inbound"]
    assert len(inbound) == 61
    assert {row["tenant_id"] for row in inbound} == {tenant_id}
    assert {row["did"] for row in inbound} <= set(ALL_NUMBERS)
    outbound = [row for row in found.values() if row["direction"] == "outbound"]
    assert {row["did"] for row in outbound} == {"+493012345000"}
    assert {row["tenant_id"] for row in outbound} == {tenant_id}


def test_a_flush_costs_three_statements_whatever_its_size(database, settings, stream, owners):
    own(database, make_tenant(database), *ALL_NUMBERS)
    told = arriving(messages("d-reconnect-full"))
    send(stream, told)
    flush_calls(database, settings, stream, owners)  # the cache is warm now
    counts = {}
    for size in (4, 60):
        linked_ids = sorted(rows(told))[:size]
        with database.transaction() as connection:
            connection.execute("TRUNCATE call_logs, call_quarantine")
        only = [(m, at) for m, at in told if m.fields.get("Linkedid") in linked_ids]
        send(stream, only)
        shards = sum(length > 0 for length in stream.lengths())
        with count_statements() as count:
            outcome = flush_calls(database, settings, stream, owners)
        assert (outcome.calls, outcome.ended) == (size, size)
        counts[size] = count.statements / shards
    assert counts[60] <= 3
    assert counts[4] <= 3
    assert owners.cache.statistics.misses < 100


def test_replays_write_nothing(database, settings, stream, owners):
    own(database, make_tenant(database), *ALL_NUMBERS[:40])
    told = arriving(messages("a-mixed20"))
    send(stream, told)
    flush_calls(database, settings, stream, owners)

    def versions():
        with database.transaction() as connection:
            return connection.execute(
                "SELECT unique_id, xmin::text FROM call_logs"
                " UNION ALL SELECT unique_id, xmin::text FROM call_quarantine ORDER BY 1"
            ).fetchall()

    before = versions()
    assert len(before) == 20
    send(stream, told, batch=300)
    flush_calls(database, settings, stream, owners)
    assert versions() == before


def test_what_a_killed_flush_had_taken_is_taken_again(database, settings, stream, owners):
    send(stream, arriving(messages("a-mixed20")))
    for shard in range(SHARDS):
        assert stream.take(shard)[0]  # and its worker is gone
    flush_calls(database, settings, stream, owners)
    assert len(stored(database)) == 20


def test_a_failed_commit_forgets_nothing(database, settings, stream, owners, monkeypatch):
    send(stream, arriving(messages("a-mixed20")))
    before = stream.lengths()
    with monkeypatch.context() as broken:
        broken.setattr("db.queries.calls.logs.write_calls", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flush_calls(database, settings, stream, owners)
    assert stream.lengths() == before
    flush_calls(database, settings, stream, owners)
    assert len(stored(database)) == 20


def test_calls_on_a_number_nobody_owns_wait_for_their_tenant(database, settings, stream, owners):
    told = arriving(messages("a-mixed20"))
    half = len(told) // 2
    reader = send(stream, told[:half])
    flush_calls(database, settings, stream, owners)
    assert {row["tenant_id"] for row in stored(database).values()} == {None}

    tenant_id = make_tenant(database)
    own(database, tenant_id, *ALL_NUMBERS)  # in the middle of some
    assert claim_calls(database, stream) > 0
    send(stream, told[half:], reader=reader)
    flush_calls(database, settings, stream, owners)
    found = stored(database)
    assert len(found) == 20
    owned = [row for row in found.values() if row["did"]]
    assert {row["tenant_id"] for row in owned} == {tenant_id}
    assert len(owned) == 19
    expected = rows(told)
    assert {k: (r["status"], r["disposition"]) for k, r in found.items()} == {
        k: (r.status, r.disposition) for k, r in expected.items()
    }
    assert claim_calls(database, stream) == 0


def test_contacts_and_agents_are_found(database, settings, stream, owners):
    tenant_id = make_tenant(database)
    own(database, tenant_id, *ALL_NUMBERS)
    with database.transaction() as connection:
        contact_id = connection.execute(
            "INSERT INTO contacts (tenant_id, phone_number) VALUES (%s, '+491510000001')"
            " RETURNING id",
            [tenant_id],
        ).fetchone()[0]
        agent_id = connection.execute(
            "INSERT INTO agents (tenant_id, name, extension) VALUES (%s, 'Anna', '206')"
            " RETURNING id",
            [tenant_id],
        ).fetchone()[0]
    make_contacts(database, tenant_id, 3)
    send(stream, arriving(messages("a-mixed20")))
    flush_calls(database, settings, stream, owners)
    row = stored(database)["1795311959.0"]
    assert (row["contact_id"], row["agent_id"]) == (contact_id, agent_id)


def test_calls_a_pbx_names_no_more_are_closed_and_marked(database, settings, stream, owners):
    told = [
        (m, at)
        for m, at in arriving(messages("a-mixed20"))
        if "Timestamp" in m.fields and float(m.fields["Timestamp"]) < 1795311972
    ]
    send(stream, told)
    flush_calls(database, settings, stream, owners)
    goes_on = {linked for linked, row in stored(database).items() if row["status"] != "ENDED"}
    assert len(goes_on) > 5
    alive = min(goes_on)
    began_later = max(goes_on)
    at = stored(database)[began_later]["started_at"]
    stream.send([census_of("pbx", [alive], at), census_of("other-pbx", [], at + 60)])
    while any(stream.lengths()):
        flush_calls(database, settings, stream, owners)
    found = stored(database)
    closed = {linked for linked, row in found.items() if row["unknown_end"]}
    assert closed == goes_on - {alive, began_later}
    assert {found[linked]["status"] for linked in closed} == {"ENDED"}
    assert found[alive]["status"] != "ENDED"


def test_an_entry_that_makes_no_sense_holds_up_no_other(database, settings, stream, owners):
    key = CallKey("pbx", "1795311959.1000")
    near = next(
        CallKey("pbx", f"1795311959.{n}")
        for n in range(2000, 3000)
        if shard_of(CallKey("pbx", f"1795311959.{n}")) == shard_of(key)
    )
    stream.send(
        [
            Entry(key, Stage.OVER, "no json"),
            entry_of(key, Stage.OVER, {"leg|x": [0]}),
            entry_of(key, Stage.OVER, {"hangup|x": ["y", {}]}),
            entry_of(near, Stage.OVER, {"leg|" + near.unique_id: [0, 1795311959.5, *"abcdef"]}),
        ]
    )
    flush_calls(database, settings, stream, owners)
    assert stream.lengths() == [0, 0]
    assert near.unique_id in stored(database)


def test_changes_wait_for_each_other_and_an_end_does_not(database, settings, stream, owners):
    patient = settings.model_copy(
        update={"call_debounce_ms": 60_000, "call_debounce_max_ms": 120_000}
    )
    told = arriving(messages("a-mixed20"))
    linked = "1795311959.0"
    mine = [(m, at) for m, at in told if m.fields.get("Linkedid") == linked]
    send(stream, mine[:-1])
    flush_calls(database, patient, stream, owners)
    assert stored(database) == {}
    assert sum(stream.lengths()) == 1
    reader = Reader(ZoneInfo("UTC"))
    for message, at in mine:
        reader.read(message, at)
    stream.send(fold("pbx", reader))
    assert flush_calls(database, patient, stream, owners).calls == 1
    assert stored(database)[linked]["status"] == "ENDED"


def dialed(database, count):
    """Calls of a campaign that are being dialed: their channels' names, and contacts."""
    tenant_id = make_tenant(database)
    make_contacts(database, tenant_id, count)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO call_queue (tenant_id, contact_id, to_number, from_number, state,"
            " attempts, channel_id, lease_until, pbx)"
            " SELECT c.tenant_id, c.id, c.phone_number, '+15550009999', 'DIALING', 1, 'x',"
            " now() + interval '5 min', 'pbx' FROM contacts AS c",
        )
        return tenant_id, connection.execute(
            "UPDATE call_queue SET channel_id = translate(tenant_id::text, '-', '') || '-'"
            " || translate(id::text, '-', '') || '-1' RETURNING channel_id, contact_id"
        ).fetchall()


def outbound(channel_id, *, answered=True):
    facts = {
        f"leg|{channel_id}": [0, 1795311959.5, "PJSIP/t-1", "", "", "s", "trunkline", ""],
        f"dial||{channel_id}": [1795311959.6, "", ""],
        f"dialend||{channel_id}": [1795311965.0, "ANSWER" if answered else "BUSY", ""],
        f"hangup|{channel_id}": [1795311969.5, "16" if answered else "17", "Text"],
    }
    return facts | ({f"up|{channel_id}": [1795311965.0]} if answered else {})


def test_what_became_of_dialed_calls_is_applied_in_few_statements(
    database, settings, stream, owners
):
    tenant_id, channels = dialed(database, 40)
    counts = {}
    for part in (channels[:4], channels[4:]):
        stream.send(
            [
                entry_of(CallKey("pbx", uid), Stage.OVER, outbound(uid, answered=place % 2 == 0))
                for place, (uid, _) in enumerate(part)
            ]
        )
        shards = sum(length > 0 for length in stream.lengths())
        with count_statements() as count:
            flush_calls(database, settings, stream, owners)
        counts[len(part)] = count.statements / shards
    assert max(counts.values()) <= 8, counts
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT l.tenant_id, l.direction, l.to_number = c.phone_number, l.from_number,"
            " l.disposition, q.state, q.outcome, count(*)"
            " FROM call_logs l JOIN contacts c ON c.tenant_id = l.tenant_id AND c.id = l.contact_id"
            " JOIN call_queue q ON q.tenant_id = l.tenant_id AND q.channel_id = l.unique_id"
            " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 5"
        ).fetchall()
    common = (tenant_id, "outbound", True, "+15550009999")
    assert rows == [
        (*common, "ANSWERED", "DONE", "answered", 20),
        (*common, "BUSY", "DONE", "busy", 20),
    ]
