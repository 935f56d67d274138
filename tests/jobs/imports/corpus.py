"""Files as customers send them, each with why it is here and what is to come of it.

Small ones, made by code, so that every byte of them can be seen.
"""

import gzip
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from openpyxl import Workbook

ANN, BOB, CID = "+12125550123", "+12125550124", "+442079460958"


@dataclass(frozen=True)
class Case:
    """``contacts``: (phone, first name) of each row that is one, in order. ``rejected``: by line.

    ``attributes``: those of the first contact, if they are the point. ``refusal``: the sentence by
    which all of the file is refused, less its name; then nothing else is expected.
    """

    name: str
    why: str
    data: bytes
    contacts: Sequence[tuple[str, str | None]] = ()
    rejected: Mapping[int, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    header_line: int | None = 1
    attributes: Mapping[str, str] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    refusal: str | None = None


def text(*lines: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return "".join(line + end for line in lines).encode(encoding)


def packed(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def workbook(**sheets: Sequence[Sequence[object]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(file)
    return file.getvalue()


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006"
OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def raw_workbook(rows: str, strings: str = "", doctype: str = "") -> bytes:
    """A workbook by hand: the XML of its rows, and of the strings that they share."""
    parts = {
        "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
            <Default Extension="rels" ContentType="{PACKAGE}.relationships+xml"/>
            <Override PartName="/xl/workbook.xml" ContentType="{OFFICE}.sheet.main+xml"/>
            <Override PartName="/xl/sharedStrings.xml" ContentType="{OFFICE}.sharedStrings+xml"/>
            <Override PartName="/xl/worksheets/sheet1.xml" ContentType="{OFFICE}.worksheet+xml"/>
            </Types>""",
        "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1"
            Type="{DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
        "xl/workbook.xml": f"""<workbook xmlns="{MAIN}/main" xmlns:r="{DOCUMENT}"><sheets>
            <sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>""",
        "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
            <Relationship Id="r1" Type="{DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>
            <Relationship Id="r2" Type="{DOCUMENT}/sharedStrings" Target="sharedStrings.xml"/>
            </Relationships>""",
        "xl/sharedStrings.xml": f"""{doctype}<sst xmlns="{MAIN}/main">{strings}</sst>""",
        "xl/worksheets/sheet1.xml": f"""<worksheet xmlns="{MAIN}/main"><dimension ref="A1"/>
            <sheetData>{rows}</sheetData></worksheet>""",
    }
    return packed({name: part.encode() for name, part in parts.items()})


def shared(*texts: str) -> str:
    return "".join(f"<si><t>{text}</t></si>" for text in texts)


def locked(data: bytes) -> bytes:
    """An archive that says of its only file that it is encrypted."""
    broken = bytearray(data)
    broken[6] |= 1
    broken[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(broken)


TWO = [(ANN, "Ann"), (BOB, "Bob")]
ZOE = [(ANN, "Zoë"), (BOB, "Jörg")]
PLAIN = text("phone,first name", f"{ANN},Ann", f"{BOB},Bob")
UMLAUTS = ("phone,first name", f"{ANN},Zoë", f"{BOB},Jörg")
SLAVIC = ("Анна", "Дмитрий", "Екатерина", "Михаил", "Юрий")
BOOK = workbook(Contacts=[["phone", "first name"], [ANN, "Ann"], [BOB, "Bob"]])
QUOTE, NUL, MANY = (
    "a quote is never closed",
    "the row holds a NUL character",
    "the row has more fields than the header",
)
EMPTY, NO_NUMBER = "phone is empty", "phone is not a number"

ENCODINGS = [
    Case("utf-8", "as it should be", text(*UMLAUTS), ZOE),
    Case(
        "utf-8-sig",
        "Excel's CSV UTF-8 begins with a byte order mark, which is no part of the first name",
        text(*UMLAUTS, encoding="utf-8-sig"),
        ZOE,
        encoding="utf-8-sig",
    ),
    Case(
        "two-marks",
        "a program put a mark before a text that had one",
        b"\xef\xbb\xbf" + text(*UMLAUTS, encoding="utf-8-sig"),
        ZOE,
        encoding="utf-8-sig",
    ),
    Case(
        "utf-16",
        "Excel's Unicode text: UTF-16 with a mark, and tabs",
        text("phone\tfirst name", f"{ANN}\tZoë", f"{BOB}\tJörg", end="\r\n", encoding="utf-16"),
        ZOE,
        encoding="utf-16",
        delimiter="\t",
    ),
    Case(
        "utf-16-be-mark",
        "the other byte order, with its mark",
        b"\xfe\xff" + text(*UMLAUTS, encoding="utf-16-be"),
        ZOE,
        encoding="utf-16",
    ),
    Case(
        "utf-16-le",
        "UTF-16 whose mark was lost",
        text(*UMLAUTS, encoding="utf-16-le"),
        ZOE,
        encoding="utf-16-le",
    ),
    Case(
        "utf-16-be",
        "the same in the other byte order",
        text(*UMLAUTS, encoding="utf-16-be"),
        ZOE,
        encoding="utf-16-be",
    ),
    Case(
        "utf-16-cyrillic",
        "without a mark and with few NULs: only its digits and delimiters have them",
        text(
            "phone,имя",
            *(f"+1212555012{n},{name}" for n, name in enumerate(SLAVIC)),
            encoding="utf-16-le",
        ),
        [(f"+1212555012{n}", name) for n, name in enumerate(SLAVIC)],
        encoding="utf-16-le",
    ),
    Case(
        "utf-16-cut",
        "UTF-16 that ends in the middle of a character: its last row is damaged, no other",
        text(*UMLAUTS, encoding="utf-16")[:-3],
        [(ANN, "Zoë")],
        {3: "the row holds bytes that are not utf-16"},
        encoding="utf-16",
    ),
    Case(
        "cp1252",
        "what Excel in the West saves as CSV",
        text(*UMLAUTS, f"{CID},O’Neill", encoding="cp1252"),
        [*ZOE, (CID, "O’Neill")],
        encoding="cp1252",
    ),
    Case(
        "french-latin-1",
        "accents that guesses by frequency take for Czech",
        text("phone,prénom", f"{ANN},Hélène", f"{BOB},Françoise", encoding="latin-1"),
        [(ANN, "Hélène"), (BOB, "Françoise")],
        encoding="cp1252",
    ),
    Case(
        "cp1250",
        "Polish Excel",
        text("phone,imię", f"{ANN},Małgorzata", f"{BOB},Święta", encoding="cp1250"),
        [(ANN, "Małgorzata"), (BOB, "Święta")],
        encoding="cp1250",
    ),
    Case(
        "cp1251",
        "Russian Excel",
        text(
            "phone,имя",
            *(f"+1212555012{n},{name}" for n, name in enumerate(SLAVIC)),
            encoding="cp1251",
        ),
        [(f"+1212555012{n}", name) for n, name in enumerate(SLAVIC)],
        encoding="cp1251",
    ),
    Case(
        "koi8-r",
        "the same bytes would be Russian in cp1251 with capitals and small letters swapped",
        text(
            "phone,имя",
            *(f"+1212555012{n},{name}" for n, name in enumerate(SLAVIC)),
            encoding="koi8-r",
        ),
        [(f"+1212555012{n}", name) for n, name in enumerate(SLAVIC)],
        encoding="koi8_r",
    ),
    Case(
        "cp1253",
        "Greek Excel",
        text("phone,όνομα", f"{ANN},Γιώργος", f"{BOB},Ελένη", encoding="cp1253"),
        [(ANN, "Γιώργος"), (BOB, "Ελένη")],
        encoding="cp1253",
    ),
    Case(
        "cp1254",
        "Turkish Excel",
        text("phone,adı", f"{ANN},Gülşen", f"{BOB},Yılmaz", encoding="cp1254"),
        [(ANN, "Gülşen"), (BOB, "Yılmaz")],
        encoding="cp1254",
    ),
    Case(
        "cp850",
        "an export of the DOS age",
        text("phone,vorname", f"{ANN},Jürgen", f"{BOB},Käthe", encoding="cp850"),
        [(ANN, "Jürgen"), (BOB, "Käthe")],
        encoding="cp850",
    ),
    Case(
        "utf-8-and-cp1252",
        "two lists were pasted together: of UTF-8 with one foreign row, that row alone is refused",
        text(*UMLAUTS) + f"{CID},Müller\n".encode("cp1252"),
        ZOE,
        {4: "the row holds bytes that are not utf-8"},
    ),
    Case(
        "utf-8-late",
        "the first megabyte is ASCII, and what comes then is not the UTF-8 it was taken for",
        PLAIN + b"\n" * (1 << 20) + f"{CID},Zoë\n".encode("cp1252"),
        [*TWO, (CID, "Zoë")],
        encoding="cp1252",
    ),
]

LINES = [
    Case("cr", "Excel for Mac ends lines with CR alone", PLAIN.replace(b"\n", b"\r"), TWO),
    Case("crlf", "Windows", PLAIN.replace(b"\n", b"\r\n"), TWO),
    Case(
        "mixed-ends",
        "pasted together on three systems",
        f"phone,first name\r{ANN},Ann\r\n{BOB},Bob\n{CID},Cid".encode(),
        [*TWO, (CID, "Cid")],
    ),
    Case(
        "quoted-ends",
        "line ends within quotes are part of a field, and lines are counted none the less",
        f'phone,first name\n{ANN},"Ann\r\nMarie"\nx,Bob\n'.encode(),
        [(ANN, "Ann\r\nMarie")],
        {4: NO_NUMBER},
    ),
    Case(
        "blank-lines",
        "blank lines and rows of delimiters alone are no rows",
        text("", "phone,first name", "", f"{ANN},Ann", ",", " , ", f"{BOB},Bob", "", ""),
        TWO,
        header_line=2,
    ),
    Case("no-end", "the last line has no end", PLAIN.rstrip(b"\n"), TWO),
    Case(
        "control-z",
        "CP/M ended files so, and some programs still do",
        PLAIN + b"\x1a",
        TWO,
    ),
    Case(
        "nul-tail",
        "a crashed program left the space that it had asked for",
        PLAIN + bytes(300_000),
        TWO,
    ),
    Case(
        "nuls",
        "NULs within are dirt: those rows are refused, shown with a sign for it",
        text("phone,first name", f"{ANN},Ann", f"{BOB},B\0b"),
        [(ANN, "Ann")],
        {3: NUL},
    ),
    Case(
        "endless-line",
        "one line as long as a file: it is refused alone, and what follows is read",
        text("phone,first name", f"{ANN},Ann", "x" * 400_000, f"{BOB},Bob"),
        TWO,
        {3: "the row is longer than 100,000 characters"},
    ),
]

DELIMITERS = [
    Case("tab", "a .tsv", PLAIN.replace(b",", b"\t"), TWO, delimiter="\t"),
    Case("pipe", "a database's export", PLAIN.replace(b",", b"|"), TWO, delimiter="|"),
    Case(
        "semicolon",
        "Excel where the comma is in numbers",
        text("phone;first name;Umsatz", f"{ANN};Ann;1,5", f"{BOB};Bob;2,5"),
        TWO,
        delimiter=";",
        attributes={"Umsatz": "1,5"},
    ),
    Case(
        "more-commas",
        "commas in every row, more than semicolons: the header tells them apart",
        text("phone;first name;note", f"{ANN};Ann;a, b, c, d", f"{BOB};Bob;a, b, c, d"),
        TWO,
        delimiter=";",
        attributes={"note": "a, b, c, d"},
    ),
    Case(
        "declared",
        "Excel's own first line says what delimits",
        text("sep=;", "phone;first name", f"{ANN};Ann", f"{BOB};Bob"),
        TWO,
        delimiter=";",
        header_line=2,
    ),
    Case(
        "spaced",
        "written by hand, with a space before each quote",
        text('"phone", "first name"', f'"{ANN}", "Ann, dear"', f'"{BOB}", "Bob"'),
        [(ANN, "Ann, dear"), (BOB, "Bob")],
    ),
    Case(
        "one-column",
        "numbers alone, under a header",
        text("Phone", ANN, BOB),
        [(ANN, None), (BOB, None)],
    ),
]

QUOTES = [
    Case(
        "doubled",
        "a doubled quote is one",
        text("phone,first name", f'{ANN},"Ann ""the one"""'),
        [(ANN, 'Ann "the one"')],
    ),
    Case(
        "stray",
        "a quote within a field is one, and opens nothing",
        text("phone,first name", f'{ANN},5" Ann', f"{BOB},Bob"),
        [(ANN, '5" Ann'), (BOB, "Bob")],
    ),
    Case(
        "unclosed",
        "a quote that is opened and not closed costs its own row alone",
        text("first name,phone", f'"Ann,{ANN}', f"Bob,{BOB}"),
        [(BOB, "Bob")],
        {2: QUOTE},
    ),
    Case(
        "two-unclosed",
        "the second closes the first: two people would become one, and nobody would know",
        text("first name,phone", f'"Ann,{ANN}', f'"Bob",{BOB}', f"Cid,{CID}"),
        [(BOB, "Bob"), (CID, "Cid")],
        {2: QUOTE},
    ),
]

SHAPES = [
    Case(
        "preamble",
        "a report: title, date and a note come before the header",
        text(
            *('"Contacts, spring"', "Exported 2026-05-01,by hand", ""),
            *("phone,first name,city", f"{ANN},Ann,Bonn", f"{BOB},Bob,Köln"),
        ),
        TWO,
        header_line=4,
        attributes={"city": "Bonn"},
    ),
    Case(
        "preamble-of-phones",
        "the title has a word for a phone and isn't the header none the less",
        text("Phone list", "Phone,First name", f"{ANN},Ann", f"{BOB},Bob"),
        TWO,
        header_line=2,
    ),
    Case(
        "no-header",
        "rows from the first line on: what looks like a phone is one",
        text(f"Ann,{ANN},ann@example.com", f"Bob,{BOB},bob@example.com"),
        [(ANN, None), (BOB, None)],
        header_line=None,
        attributes={"column 1": "Ann"},
    ),
    Case(
        "numbers-alone",
        "not even a header",
        text(ANN, BOB),
        [(ANN, None), (BOB, None)],
        header_line=None,
    ),
    Case(
        "no-header-mapped",
        "without a header, columns are asked for by number",
        text(f"Ann,{ANN},2125550199", f"Bob,{BOB},2125550198"),
        TWO,
        header_line=None,
        mapping={"1": "first_name", "2": "phone", "3": "attribute"},
        attributes={"column 3": "2125550199"},
    ),
    Case(
        "no-header-two-phones",
        "nothing says which of the two it is to be",
        text("2125550123,2125550199", "2125550124,2125550198"),
        refusal="there is no header (line 1), and columns 1 and 2 all look like phone numbers: "
        "map one of them to phone, by its number",
    ),
    Case(
        "short-and-long",
        "missing cells are empty; one too many is refused, unless it is empty",
        text("phone,first name,city", ANN, f"{BOB},Bob,Bonn,", f"{CID},Cid,Bonn,more"),
        [(ANN, None), (BOB, "Bob")],
        {4: MANY},
    ),
    Case(
        "odd-names",
        "columns without a name, or with the same one, all are kept",
        text("phone,,Plan,Plan,", f"{ANN},a,b,c,d"),
        [(ANN, None)],
        attributes={"column 2": "a", "Plan": "b", "Plan 2": "c", "column 5": "d"},
    ),
    Case(
        "repeated-header",
        "two exports one below the other: the second header is no contact, and is told of",
        PLAIN + PLAIN.replace(b"0123", b"0125").replace(b"0124", b"0126"),
        [*TWO, ("+12125550125", "Ann"), ("+12125550126", "Bob")],
        {4: NO_NUMBER},
    ),
    Case(
        "mapped",
        "a column that nobody would take for a phone, and one that is not wanted",
        text("Kontakt,first name,Notiz", f"{ANN},Ann,x"),
        [(ANN, "Ann")],
        mapping={"KONTAKT": "phone", "3": "ignore"},
        attributes={},
    ),
]

EXPORTS = [
    Case(
        "google",
        "Google Contacts: numbered values, several in one cell, labels with stars",
        text(
            "First Name,Last Name,Labels,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,"
            "Phone 2 - Value,Organization Name",
            f"Ann,Lee,* myContacts ::: Friends,ann@example.com,Mobile,{ANN} ::: {CID},,Acme",
            f"Bob,Lee,,,Work,,{BOB},",
        ),
        TWO,
        attributes={
            "Phone 1 - Label": "Mobile",
            "Phone 1 - Value": f"{ANN} ::: {CID}",
        },
    ),
    Case(
        "outlook",
        "Outlook: four phones, of which the mobile is tried first and the business one last",
        text(
            "First Name,Last Name,Company,Business Phone,Home Phone,Mobile Phone,E-mail Address",
            f"Ann,Lee,Acme,{CID},,{ANN},ann@example.com",
            f"Bob,Lee,,,{BOB},none,",
        ),
        TWO,
        attributes={"Business Phone": CID},
    ),
    Case(
        "hubspot",
        "HubSpot: everything quoted, a record id that is no phone",
        text(
            '"Record ID","First Name","Last Name","Email","Phone Number","Time Zone"',
            '"4211234567","Ann","Lee","ann@example.com","(212) 555-0123","US/Eastern"',
            '"4211234568","Bob","Lee","","+1 212-555-0124 ext. 7",""',
        ),
        TWO,
        attributes={"Record ID": "4211234567"},
    ),
    Case(
        "salesforce",
        "Salesforce: names without spaces",
        text(
            '"FirstName","LastName","AccountName","Phone","MobilePhone"',
            f'"Ann","Lee","Acme","{CID}","{ANN}"',
            f'"Bob","Lee","Acme","{BOB}",""',
        ),
        TWO,
        attributes={"Phone": CID},
    ),
    Case(
        "mailchimp",
        "Mailchimp: tags with quotes of their own",
        text(
            '"Email Address","First Name","Phone","TAGS"',
            f'"ann@example.com","Ann","{ANN}","""vip"",""new"""',
            f'"bob@example.com","Bob","{BOB}",""',
        ),
        TWO,
    ),
    Case(
        "french",
        "a French list",
        text("Prénom;Nom;Téléphone portable;Téléphone fixe", f"Ann;Lee;{ANN};", f"Bob;Lee;;{BOB}"),
        TWO,
        delimiter=";",
    ),
    Case(
        "spreadsheet-damage",
        "what a spreadsheet did is undone where nothing is lost by it, and refused elsewhere",
        text(
            "phone,first name",
            "'+12125550123,a",
            '"=""+12125550124""",b',
            "2125550125.0,c",
            "1.2125550126E+10,d",
            "9.19E+11,e",
            "447911123456,f",
            "\u202a+1\xa0212\xa05550127\u202c,g",
            "＋１２１２５５５０１２８,h",
            "5550129,i",
        ),
        [
            ("+12125550123", "a"),
            ("+12125550124", "b"),
            ("+12125550125", "c"),
            ("+12125550126", "d"),
            ("+447911123456", "f"),
            ("+12125550127", "g"),
            ("+12125550128", "h"),
        ],
        {6: "phone was rounded by a spreadsheet", 10: "phone lacks its area code"},
    ),
]

PACKED = [
    Case("gzip", "packed as it is stored", gzip.compress(PLAIN), TWO),
    Case("zip", "packed for an email", packed({"list.csv": PLAIN}), TWO),
    Case(
        "zip-of-a-mac",
        "what macOS adds to an archive is no second file",
        packed({"f/": b"", "f/list": PLAIN, "__MACOSX/f/._list": b"x", ".DS_Store": b"x"}),
        TWO,
    ),
    Case(
        "zip-of-two",
        "nothing says which of the two it is to be",
        packed({"a": PLAIN, "b": PLAIN}),
        refusal="the zip archive holds 2 files (line 1): pack one alone",
    ),
    Case(
        "zip-of-none",
        "an empty archive",
        packed({}),
        refusal="the zip archive holds no files (line 1): pack one alone",
    ),
    Case(
        "zip-locked",
        "nobody told us the password",
        locked(packed({"list": PLAIN})),
        refusal="the zip archive is locked by a password (line 1)",
    ),
    Case(
        "zip-bomb",
        "32 MiB of nothing in 32 KiB",
        packed({"list": PLAIN + b"\n" * (32 << 20)}),
        refusal="unpacked, it has more than 200 times its size (line 1)",
    ),
    Case(
        "gzip-bomb",
        "gzip says beforehand neither how large it is nor how small",
        gzip.compress(PLAIN + b"\n" * (32 << 20)),
        refusal="unpacked, it has more than 200 times its size (line 1)",
    ),
    Case(
        "gzip-cut",
        "the upload broke off",
        gzip.compress(PLAIN * 9)[:-9],
        refusal="the archive is damaged after line 27",
    ),
    Case(
        "zip-in-gzip",
        "packed twice",
        gzip.compress(packed({"list": PLAIN})),
        refusal="this is a zip archive or an Excel workbook, not a CSV (line 1)",
    ),
]

WORKBOOKS = [
    Case("xlsx", "a workbook", BOOK, TWO, encoding="xlsx"),
    Case(
        "xlsx-numbers",
        "numbers, dates and truths are cells, too: 12125550123.0 is a phone with all its digits",
        workbook(
            Contacts=[
                ["phone", "first name", "since", "vip", "score"],
                [
                    12125550123.0,
                    "Ann",
                    date(2026, 5, 1),
                    True,
                    1.5,
                ],
                [4915112345678, "Bob", None, None, 2.0],
            ]
        ),
        [(ANN, "Ann"), ("+4915112345678", "Bob")],
        encoding="xlsx",
        attributes={"since": "2026-05-01", "vip": "TRUE", "score": "1.5"},
    ),
    Case(
        "xlsx-preamble",
        "a title, empty rows and empty sheets",
        workbook(
            Notes=[],
            Contacts=[["Our contacts"], [], ["first name", "phone"], [], ["Ann", ANN], ["x", "y"]],
        ),
        [(ANN, "Ann")],
        {6: NO_NUMBER},
        encoding="xlsx",
        header_line=3,
    ),
    Case(
        "xlsx-two-sheets",
        "nothing says which of the two it is to be",
        workbook(A=[["phone"], [ANN]], B=[["phone"], [BOB]]),
        refusal="several sheets have phone numbers (line 1): 'A', 'B': leave one alone",
    ),
    Case("xlsx-empty", "saved too early", workbook(A=[]), refusal="the workbook is empty"),
    Case(
        "xlsx-shared",
        "as Excel writes it: strings aside, one half bold, a wrong dimension, a gap, an escape",
        raw_workbook(
            '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
            '<row r="3"><c r="A3"><v>1.2125550123E10</v></c><c r="C3" t="s"><v>2</v></c></row>'
            '<row r="4"><c r="A4"><v>12125550124</v></c><c r="C4" t="s"><v>3</v></c></row>',
            shared("phone", "first name")
            + "<si><r><t>A</t></r><r><t>nn</t></r><rPh><t>x</t></rPh></si>"
            + shared("B_x0000_b"),
        ),
        [(ANN, "Ann")],
        {4: NUL},
        encoding="xlsx",
    ),
    Case(
        "xlsx-damaged",
        "a sheet that ends in the middle of its first row",
        raw_workbook('<row r="1"><c r="A1" t="s"><v>0</v></row>', shared("phone")),
        refusal="the workbook is damaged (line 1)",
    ),
    Case(
        "xlsx-no-such-row",
        "a row beyond all rows",
        raw_workbook('<row r="99999999999"><c t="s"><v>0</v></c></row>', shared("phone")),
        refusal="a sheet has no such row (line 99,999,999,999)",
    ),
    Case(
        "xlsx-entities",
        "a billion laughs",
        raw_workbook(
            '<row r="1"><c r="A1" t="s"><v>0</v></c></row>',
            "<si><t>&b;</t></si>",
            '<!DOCTYPE x [<!ENTITY a "phone"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>',
        ),
        refusal="the workbook is damaged (line 1)",
    ),
    Case(
        "xlsx-long-row",
        "one cell with more text than there is memory",
        raw_workbook(f'<row r="1"><c t="inlineStr"><is><t>{"x" * (9 << 20)}</t></is></c></row>'),
        refusal="a row is too long to be read (line 1)",
    ),
]

STRANGERS = [
    Case("empty", "nothing at all", b"", refusal="the file is empty"),
    Case("blank", "line ends alone", b"\r\n\r\n \n", refusal="the file is empty"),
    Case(
        "header-alone",
        "a list of nobody is a list",
        text("phone,first name"),
    ),
    Case(
        "no-phones",
        "a list of something else",
        text("name,email", "Ann,ann@example.com"),
        refusal="no column of phone numbers in the header (line 1), which has: name, email "
        "(call one 'phone')",
    ),
    Case(
        "web-page",
        "many a system's .xls is one",
        b"<html><table><tr><td>phone</td></tr></table></html>",
        refusal="this is a web page, not a CSV (line 1)",
    ),
    Case(
        "old-excel",
        "or a workbook with a password",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        refusal="this is an old or locked Excel workbook, not a CSV (line 1)",
    ),
    Case(
        "binary",
        "a program",
        b"ok\n" + bytes(range(256)) * 9,
        refusal="this is binary data, not a CSV (line 2)",
    ),
]

CORPUS = [
    *ENCODINGS,
    *LINES,
    *DELIMITERS,
    *QUOTES,
    *SHAPES,
    *EXPORTS,
    *PACKED,
    *WORKBOOKS,
    *STRANGERS,
]
