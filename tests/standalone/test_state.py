import os
import socket
from pathlib import Path

import pytest

from standalone.ports import accepts_connections, free_port, is_free
from standalone.state import (
    StandaloneError,
    hold_state,
    is_held,
    keep_identity,
    load_identity,
    write_private,
)


def test_a_folder_is_held_by_one(tmp_path):
    folder = tmp_path / "new" / "state"
    assert not is_held(folder)
    with hold_state(folder) as held:
        assert held == folder.resolve()
        assert is_held(folder)
        with pytest.raises(StandaloneError, match="already runs"), hold_state(folder):
            pass
    assert not is_held(folder)


def test_asking_whether_it_is_held_does_not_keep_anybody_out(tmp_path):
    with hold_state(tmp_path):
        pass
    for _ in range(50):
        assert not is_held(tmp_path)
        with hold_state(tmp_path):
            assert is_held(tmp_path)


def test_a_folder_that_cannot_be_used_is_told_by_the_name_of_its_setting(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for folder, reason in (
        (file, "is a file"),
        (file / "below", "can't be made: Not a directory"),
        (Path("/proc/nowhere"), "can't be made: No such file"),
    ):
        with (
            pytest.raises(StandaloneError, match=f"^STATE_DIR={folder} {reason}"),
            hold_state(folder),
        ):
            pass
    locked = tmp_path / "locked"
    (locked / "lock").mkdir(parents=True)
    with (
        pytest.raises(StandaloneError, match=f"^STATE_DIR={locked} can't be used: Is a directory"),
        hold_state(locked),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_our_own_folder_that_is_read_only_does_not_belong_to_another(tmp_path):
    tmp_path.chmod(0o555)
    with (
        pytest.raises(StandaloneError, match="can't be used: Permission denied"),
        hold_state(tmp_path),
    ):
        pass


def test_a_private_file_is_replaced_whole(tmp_path):
    path = tmp_path / "secret"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_identity_keeps_its_password_and_its_port_while_that_is_free(tmp_path):
    path = tmp_path / "server.json"
    first = keep_identity(path)
    assert keep_identity(path) == first == load_identity(path)
    assert is_free(first.port)


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path):
    path = tmp_path / "server.json"
    first = keep_identity(path)
    with socket.create_server(("127.0.0.1", first.port)):
        assert accepts_connections(first.port)
        second = keep_identity(path)
    assert second.port != first.port
    assert second.password == first.password


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": "x"}'])
def test_a_broken_identity_counts_as_none(tmp_path, text):
    path = tmp_path / "server.json"
    path.write_text(text)
    assert load_identity(path) is None


def test_free_ports_are_not_those_the_kernel_gives_to_clients():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < first for _ in range(20))
