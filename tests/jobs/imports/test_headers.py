import pytest

from jobs.imports.aliases import ALIASES
from jobs.imports.headers import MappingError, map_header, normal


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
        *("CEP", "Ad", "Prix fixe"),
        *("Phone Country Code", "Number of employees", "Mobility", "Hotel", "contact", "Title"),
    ],
)
def test_what_tells_of_a_phone_is_none(name):
    assert map_header([name, "email"]) is None


def test_a_mobile_is_likelier_than_another_phone_and_that_than_one_at_work():
    assert map_header(["BusinessPhone", "Telefonnummer", "Handy-Nr."]).known == {"phone": 2}
    assert map_header(["Office Mobile", "Telefonnummer"]).known == {"phone": 1}
    assert map_header(["Phone 2 - Value", "Phone 3 - Value"]).known == {"phone": 0}
    assert map_header(["Téléphone fixe", "Téléphone"]).phones == (1, 0)


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


def test_what_is_asked_goes_before_names_and_is_that_fields_only_column():
    columns = map_header(["Mobile", "Nr", "E-mail", "No", "x"], {"nr": "phone", "5": "email"})
    assert columns.known == {"phone": 1, "email": 4}
    assert columns.phones == (1,)
    assert columns.attributes == (("Mobile", 0), ("E-mail", 2), ("No", 3))
    assert columns.how == {1: "asked", 4: "asked"}


def test_several_columns_may_be_asked_to_be_phones_in_the_order_they_are_to_be_tried():
    columns = map_header(["a", "b", "c"], {"c": "phone", "a": "phone", "b": "ignore"})
    assert columns.phones == (2, 0)
    assert columns.attributes == (("a", 0),)


def test_of_columns_with_one_name_each_is_asked_for_by_number():
    with pytest.raises(MappingError, match=r"several columns are called 'x': .* \(1, 3\)"):
        map_header(["x", "phone", "x"], {"x": "ignore"})
    assert map_header(["x", "phone", "x"], {"3": "ignore"}).attributes == (("x", 0),)
