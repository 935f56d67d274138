"""What a kind of run is. Which kinds there are is known where all jobs are: in workers."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from config.settings import Settings
from db.engine import Database

Arguments = TypeVar("Arguments", bound=BaseModel)


@dataclass(frozen=True)
class ClaimedRun:
    """A run that this worker holds until its lease ends; ``token`` fences every write.

    ``cursor`` is what the last committed chunk saved, None when nothing was done yet.
    ``attempts`` counts this start. ``stopping`` is set when this worker is told to stop: the run
    is handed back before its next chunk.
    """

    tenant_id: UUID
    id: UUID
    kind: str
    args: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    token: UUID
    attempts: int
    stopping: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)


@dataclass(frozen=True)
class Kind(Generic[Arguments]):
    """A kind of run.

    ``run(database, settings, run, arguments)`` does all that is left to do since ``run.cursor``,
    in chunks of ``jobs.runs.chunk``, and returns the result to keep, which must fit into JSON.
    It raises DefiniteError where another try can't help; any other error is tried again.
    """

    name: str
    queue: str
    arguments: type[Arguments]
    run: Callable[[Database, Settings, ClaimedRun, Arguments], Mapping[str, Any]]
