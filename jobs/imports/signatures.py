"""What is no text, told by its first bytes."""

from jobs.imports.errors import UnreadableFileError

_SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old or locked Excel workbook",
    b"{\\rtf": "an RTF document",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
}
_MARKUP = {
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<table": "a web page",
    b"<?xml": "an XML document",
    b"begin:vcard": "a file of vCards",
}
# Control characters that no text has, in numbers beyond what dirt explains.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1a\x1b"))
_CONTROL_SHARE = 0.02


def refuse_signature(head: bytes, name: str) -> None:
    """Refuse what its first bytes tell to be something else.

    Raises:
        UnreadableFileError: an image, an archive in an archive, a web page, …
    """
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise UnreadableFileError(f"{name}: this is {what}, not a CSV (line 1)")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    for signature, what in _MARKUP.items():
        if start.startswith(signature):
            raise UnreadableFileError(f"{name}: this is {what}, not a CSV (line 1)")


def refuse_binary(head: bytes, name: str) -> None:
    """Refuse what has too many control characters for a text of one or more bytes a character.

    NULs at its end are what a program left that didn't write all of it, and are not counted.

    Raises:
        UnreadableFileError: names the line of the first.
    """
    text = head.rstrip(b"\0")
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if not text or controls > _CONTROL_SHARE * len(text):
        at = next(place for place, byte in enumerate(head) if byte in _CONTROLS)
        line = head.count(b"\n", 0, at) + 1
        raise UnreadableFileError(f"{name}: this is binary data, not a CSV (line {line})")
