"""Files to import, and their imports done to the end."""

import csv

from jobs.imports import CONTACTS, DIDS, keep_file
from jobs.runs import enqueue, run_next

KINDS = {kind.name: kind for kind in (CONTACTS, DIDS)}
PARTS = ("created", "updated", "skipped", "duplicates", "rejected")


def phone(number):
    return f"+1212555{number:04}"


def write_csv(path, rows, header=("phone", "first_name"), **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **options)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def start(database, settings, tenant_id, path, kind=CONTACTS, **args):
    """Keep the file and enqueue its import; returns the run's id."""
    kept = keep_file(settings, path)
    with database.transaction() as connection:
        return enqueue(
            connection, tenant_id, kind.name, {"file": kept, "filename": path.name, **args}
        )


def fetch(database, query, *params):
    with database.transaction() as connection:
        return connection.execute(query, params).fetchall()


def run_of(database, run_id):
    """(state, result, error, progress_done, progress_total)"""
    return fetch(
        database,
        "SELECT state, result, error, progress_done, progress_total FROM job_runs WHERE id = %s",
        run_id,
    )[0]


def import_file(database, settings, tenant_id, path, kind=CONTACTS, **args):
    """Import to the end; returns (run id, result), whose counts add up."""
    run_id = start(database, settings, tenant_id, path, kind, **args)
    while run_next(database, settings, KINDS, run_id).worked:
        pass
    state, result, error, *_ = run_of(database, run_id)
    assert (state, error) == ("succeeded", None)
    assert result["read"] == sum(result[part] for part in PARTS)
    assert result["rejected"] == sum(result["rejected_reasons"].values())
    return run_id, result
