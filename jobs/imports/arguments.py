"""What an import is asked to do."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

OnExisting = Literal["skip", "update"]


class ImportArguments(BaseModel):
    """Arguments of the kind ``import_contacts``.

    ``file`` is where ``keep_file`` put it, ``filename`` what the user calls it. Every valid contact
    of the file, new or not, is put into ``campaign``, which is made if there is none of that name.
    ``on_existing``: ``skip`` leaves contacts that the tenant has as they are; ``update`` writes the
    file's values, except empty ones, over theirs, and adds its tags and attributes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    filename: str = Field(min_length=1)
    campaign: str | None = None
    on_existing: OnExisting = "skip"

    @field_validator("campaign")
    @classmethod
    def _named(cls, campaign: str | None) -> str | None:
        if campaign is None:
            return None
        if not campaign.strip() or "\0" in campaign:
            raise ValueError("a campaign's name must not be empty or hold a NUL character")
        return campaign.strip()
