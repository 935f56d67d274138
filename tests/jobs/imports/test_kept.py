import os
import uuid
from pathlib import Path

import fsspec
import pytest

from config.settings import ConfigError
from db.queries.runs import get_run
from jobs.imports import CONTACTS, UnreadableFileError, keep_file
from jobs.imports import kept as kept_files
from jobs.imports.kept import STRAY_AFTER_S, drop_file, fetched, sweep_files
from jobs.runs import enqueue, run_next
from tests.factories import make_tenant

TEXT = "phone,first name\r\n+12125550123,Zoë Müller\r\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "My List.CSV"
    path.write_bytes(TEXT.encode())
    return path


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def put(database, tenant_id, file, **args):
    with database.transaction() as connection:
        args = {"file": str(file), "filename": "list.csv", **args}
        return enqueue(connection, tenant_id, CONTACTS.name, args)


def do(database, settings, run_id):
    run_next(database, settings, {CONTACTS.name: CONTACTS})
    with database.read() as connection:
        return get_run(connection, run_id).state


def swept(database, settings):
    with database.transaction() as connection:
        return sweep_files(connection, settings)["deleted"]


def age(*files):
    for file in files:
        os.utime(file, (0, file.stat().st_mtime - STRAY_AFTER_S - 1))


def test_a_kept_file_is_a_whole_copy_under_a_name_of_its_own(settings, path):
    first, second = keep_file(settings, path), keep_file(settings, path)
    assert first != second
    folder = Path(settings.kept_files)
    assert sorted(str(file) for file in folder.iterdir()) == sorted([first, second])
    kept = folder / first
    assert kept.read_bytes() == path.read_bytes()
    assert kept.suffix == ".csv"
    assert uuid.UUID(kept.stem).version == 7


def test_a_file_that_cannot_be_kept_leaves_nothing(settings, tmp_path):
    with pytest.raises(UnreadableFileError, match=r"none\.csv: can't be read: no such file"):
        keep_file(settings, tmp_path / "none.csv")
    assert not Path(settings.kept_files).exists()


@pytest.mark.parametrize("there_already", [False, True])
def test_nobody_else_can_read_it(settings, path, there_already):
    before = os.umask(0)
    try:
        if there_already:
            Path(settings.kept_files).mkdir(parents=True, mode=0o755)
        kept = Path(keep_file(settings, path))
    finally:
        os.umask(before)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_folder_of_the_operators_keeps_its_rights(settings, path, tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o2770)
    kept = Path(keep_file(settings.model_copy(update={"files_url": str(folder)}), path))
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o7777) == (0o600, 0o2770)


@pytest.mark.parametrize("content", [TEXT, "name\nAnn\n"])
def test_it_stays_when_its_import_has_ended(database, settings, tenant_id, path, content):
    path.write_text(content)
    kept = Path(keep_file(settings, path))
    ended = do(database, settings, put(database, tenant_id, kept))
    assert ended == ("succeeded" if content == TEXT else "failed")
    assert kept.read_bytes() == path.read_bytes()


def test_files_that_others_named_are_theirs(database, settings, path):
    folder = Path(settings.kept_files)
    folder.mkdir(parents=True)
    ours_by_place = folder / "list.csv"
    ours_by_name = path.with_name(f"{uuid.uuid4()}.csv")
    for file in (path, ours_by_place, ours_by_name):
        file.write_bytes(TEXT.encode())
        age(file)
        drop_file(settings, str(file))
    assert swept(database, settings) == 0
    assert all(file.exists() for file in (path, ours_by_place, ours_by_name))


def test_the_sweep_takes_what_has_no_run_in_the_ledger(database, settings, tenant_id, path):
    waiting, done, pruned, never, fresh = (Path(keep_file(settings, path)) for _ in range(5))
    do(database, settings, put(database, tenant_id, done))
    put(database, tenant_id, f"/mounted/elsewhere/{waiting.name}")
    run_id = put(database, tenant_id, pruned)
    begun = waiting.with_name(f".{uuid.uuid4()}.csv.part")
    theirs = waiting.with_name("list.csv")
    for file in (begun, theirs):
        file.touch()
    age(waiting, done, pruned, never, begun, theirs)
    assert swept(database, settings) == 2
    with database.transaction() as connection:
        connection.execute("DELETE FROM job_runs WHERE id = %s", [run_id])
    assert swept(database, settings) == 1
    assert set(waiting.parent.iterdir()) == {waiting, done, fresh, theirs}
    assert swept(database, settings) == 0


@pytest.fixture
def elsewhere(settings):
    """Settings that keep files behind a URL: fsspec's file system in memory."""
    root = f"memory://{uuid.uuid4()}/imports"
    yield settings.model_copy(update={"files_url": root})
    system = fsspec.filesystem("memory")
    if system.exists(root):
        system.rm(root, recursive=True)


def test_a_file_behind_a_url_is_imported_from_there(database, elsewhere, tenant_id, path):
    kept = keep_file(elsewhere, path)
    assert kept.startswith(f"{elsewhere.files_url}/")
    with fsspec.open(kept, "rb") as file:
        assert file.read() == path.read_bytes()
    path.unlink()
    assert do(database, elsewhere, put(database, tenant_id, kept)) == "succeeded"
    with database.transaction() as connection:
        rows = connection.execute("SELECT phone_number, last_name FROM contacts").fetchall()
    assert len(rows) == 1
    fsspec.filesystem("memory").rm(kept)
    run_id = put(database, tenant_id, kept)
    assert do(database, elsewhere, run_id) == "failed"
    with database.read() as connection:
        assert get_run(connection, run_id).error == (
            "list.csv: can't be read: no such file or directory"
        )


def test_the_copy_of_a_file_behind_a_url_is_gone_afterwards(elsewhere, path):
    kept = keep_file(elsewhere, path)
    with fetched(kept, "list.csv", lambda: None) as copy:
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o600
    assert not copy.exists()


def test_the_sweep_finds_files_behind_a_url(database, elsewhere, tenant_id, path, monkeypatch):
    needed, stray = keep_file(elsewhere, path), keep_file(elsewhere, path)
    put(database, tenant_id, needed)
    assert swept(database, elsewhere) == 0  # too young
    monkeypatch.setattr(kept_files, "STRAY_AFTER_S", -1)
    assert swept(database, elsewhere) == 1
    system = fsspec.filesystem("memory")
    assert (system.exists(needed), system.exists(stray)) == (True, False)


def test_a_url_that_nothing_reads_is_named(settings, path):
    odd = settings.model_copy(update={"files_url": "gopher://hole"})
    with pytest.raises(ConfigError, match=r"FILES_URL: nothing here reads gopher://"):
        keep_file(odd, path)


def test_there_may_be_no_folder_to_sweep(database, settings):
    assert swept(database, settings) == 0
