"""Files into the tables."""

from jobs.imports.arguments import ImportArguments
from jobs.imports.contacts import KIND, import_contacts
from jobs.imports.errors import UnreadableFileError
from jobs.imports.files import ContactFile, inspect_file
from jobs.imports.kept import keep_file

__all__ = [
    "KIND",
    "ContactFile",
    "ImportArguments",
    "UnreadableFileError",
    "import_contacts",
    "inspect_file",
    "keep_file",
]
