"""What files call our columns, but for phone numbers (``jobs.imports.phone_headers``).

From exports of Google Contacts, Outlook, HubSpot, Salesforce and Mailchimp, and by the words of
the languages of Europe.
"""

# Ours → theirs, the likeliest first: of two columns that fit, the earlier name wins and the other
# is kept as an attribute. Written as ``jobs.imports.headers.normal`` makes them.
ALIASES: dict[str, tuple[str, ...]] = {
    "first_name": (
        *("first name", "firstname", "first", "given name", "givenname", "fname", "forename"),
        *("vorname", "prenom", "nombre", "primer nombre", "nombres", "nome", "primeiro nome"),
        *("voornaam", "fornamn", "fornavn", "etunimi", "imie", "jmeno", "krestni jmeno", "meno"),
        *("krstne meno", "keresztnev", "utonev", "prenume", "ime", "isim", "adı", "eesnimi"),
        *("vards", "vardas", "имя", "імʼя", "ім я", "име", "ονομα"),
    ),
    "last_name": (
        *("last name", "lastname", "last", "surname", "family name", "familyname", "lname"),
        *("nachname", "familienname", "zuname", "nom", "nom de famille", "apellido", "apellidos"),
        *("primer apellido", "cognome", "sobrenome", "ultimo nome", "achternaam", "efternamn"),
        *("etternavn", "efternavn", "sukunimi", "nazwisko", "prijmeni", "priezvisko"),
        *("vezeteknev", "csaladnev", "nume", "nume de familie", "prezime", "priimek", "soyad"),
        *("soyadı", "soyisim", "perekonnanimi", "uzvards", "pavarde", "фамилия", "прізвище"),
        *("επωνυμο", "επιθετο"),
    ),
    "email": (
        *("email", "e mail", "email address", "e mail address", "mail", "e mail 1 value"),
        *("email 1", "primary email", "emailaddress", "e mailadresse", "e mail adresse"),
        *("email adresse", "mailadresse", "correo", "correo electronico", "courriel"),
        *("adresse email", "adresse e mail", "adresse mail", "posta elettronica"),
        *("indirizzo email", "indirizzo e mail", "endereco de email", "e mailadres", "emailadres"),
        *("epost", "e post", "e postadress", "sahkoposti", "adres email", "adres e mail"),
        *("e posta", "eposta", "e mailova adresa", "почта", "электронная почта", "имеил"),
        *("ηλεκτρονικο ταχυδρομειο", "emailaddress 1", "mail address"),
    ),
    "company": (
        *("company", "company name", "organization", "organisation", "organization name"),
        *("organization 1 name", "business", "business name", "employer", "account name"),
        *("accountname", "companyname", "associated company", "firma", "firmenname"),
        *("unternehmen", "empresa", "nombre de la empresa", "societe", "entreprise"),
        *("raison sociale", "azienda", "societa", "ragione sociale", "bedrijf", "bedrijfsnaam"),
        *("foretag", "virksomhed", "firmanavn", "yritys", "nazwa firmy", "spolecnost"),
        *("spolocnost", "ceg", "cegnev", "companie", "tvrtka", "podjetje", "sirket", "ettevote"),
        *("компания", "организация", "компанія", "εταιρεια"),
    ),
    "timezone": (
        *("timezone", "time zone", "tz", "zeitzone", "fuseau horaire", "zona horaria"),
        *("fuso orario", "fuso horario", "tijdzone", "tidszon", "tidssone", "tidszone"),
        *("aikavyohyke", "strefa czasowa", "casove pasmo", "idozona", "часовои пояс"),
    ),
    "tags": (
        *("tags", "tag", "labels", "label", "groups", "group membership", "categories"),
        *("schlagworte", "schlagworter", "etiketten", "kategorien", "etiquetas", "etiquettes"),
        *("etichette", "etykiety", "stitky", "cimkek", "etiketter", "метки", "теги"),
    ),
}
