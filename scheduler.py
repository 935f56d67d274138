"""The scheduler daemon: looks for due work and rings for it; never does the work itself.

Run as many as you like; one leads. SIGTERM and SIGINT stop it.
"""

import contextlib
import functools
import signal
import sys
from types import FrameType

import structlog

from config.logging import configure_logging
from config.settings import ConfigError, Settings, load_settings
from db.engine import Database, connect_directly
from workers.broker import close_broker, make_broker
from workers.call_stream import open_call_stream
from workers.leader import Leader
from workers.schedule import Schedule
from workers.ticks import Ticker

log = structlog.get_logger(__name__)

# A tick has nothing to wait for: the next one is not far.
_WAIT_FOR_CONNECTION_S = 1.0


def run(settings: Settings) -> None:
    """Follow and lead until a signal comes; main thread only.

    Raises:
        ConfigError: the database or the broker isn't named.
    """
    broker = make_broker(settings)
    database = Database(
        settings.model_copy(update={"db_wait_timeout_s": _WAIT_FOR_CONNECTION_S}),
        min_size=1,
        max_size=2,
    )
    schedules: list[Schedule] = []

    def lead() -> None:
        schedules.append(Schedule(database, ticker, settings, leads=leader.leads))
        schedules[-1].start()

    def lose() -> None:
        while schedules:
            schedules.pop().stop()

    leader = Leader(
        functools.partial(connect_directly, settings, application_name="trunkline-scheduler"),
        on_lead=lead,
        on_news=lambda _ledgers: schedules[-1].wake(),
        on_lose=lose,
    )

    calls = open_call_stream(settings)
    ticker = Ticker(database, broker, settings, calls=calls, may_ring=leader.leads)

    def stop(_number: int, _frame: FrameType | None) -> None:
        leader.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with contextlib.ExitStack() as stack:
        stack.callback(close_broker, broker)
        stack.callback(database.close)
        if calls:
            stack.callback(calls.close)
        log.info("scheduler_started", tick_ms=settings.tick_ms)
        leader.run()
    log.info("scheduler_stopped")


def main() -> int:
    try:
        settings = load_settings()
        configure_logging(settings)
        run(settings)
    except ConfigError as error:
        sys.stderr.write(f"scheduler: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
