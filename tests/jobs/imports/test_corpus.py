import json

import pytest

from jobs.imports import UnreadableFileError, inspect_file
from jobs.imports.rows import RowReader
from tests.jobs.imports.corpus import CORPUS


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_file_that_customers_send(tmp_path, case):
    path = tmp_path / "upload"
    path.write_bytes(case.data)
    if case.refusal is not None:
        with pytest.raises(UnreadableFileError) as error:
            inspect_file(path, "list", mapping=case.mapping)
        assert str(error.value) == f"list: {case.refusal}"
        return
    file = inspect_file(path, "list", mapping=case.mapping)
    assert (file.encoding, file.delimiter, file.header_line) == (
        case.encoding,
        case.delimiter,
        case.header_line,
    )
    reader = RowReader(file.columns, "US")
    with file.records() as records:
        read = [(record, reader.read(record)) for record in records]
    rows = [row for _, row in read]
    contacts = [row for row in rows if row.reason is None]
    assert [(row.phone_number, row.first_name) for row in contacts] == list(case.contacts)
    assert {row.line_number: row.reason for row in rows if row.reason} == dict(case.rejected)
    if case.attributes is not None:
        assert json.loads(contacts[0].attributes) == dict(case.attributes)
    assert [reader.phone_of(record) for record, _ in read] == [row.phone_number for row in rows]


def test_there_are_enough_of_them_and_each_has_its_reason():
    assert len(CORPUS) >= 40
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    assert all(case.why for case in CORPUS)
