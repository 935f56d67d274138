"""One scheduler of several leads: whoever holds an advisory lock of the database.

A leader that is killed loses it with its connection. One that is frozen (SIGSTOP, a machine that
hangs) keeps a connection that its kernel answers for, so the server ends a session that says
nothing for a while; and the leader, by its own clock, knows before that when it may have been.
"""

import select
import socket
from collections.abc import Callable
from time import monotonic

import psycopg
import structlog

from db.engine import Connection, DatabaseUnreachableError
from db.queries import maintenance

log = structlog.get_logger(__name__)

BEAT_S = 1.0
"""How often a follower tries to lead and the leader looks whether its connection still lives."""
TERM_S = 3.0
"""A leader that has had no answer for so long acts as one no more."""
SILENCE_S = 4.0
"""A session that says nothing for so long is ended by the server: after the leader's term."""
_LONGEST_PAUSE_S = 5.0


class Leader:
    """Follows, leads, and follows again when the connection is lost; ``run`` until ``stop``.

    ``connect`` gives a direct autocommit connection. ``on_lead`` is called when the lock is had,
    ``on_news`` with the payloads of NOTIFY while it is, ``on_lose`` at once when it may be gone;
    all in the thread of ``run``.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        on_lead: Callable[[], None],
        on_news: Callable[[set[str]], None],
        on_lose: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._on_lead = on_lead
        self._on_news = on_news
        self._on_lose = on_lose
        self._stopping = False
        self._asked_at = float("-inf")
        self._stop_seen, self._stop_told = socket.socketpair()

    def run(self) -> None:
        pause_s = 0.1
        while not self._stopping:
            try:
                with self._connect() as connection:
                    pause_s = 0.1
                    self._hold(connection)
            except (DatabaseUnreachableError, psycopg.OperationalError) as error:
                log.warning("leader_connection_lost", error=" ".join(str(error).split()))
                self._wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        self._stop_seen.close()
        self._stop_told.close()

    def stop(self) -> None:
        """End ``run`` soon; from any thread or signal handler."""
        if not self._stopping:
            self._stopping = True
            self._stop_told.send(b"x")

    def leads(self) -> bool:
        """Whether nobody else can lead yet; from any thread, asked before each act of a leader.

        False at once in a process that was frozen, before ``on_lose`` had time to come.
        """
        return monotonic() - self._asked_at < TERM_S

    def _hold(self, connection: Connection) -> None:
        maintenance.expect_answers(connection, silence_s=SILENCE_S)
        following = False
        while not self._stopping:
            asked_at = monotonic()
            if maintenance.try_to_lead(connection):
                self._asked_at = asked_at
                log.info("leading")
                try:
                    self._lead(connection)
                finally:
                    self._asked_at = float("-inf")
                    log.info("leading_no_more")
                    self._on_lose()
                return
            if not following:
                log.info("following")
                following = True
            self._wait(BEAT_S)

    def _lead(self, connection: Connection) -> None:
        news: set[str] = set()
        connection.add_notify_handler(lambda notice: news.add(notice.payload))
        maintenance.listen(connection)
        self._on_lead()
        while not self._stopping:
            # Notifications that came since are handed over with the answer.
            asked_at = monotonic()
            maintenance.show_life(connection)
            self._asked_at = asked_at
            if news:
                self._on_news(set(news))
                news.clear()
            self._wait(BEAT_S, connection)

    def _wait(self, seconds: float, connection: Connection | None = None) -> None:
        """Until the time is over, ``stop`` is called, or the server has something to say."""
        watched: list[socket.socket | Connection] = [
            self._stop_seen,
            *([connection] if connection else []),
        ]
        if not self._stopping:
            select.select(watched, [], [], seconds)
