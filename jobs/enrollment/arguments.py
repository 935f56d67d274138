"""What an enrollment is asked to do."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from db.queries.enrollment import Selection

Source = Literal["manual", "webhook", "segment", "campaign", "import", "journey", "event"]

_SELECTIONS: dict[Selection, Source] = {
    "contact_ids": "manual",
    "campaign": "campaign",
    "import_run": "import",
    "everyone": "segment",
}


class EnrollArguments(BaseModel):
    """Arguments of the kind ``enroll_contacts``; exactly one of the four selections is given.

    ``journey`` is the journey's key, ``campaign`` a campaign's name, ``import_run`` the id of an
    import whose newly created contacts are meant. ``data`` is kept with each enrollment. ``source``
    tells where the contacts come from; by default the selection says it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    journey: str = Field(min_length=1)
    contact_ids: list[UUID] | None = None
    campaign: str | None = Field(None, min_length=1)
    import_run: UUID | None = None
    everyone: Literal[True] | None = None
    data: dict[str, JsonValue] = {}
    source: Source | None = None

    @model_validator(mode="before")
    @classmethod
    def _false_is_absent(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("everyone") is False:
            return {name: value for name, value in values.items() if name != "everyone"}
        return values

    @model_validator(mode="after")
    def _one_selection(self) -> "EnrollArguments":
        given = [name for name in _SELECTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(_SELECTIONS)}"
                + (f", not {' and '.join(given)}" if given else "")
            )
        return self

    @property
    def selection(self) -> Selection:
        return next(name for name in _SELECTIONS if getattr(self, name) is not None)

    @property
    def entry_source(self) -> Source:
        return self.source or _SELECTIONS[self.selection]
