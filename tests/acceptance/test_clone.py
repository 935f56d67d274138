"""What a fresh clone holds is enough, for a user who has nothing and may nothing."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from standalone.servers import temporary_state

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).resolve().parents[2]
BARE_PATH = "/usr/bin:/bin"


@pytest.fixture
def account():
    """Arguments of subprocess that make root an ordinary user."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@pytest.fixture
def place():
    with temporary_state() as folder:
        yield folder


@pytest.fixture
def clone(place, account):
    """The tracked files alone, in a folder of the user's own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    folder = place / "clone"
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    if account:
        subprocess.run(["chown", "-R", f"{account['user']}:{account['group']}", folder], check=True)
    return folder


def may(account, flag, path):
    return subprocess.run(["test", flag, path], check=False, **account).returncode == 0


@pytest.fixture
def python(place, account):
    """(interpreter, its environment): ours, or a copy of it where ours is private."""
    packages = sysconfig.get_path("purelib")
    if not may(account, "-r", f"{packages}/psycopg/__init__.py"):
        pytest.skip("the virtual environment is private")
    own = os.path.realpath(sys.executable)
    if may(account, "-x", own):
        return sys.executable, {}
    copied = place / "python"
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        copied / library.relative_to(sys.base_prefix),
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__", "config-*"),
    )
    folder, shared = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    for found in Path(folder).glob(shared):
        shutil.copy(found, copied / "lib")
    (copied / "bin").mkdir()
    return shutil.copy(own, copied / "bin"), {"LD_LIBRARY_PATH": str(copied / "lib")}


def test_the_demo_runs_from_the_tracked_files_as_an_ordinary_user(clone, python, account):
    interpreter, environment = python

    def run(*words):
        return subprocess.run(
            [interpreter, *words],
            cwd=clone,
            env=environment
            | {
                "PATH": BARE_PATH,
                "PYTHONPATH": f"{clone}:{sysconfig.get_path('purelib')}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            **account,
        )

    where = run("-c", "import cli.main, os; print(os.getuid(), cli.main.__file__)")
    assert where.stdout.split() == [
        str(account.get("user", os.getuid())),
        str(clone / "cli" / "main.py"),
    ], where.stderr

    demo = run("-m", "cli.main", "demo", "--once", "--json", "--contacts", "200")

    assert (demo.returncode, demo.stderr) == (0, "")
    summary = json.loads(demo.stdout)
    assert summary["ok"]
    assert summary["contacts"]["imported"] == 200
    assert summary["gateway"]["exact"]
