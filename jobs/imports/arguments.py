"""What an import is asked to do."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from jobs.imports.headers import Target

OnExisting = Literal["skip", "update", "update_empty_only"]
Duplicates = Literal["first", "last"]
MergedColumn = Literal[
    "first_name", "last_name", "email", "company", "timezone", "tags", "attributes"
]
MERGED_COLUMNS: tuple[MergedColumn, ...] = get_args(MergedColumn)


class FileArguments(BaseModel):
    """Arguments that all kinds of imports have.

    ``file`` is where ``keep_file`` put it, a path that every worker can read or an fsspec URL;
    ``filename`` what the user calls it. Of rows with the same number the ``first`` or the ``last``
    valid one of the whole file counts. ``mapping``: what columns, by name or by number from 1, are
    to be where their names don't say it: one of our fields, ``attribute`` or ``ignore``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    filename: str = Field(min_length=1)
    duplicates: Duplicates = "first"
    mapping: dict[str, Target] = Field(default_factory=dict)


class ImportArguments(FileArguments):
    """Arguments of the kind ``import_contacts``.

    Every valid contact of the file, new or not, is put into ``campaign``, which is made if there is
    none of that name; with ``call``, a call to each is queued there too, to be made once it runs.
    ``on_existing``: ``skip`` leaves contacts that the tenant has as they are; ``update`` writes the
    file's values, except empty ones, over theirs; ``update_empty_only`` only where theirs are
    empty. Both add the file's tags, and go through the attributes by name.
    ``column_policy`` says otherwise for single columns. A contact under ``update`` counts as
    updated even if nothing differed, one under ``update_empty_only`` if something was empty.
    """

    campaign: str | None = None
    call: bool = False
    on_existing: OnExisting = "skip"
    column_policy: dict[MergedColumn, OnExisting] = Field(default_factory=dict)

    @field_validator("campaign")
    @classmethod
    def _named(cls, campaign: str | None) -> str | None:
        if campaign is None:
            return None
        if not campaign.strip() or "\0" in campaign:
            raise ValueError("a campaign's name must not be empty or hold a NUL character")
        return campaign.strip()

    @model_validator(mode="after")
    def _calls_belong_to_a_campaign(self) -> "ImportArguments":
        if self.call and self.campaign is None:
            raise ValueError("calls are queued in a campaign, and none is named")
        return self

    @property
    def policies(self) -> dict[str, OnExisting]:
        """What becomes of each column of contacts that the tenant has."""
        return {name: self.column_policy.get(name, self.on_existing) for name in MERGED_COLUMNS}


class DidArguments(FileArguments):
    """Arguments of the kind ``import_dids``."""
