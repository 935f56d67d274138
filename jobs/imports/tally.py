"""How far an import came and what became of its rows; committed with each chunk."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """Counts of rows. Always read = created + updated + skipped + duplicates + rejected."""

    read: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejected_reasons: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in self.__dataclass_fields__
            }
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "rejected_reasons": dict(self.rejected_reasons)}

    @classmethod
    def from_json(cls, counts: Mapping[str, Any]) -> "Tally":
        return cls(**{**counts, "rejected_reasons": Counter(counts["rejected_reasons"])})
