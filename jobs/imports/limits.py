"""How much a tenant may import: what its own row says, else the settings."""

from pathlib import Path

from config.settings import Settings
from db.queries.imports import TenantLimits
from jobs.imports.errors import TooMuchError


class Limits:
    """A tenant's limits; each check raises TooMuchError, whose text is one sentence."""

    def __init__(self, settings: Settings, own: TenantLimits) -> None:
        self._bytes = own.max_bytes or settings.import_max_bytes
        self._rows = own.max_rows or settings.import_max_rows
        self._columns = own.max_columns or settings.import_max_columns
        self._at_once = own.at_once or settings.imports_at_once
        self._under_way = own.under_way

    def check_at_once(self) -> None:
        if self._under_way >= self._at_once:
            raise TooMuchError(
                f"too many imports at once: the tenant may have {self._at_once}; wait for one to "
                f"end, or cancel it"
            )

    def check_size(self, path: Path, filename: str) -> None:
        size = path.stat().st_size
        if size > self._bytes:
            raise TooMuchError(
                f"{filename}: too large: {size:,} bytes, and the tenant may import "
                f"{self._bytes:,} in one file"
            )

    def check_columns(self, columns: int, filename: str) -> None:
        if columns > self._columns:
            raise TooMuchError(
                f"{filename}: too many columns: {columns:,}, and the tenant may import "
                f"{self._columns:,}"
            )

    def check_rows(self, rows: int, filename: str) -> None:
        if rows > self._rows:
            raise TooMuchError(
                f"{filename}: too many rows: more than the {self._rows:,} that the tenant may "
                f"import in one file"
            )

    def may_exceed_rows(self, lines: int) -> bool:
        """Whether a file of so many lines may hold too many rows: a row may have several lines."""
        return lines - 1 > self._rows
