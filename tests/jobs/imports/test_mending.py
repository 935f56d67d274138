from tests.factories import make_tenant
from tests.jobs.imports.mending import import_and_mend


def test_a_tenth_of_bad_rows_is_mended_and_imported(database, settings, tmp_path):
    settings = settings.model_copy(update={"import_chunk_rows": 700})
    import_and_mend(database, settings, make_tenant(database), tmp_path, 4_000)
