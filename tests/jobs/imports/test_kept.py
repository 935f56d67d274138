import os
import uuid
from pathlib import Path

import pytest

from db.queries.runs import get_run
from jobs.imports import KIND, UnreadableFileError, keep_file
from jobs.imports.kept import STRAY_AFTER_S, sweep_files
from jobs.runs import cancel, enqueue, run_next
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
        return enqueue(connection, tenant_id, KIND.name, args)


def do(database, settings, run_id):
    run_next(database, settings, {KIND.name: KIND})
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
    folder = settings.kept_files
    assert sorted(str(file) for file in folder.iterdir()) == sorted([first, second])
    kept = folder / first
    assert kept.read_bytes() == path.read_bytes()
    assert kept.suffix == ".csv"
    assert uuid.UUID(kept.stem).version == 7


def test_a_file_that_cannot_be_kept_leaves_nothing(settings, tmp_path):
    with pytest.raises(UnreadableFileError, match=r"none\.csv: can't be read: no such file"):
        keep_file(settings, tmp_path / "none.csv")
    assert list(settings.kept_files.iterdir()) == []


@pytest.mark.parametrize("there_already", [False, True])
def test_nobody_else_can_read_it(settings, path, there_already):
    before = os.umask(0)
    try:
        if there_already:
            settings.kept_files.mkdir(parents=True, mode=0o755)
        kept = Path(keep_file(settings, path))
    finally:
        os.umask(before)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_folder_of_the_operators_keeps_its_rights(settings, path, tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o2770)
    kept = Path(keep_file(settings.model_copy(update={"files_dir": folder}), path))
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o7777) == (0o600, 0o2770)


def test_it_goes_when_its_import_has_succeeded(database, settings, tenant_id, path):
    kept = Path(keep_file(settings, path))
    assert do(database, settings, put(database, tenant_id, kept)) == "succeeded"
    assert not kept.exists()
    assert path.exists()


def test_it_goes_when_its_import_has_failed(database, settings, tenant_id, path):
    path.write_bytes(b"name\nAnn\n")
    kept = Path(keep_file(settings, path))
    assert do(database, settings, put(database, tenant_id, kept)) == "failed"
    assert not kept.exists()


def test_it_stays_while_there_is_another_try(database, settings, tenant_id, path):
    kept = Path(keep_file(settings, path))
    with database.transaction() as connection:
        connection.execute("ALTER TABLE contacts ADD CHECK (phone_number = '')")
    assert do(database, settings, put(database, tenant_id, kept)) == "queued"
    assert kept.exists()


def test_files_that_others_named_are_theirs(database, settings, tenant_id, path):
    settings.kept_files.mkdir(parents=True)
    ours_by_place = settings.kept_files / "list.csv"
    ours_by_name = path.with_name(f"{uuid.uuid4()}.csv")
    for file in (path, ours_by_place, ours_by_name):
        file.write_bytes(TEXT.encode())
        assert do(database, settings, put(database, tenant_id, file)) == "succeeded"
        assert file.exists()


def test_the_sweep_takes_what_no_unfinished_run_needs(database, settings, tenant_id, path):
    needed, cancelled, never, fresh = (Path(keep_file(settings, path)) for _ in range(4))
    put(database, tenant_id, f"/mounted/elsewhere/{needed.name}")
    run_id = put(database, tenant_id, cancelled)
    with database.transaction() as connection:
        assert cancel(connection, tenant_id, run_id)
    begun = needed.with_name(f".{uuid.uuid4()}.csv.part")
    theirs = needed.with_name("list.csv")
    for file in (begun, theirs):
        file.touch()
    age(needed, cancelled, never, begun, theirs)
    assert swept(database, settings) == 3
    assert set(settings.kept_files.iterdir()) == {needed, fresh, theirs}
    assert swept(database, settings) == 0


def test_there_may_be_no_folder_to_sweep(database, settings):
    assert swept(database, settings) == 0
