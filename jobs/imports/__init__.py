"""Files into the tables."""

from jobs.imports.arguments import ImportArguments
from jobs.imports.contacts import CONTACTS, import_contacts
from jobs.imports.dids import DIDS, import_dids
from jobs.imports.errors import TooMuchError, UnreadableFileError
from jobs.imports.files import ContactFile, inspect_file
from jobs.imports.kept import keep_file
from jobs.imports.preview import Preview, preview_file
from jobs.imports.start import start_import
from jobs.imports.undo import UNDO, start_undo

__all__ = [
    "CONTACTS",
    "DIDS",
    "UNDO",
    "ContactFile",
    "ImportArguments",
    "Preview",
    "TooMuchError",
    "UnreadableFileError",
    "import_contacts",
    "import_dids",
    "inspect_file",
    "keep_file",
    "preview_file",
    "start_import",
    "start_undo",
]
