"""A process that reads tables through its caches: asked on stdin, it answers on stdout.

A question is ``TABLE TENANT``, the answer a line of JSON; the first line says that it listens.
"""

import json
import sys
import time
from uuid import UUID

from config.settings import load_settings
from db.cache.cache import as_it_is
from db.cache.listener import keep_caches
from db.engine import open_database

TABLES = ("tenants", "journey_nodes", "services", "inbound_agent_config", "org_settings")


def main():
    settings = load_settings()
    database = open_database(settings)
    caches = {
        table: database.caches.make(
            table, as_it_is, maxsize=9, ttl_s=600, tables=(table,), tenant_of=UUID, rows=str
        )
        for table in TABLES
    }
    listener = keep_caches(database, settings)
    while not database.caches.trusted():
        time.sleep(0.01)
    say("listens")
    for line in sys.stdin:
        table, tenant_id = line.split()
        say(caches[table].get_or_load(tenant_id, lambda t=table, i=tenant_id: read(database, t, i)))
    listener.stop()
    database.close()


def read(database, table, tenant_id):
    column = "id" if table == "tenants" else "tenant_id"
    with database.transaction() as connection:
        return connection.execute(
            f"SELECT coalesce(jsonb_agg(x ORDER BY x::text)::text, '') FROM {table} AS x"
            f" WHERE {column} = %s",
            [tenant_id],
        ).fetchone()[0]


def say(value):
    print(json.dumps(value), flush=True)  # noqa: T201 - what this process is for


if __name__ == "__main__":
    main()
