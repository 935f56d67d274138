"""A simulator of an SMS gateway: a real HTTP server that takes messages and keeps count.

Every call needs ``Authorization: Bearer TOKEN``; bodies and answers are JSON.

- ``POST /messages`` ``{"to", "from", "body"}`` with ``Idempotency-Key``: 202 ``{"id"}``; 200 with
  the same id if the key was used for the same message before; 409 if for another one; 422 if the
  number is refused; 400 if it isn't a message.
- ``GET /report``: ``{"received", "repeats"}``: messages taken, and posts beyond the first of each.
- ``GET /messages?after=KEY&limit=N``: ``{"messages": [{"key", "id", "count"}], "next": KEY}`` in
  the order of keys; ``next`` is null on the last page.
- ``POST /messages/lookup`` ``[KEY, …]``: ``{KEY: times posted}``.
- ``POST /faults`` ``{"fail_next", "status", "delay_ms", "refuse_numbers"}``: the next N posts are
  answered with ``status`` and not taken; every answer to a post comes so much later, after the
  message was taken; these numbers are refused. What is not named goes back to normal.

Neither numbers nor texts are logged or kept.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from dataclasses import dataclass, fields
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from typing import Any

from standalone.http_server import Request, Response, serve_until
from standalone.ports import LOOPBACK
from standalone.sms_journal import SmsJournal, message_id

TOKEN_VARIABLE = "TRUNKLINE_SMS_GATEWAY_TOKEN"  # noqa: S105 - the name of a variable
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PAGE = 1000
_LARGEST_PAGE = 10_000


@dataclass
class Faults:
    """What goes wrong on purpose."""

    fail_next: int = 0
    status: int = HTTPStatus.SERVICE_UNAVAILABLE
    delay_ms: float = 0
    refuse_numbers: frozenset[str] = frozenset()

    @classmethod
    def read(cls, payload: Any) -> "Faults":
        """Raises ValueError or TypeError for anything but the fields above."""
        unknown = set(payload) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
        return cls(
            fail_next=int(payload.get("fail_next", 0)),
            status=HTTPStatus(payload.get("status", HTTPStatus.SERVICE_UNAVAILABLE)),
            delay_ms=float(payload.get("delay_ms", 0)),
            refuse_numbers=frozenset(payload.get("refuse_numbers", ())),
        )


class SmsGateway:
    def __init__(self, journal: SmsJournal, token: str) -> None:
        self._journal = journal
        self._authorization = f"Bearer {token}".encode()
        self._faults = Faults()
        self._routes = {
            ("POST", "/messages"): self._take,
            ("GET", "/messages"): self._list,
            ("POST", "/messages/lookup"): self._look_up,
            ("GET", "/report"): self._report,
            ("POST", "/faults"): self._set_faults,
        }

    async def handle(self, request: Request) -> Response:
        if not compare_digest(
            request.headers.get("authorization", "").encode(), self._authorization
        ):
            return _problem(HTTPStatus.UNAUTHORIZED, "wrong or missing bearer token")
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _problem(HTTPStatus.NOT_FOUND, "no such resource")
        try:
            response = route(request)
        except (ValueError, TypeError, AttributeError, KeyError):
            response = _problem(HTTPStatus.BAD_REQUEST, "the body or a parameter is malformed")
        if route == self._take and self._faults.delay_ms:
            await asyncio.sleep(self._faults.delay_ms / 1000)
        return response

    def _take(self, request: Request) -> Response:
        if self._faults.fail_next > 0:
            self._faults.fail_next -= 1
            return _problem(self._faults.status, "failed on purpose")
        key = request.headers["idempotency-key"]
        message = json.loads(request.body)
        to, text, sender = message["to"], message["body"], message.get("from")
        if not (isinstance(to, str) and isinstance(text, str) and key):
            raise TypeError
        if not self._journal.knows(key):
            if not _E164.fullmatch(to):
                return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the number is not in E.164")
            if to in self._faults.refuse_numbers:
                return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the number is refused")
        new = self._journal.take(key, json.dumps([to, sender, text]))
        if new is None:
            return _problem(HTTPStatus.CONFLICT, "the key was used for another message")
        return Response(HTTPStatus.ACCEPTED if new else HTTPStatus.OK, {"id": message_id(key)})

    def _list(self, request: Request) -> Response:
        limit = min(int(request.query.get("limit", _PAGE)), _LARGEST_PAGE)
        taken = self._journal.page(request.query.get("after", ""), limit)
        messages = [{"key": m.key, "id": m.id, "count": m.times} for m in taken]
        return Response(
            HTTPStatus.OK,
            {"messages": messages, "next": taken[-1].key if len(taken) == limit > 0 else None},
        )

    def _look_up(self, request: Request) -> Response:
        keys = json.loads(request.body)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise TypeError
        return Response(HTTPStatus.OK, self._journal.counts(keys))

    def _report(self, _request: Request) -> Response:
        return Response(
            HTTPStatus.OK,
            {"received": self._journal.received, "repeats": self._journal.repeats},
        )

    def _set_faults(self, request: Request) -> Response:
        self._faults = Faults.read(json.loads(request.body))
        return Response(HTTPStatus.OK, {})


def _problem(status: int, problem: str) -> Response:
    return Response(status, {"error": problem})


async def _serve(gateway: SmsGateway, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve_until(stop, gateway.handle, LOOPBACK, port)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Simulate an SMS gateway on the loopback address.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True, help="kept across restarts")
    options = parser.parse_args(arguments)
    # Its own program, not a part of the stack's settings: the token is all it is told this way.
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        sys.exit(f"{TOKEN_VARIABLE} is not set")
    journal = SmsJournal(options.journal)
    try:
        asyncio.run(_serve(SmsGateway(journal, token), options.port))
    finally:
        journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
