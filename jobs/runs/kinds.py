"""What a kind of run is. Which kinds there are is known where all jobs are: in workers."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from config.settings import Settings
from db.engine import Database
from db.queries.runs import KindLimits, KindRow
from jobs.runs.errors import BadArgumentsError

Arguments = TypeVar("Arguments", bound=BaseModel)


@dataclass(frozen=True)
class ClaimedRun:
    """A run that this worker holds until its lease ends; ``token`` fences every write.

    ``cursor`` is what the last committed chunk saved, None when nothing was done yet.
    ``attempts`` counts this start. ``stopping`` is set when this worker is told to stop: the run
    is handed back before its next chunk. ``timeout_s`` is what its kind allows one start, and
    ``deadline`` when that is over, by ``time.monotonic()``.
    """

    tenant_id: UUID
    id: UUID
    kind: str
    args: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    token: UUID
    attempts: int
    stopping: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    timeout_s: float = math.inf
    deadline: float = math.inf


@dataclass(frozen=True)
class Kind(Generic[Arguments]):
    """A kind of run.

    ``run(database, settings, run, arguments)`` does all that is left to do since ``run.cursor``,
    in chunks of ``jobs.runs.chunk``, and returns the result to keep, which must fit into JSON.
    It raises DefiniteError where another try can't help; any other error is tried again.

    ``tenant_limit`` and ``total_limit``: runs under way at once, of one tenant and of all; more
    wait in line. ``max_attempts`` and ``backoff_s``, the wait after the first failed start, which
    doubles with each one, are by default what the settings say. A start that takes longer than
    ``timeout_s`` ends the run as failed, at its next chunk. Ended runs are forgotten after
    ``retention_days``, by default what the settings say.
    """

    name: str
    queue: str
    arguments: type[Arguments]
    run: Callable[[Database, Settings, ClaimedRun, Arguments], Mapping[str, Any]]
    tenant_limit: int | None = None
    total_limit: int | None = None
    max_attempts: int | None = None
    backoff_s: float | None = None
    timeout_s: float = math.inf
    retention_days: int | None = None

    def check(self, args: Mapping[str, Any]) -> Arguments:
        """The arguments as the model of this kind.

        Raises:
            BadArgumentsError: names all that is wrong with them.
        """
        try:
            return self.arguments.model_validate(args)
        except ValidationError as error:
            problems = "; ".join(_problem(details) for details in error.errors())
            raise BadArgumentsError(f"bad arguments: {problems}") from None

    @property
    def limits(self) -> KindLimits:
        return KindLimits(self.name, self.tenant_limit, self.total_limit, self.max_attempts)

    @property
    def row(self) -> KindRow:
        """What the door for SQL knows of it."""
        fields = self.arguments.model_fields
        required = sorted(name for name, field in fields.items() if field.is_required())
        closed = self.arguments.model_config.get("extra") == "forbid"
        return KindRow(self.name, required, sorted(fields) if closed else None)


def _problem(details: Any) -> str:
    place = ".".join(map(str, details["loc"]))
    text = str(details["msg"]).removeprefix("Value error, ")
    return f"{place}: {text}" if place else text
