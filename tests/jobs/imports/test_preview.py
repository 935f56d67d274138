import json

import pytest

from jobs.imports import ImportArguments, UnreadableFileError, preview_file
from jobs.imports.preview import PreviewedColumn, PreviewedRow

TEXT = (
    "Contacts, spring\n"
    "Nr;Vorname;Handy;Festnetz;Kunde seit;Notiz;Tags\n"
    "1;Zoë;0151 12345678;;2020;x;a;\n"
    "2;Jörg;;030 123456;2021;;\n"
    "3;Ann;n/a;;2020;;\n"
)


def preview(tmp_path, text=TEXT, **mapping):
    path = tmp_path / "kept-0190"
    path.write_text(text, encoding="utf-8")
    arguments = ImportArguments(file=str(path), filename="list.csv", mapping=mapping)
    return preview_file(path, arguments, region="DE")


def test_what_an_import_would_do_is_shown(tmp_path):
    shown = preview(tmp_path, **{"Notiz": "ignore", "1": "attribute", "kunde SEIT": "company"})
    assert (shown.filename, shown.form, shown.encoding, shown.delimiter) == (
        *("list.csv", "text", "utf-8", ";"),
    )
    assert (shown.header_line, shown.lines, shown.sheet) == (2, 5, None)
    assert shown.columns == [
        PreviewedColumn(1, "Nr", "attribute", "asked", ["1", "2", "3"]),
        PreviewedColumn(2, "Vorname", "first_name", "name", ["Zoë", "Jörg", "Ann"]),
        PreviewedColumn(3, "Handy", "phone", "name", ["0151 12345678", "n/a"]),
        PreviewedColumn(4, "Festnetz", "phone", "name", ["030 123456"]),
        PreviewedColumn(5, "Kunde seit", "company", "asked", ["2020", "2021"]),
        PreviewedColumn(6, "Notiz", "ignore", "asked", ["x"]),
        PreviewedColumn(7, "Tags", "tags", "name", ["a"]),
    ]
    zoe = {"first_name": "Zoë", "company": "2020", "tags": ["a"], "attributes": {"Nr": "1"}}
    joerg = {"first_name": "Jörg", "company": "2021", "attributes": {"Nr": "2"}}
    assert shown.rows == [
        PreviewedRow(3, "+4915112345678", zoe, None),
        PreviewedRow(4, "+4930123456", joerg, None),
        PreviewedRow(5, None, {}, "phone is not a number"),
    ]


def test_it_can_be_sent_as_json(tmp_path):
    shown = preview(tmp_path)
    assert json.loads(json.dumps(shown.as_json()))["columns"][1]["field"] == "first_name"


@pytest.mark.parametrize(
    ("mapping", "wrong"),
    [
        ({"Nummer": "phone"}, "there is no column 'Nummer'"),
        ({"8": "phone"}, "there is no column '8'"),
        ({"Nr": "email", "Notiz": "email"}, "two columns are mapped to email"),
        ({"Nr": "ignore", "1": "attribute"}, "column 1 is mapped twice"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, mapping, wrong):
    with pytest.raises(UnreadableFileError) as error:
        preview(tmp_path, **mapping)
    has = "which has: Nr, Vorname, Handy, Festnetz, Kunde seit, Notiz, Tags"
    assert str(error.value) == f"list.csv: {wrong} (line 2), {has}"
