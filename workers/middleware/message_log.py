"""One line for each message: how long its work took and what it asked of the database."""

import contextlib
import threading
import time
from typing import Any

import structlog
from dramatiq import Broker, Middleware
from dramatiq.broker import MessageProxy

from db.counter import count_statements

log = structlog.get_logger(__name__)


class MessageLog(Middleware):
    """Binds queue and message id to every log line of the work."""

    def __init__(self) -> None:
        self._under_way = threading.local()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:  # noqa: ARG002 - dramatiq's signature
        stack = contextlib.ExitStack()
        stack.enter_context(
            structlog.contextvars.bound_contextvars(
                queue=message.queue_name, message_id=message.message_id
            )
        )
        self._under_way.count = stack.enter_context(count_statements())
        self._under_way.started = time.perf_counter()
        self._under_way.stack = stack

    def after_process_message(
        self,
        broker: Broker,  # noqa: ARG002 - dramatiq's signature
        message: MessageProxy,
        *,
        result: Any | None = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        count = self._under_way.count
        log.info(
            "message_done",
            actor=message.actor_name,
            failed=exception is not None,
            duration_ms=round((time.perf_counter() - self._under_way.started) * 1000),
            statements=count.statements,
            rows=count.rows,
            slow_statements=count.slow,
        )
        self._under_way.stack.close()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:  # noqa: ARG002
        self._under_way.stack.close()
