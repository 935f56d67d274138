"""The account Postgres runs under: it refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from standalone.state import StandaloneError

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def unprivileged_account(data_dir: Path) -> Account | None:
    """Whom to run Postgres as: None (ourselves) unless we are root.

    Root takes the owner of data that is there already, else an account every system has.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists():
        owner = data_dir.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StandaloneError(
        f"Postgres doesn't run as root, and there is no account {' or '.join(_CANDIDATES)}"
    )


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether ``account`` reaches ``folder`` through all its parents (tried, not computed)."""
    return _permitted(account, 'cd "$1"', folder)


def can_execute(account: Account | None, program: Path) -> bool:
    """Whether ``account`` may run ``program`` and read what lies beside it."""
    return _permitted(account, 'test -x "$1" && ls "${1%/*}" >/dev/null', program)


def _permitted(account: Account | None, test: str, path: Path) -> bool:
    if account is None:
        return True
    shell = ["/bin/sh", "-c", test, "sh", str(path)]
    return (
        subprocess.run(
            shell,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ).returncode
        == 0
    )
