"""Columns of phone numbers under names nobody has listed: what the words of a name tell."""

from collections.abc import Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The likeliest to take an SMS first. Written as the header's names are: small, without accents.
_PHONE_WORDS = (
    _words(
        "mobile mobil mob cell cells cellular celular cellulare cellphone cellulaire portable "
        "movil telemovel telemovil handy handynummer handynr mobilnummer mobilnr mobiltelefon "
        "mobilfunk mobilfunknummer mobilephone mobileno mobilenumber mobiel mobieltje gsm "
        "mobilni mobilny matkapuhelin matkapuhelinnumero kannykka komorka komorkowy natel "
        "ceptelefonu mobitel mobiltelefonnummer mobilszam κινητο мобилен"
    ),
    _words("whatsapp msisdn"),
    _words(
        "phone phones phonenumber phoneno phonenum telephone telephonenumber tel telno tlf tlfn "
        "telefon telefonnummer telefonnr telefono telefone telefoon telefoonnummer rufnummer "
        "fon fono puhelin puhelinnumero landline ph telefonszam telefonas telefons telefona "
        "telefonu telefoninumber festnetz festnetznummer"
    ),
)
_PHONE_NAMES = frozenset({"number", "contact number", "contact no", "contact nr", "to"})
_PHONE_SIGNS = ("電話", "携帯", "电话", "手机", "телефон", "мобильн", "전화", "휴대", "τηλεφ")
# Phone Type or Mobile Opt-In tell of a phone without being one …
_NO_PHONE = _words(
    "type label fax verified valid validity validated opt optin optout consent status carrier "
    "provider country code prefix ext extension date time model os app version plan network "
    "user usage visits device id cost bill calls count source area permission subscribed typ"
)
_WITH = _words("with incl including inkl mit")  # … but Phone (with country code) is.
_SECOND_CHOICE = _words(
    "home work business office other company main assistant secondary alternate alternative "
    "radio car tty tdd callback privat private geschaftlich dienstlich maison bureau casa "
    "landline festnetz festnetznummer fixe fijo fisso fixo"
)


def rank_phone_columns(names: Sequence[str]) -> list[int]:
    """The positions of the columns whose names hold a word for a phone, the likeliest first."""
    ranks = {
        position: rank
        for position, name in enumerate(names)
        if (rank := _rank(name.replace("whats app", "whatsapp"))) is not None
    }
    return sorted(ranks, key=lambda position: (ranks[position], position))


def _rank(name: str) -> tuple[bool, int] | None:
    """Smaller is likelier; None if it is no phone's."""
    words = frozenset(name.split())
    if words & _NO_PHONE and not words & _WITH:
        return None
    for rank, known in enumerate(_PHONE_WORDS):
        if words & known:
            return (bool(words & _SECOND_CHOICE), rank)
    if name in _PHONE_NAMES or any(sign in name for sign in _PHONE_SIGNS):
        return (False, len(_PHONE_WORDS))
    return None
