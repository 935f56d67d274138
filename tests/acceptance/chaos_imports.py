"""The long forms, minutes each: `make chaos` runs them, the suite has their short ones."""

import pytest

from standalone.servers import temporary_state
from tests.acceptance.conftest import running_stack
from tests.acceptance.import_kills import CHUNKS, SETTINGS, KilledImport
from tests.factories import make_tenant
from tests.jobs.imports.mending import import_and_mend

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]

ROWS, KILLS = 200_000, 20


def test_an_import_survives_twenty_kills(tmp_path):
    size = {"IMPORT_CHUNK_ROWS": str(ROWS // CHUNKS)}
    with temporary_state() as folder, running_stack(folder, **SETTINGS, **size) as stack:
        killed = KilledImport(stack, tmp_path, ROWS)
        killed.kill(KILLS)
        killed.check()


def test_of_200_000_rows_a_tenth_is_mended(database, settings, tmp_path):
    import_and_mend(database, settings, make_tenant(database), tmp_path, ROWS)
