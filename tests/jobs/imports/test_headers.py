import pytest

from jobs.imports.aliases import ALIASES
from jobs.imports.headers import map_header, normal


@pytest.mark.parametrize(
    "name",
    [
        *("phone", "Phone Number", " PHONE_NUMBER ", "phone-no.", "Mobile", "Téléphone", "MSISDN"),
        *("Mobile No.", "Mobile No", "Contact No", "Contact No.", "Telefonnummer", "Rufnummer"),
        *("MobilePhone", "phone1", "Phone (mobile)", "phone_e164", "WhatsApp", "WhatsApp Number"),
        *("Mobil", "Mobiltelefon", "Celular", "Numéro de téléphone", "電話番号", "ph", "to"),
        *("Phone 2 - Value", "Mobile Phone Number", "SMS Phone", "Company Main Phone", "Tél."),
        *("Home Phone 2", "OtherPhone", "Assistant's Phone", "Móvil", "Tel. mobil", "phoneNumber"),
        *(
            "Phone (with country code)",
            "Номер телефона",
            "Handy-Nr.",
            "Cell #",
            "휴대폰",
            "Phone No.",
        ),
        *("number", "Contact Number", "Handynummer", "Business Phone", "home phone", "Teléfono"),
    ],
)
def test_spellings_of_one_column(name):
    assert map_header(["x", name]).known == {"phone": 1}


@pytest.mark.parametrize(
    "name",
    [
        *("Phone 1 - Type", "Phone Type", "Fax", "Home Fax", "Mobile Opt-In", "phone_verified"),
        *("Phone Country Code", "Number of employees", "Mobility", "Hotel", "contact", "Title"),
    ],
)
def test_what_tells_of_a_phone_is_none(name):
    assert map_header([name, "email"]) is None


def test_a_mobile_is_likelier_than_another_phone_and_that_than_one_at_work():
    assert map_header(["BusinessPhone", "Telefonnummer", "Handy-Nr."]).known == {"phone": 2}
    assert map_header(["Office Mobile", "Telefonnummer"]).known == {"phone": 1}
    assert map_header(["Phone 2 - Value", "Phone 3 - Value"]).known == {"phone": 0}


def test_the_likelier_of_two_columns_wins_and_the_other_is_kept():
    columns = map_header(["Work Phone", "Mobile", "E-mail", "", "Plan", "plan", "Plan"])
    assert columns.known == {"phone": 1, "email": 2}
    assert columns.attributes == (
        ("Work Phone", 0),
        ("column 4", 3),
        ("Plan", 4),
        ("plan", 5),
        ("Plan 2", 6),
    )
    assert columns.width == 7


def test_without_a_phone_column_there_is_nothing_to_import():
    assert map_header(["name", "email"]) is None


def test_aliases_are_written_as_they_are_looked_up_and_mean_one_thing():
    aliases = [alias for names in ALIASES.values() for alias in names]
    assert aliases == [normal(alias) for alias in aliases]
    assert len(aliases) == len(set(aliases))
