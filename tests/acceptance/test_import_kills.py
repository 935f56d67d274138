"""kill -9 of the worker in the middle of an import, again and again: nothing lost, nothing doubled.

The long form is in chaos_imports.py, which `make chaos` runs.
"""

import pytest

from standalone.servers import temporary_state
from tests.acceptance.conftest import running_stack
from tests.acceptance.import_kills import CHUNKS, SETTINGS, KilledImport

pytestmark = pytest.mark.acceptance

ROWS, KILLS = 20_000, 4


def test_an_import_survives_its_workers(tmp_path):
    size = {"IMPORT_CHUNK_ROWS": str(ROWS // CHUNKS)}
    with temporary_state() as folder, running_stack(folder, **SETTINGS, **size) as stack:
        killed = KilledImport(stack, tmp_path, ROWS)
        killed.kill(KILLS)
        killed.check()
