"""What the SMS gateway simulator took, held against what the database says was sent."""

from dataclasses import dataclass
from uuid import UUID

import httpx

from cli.errors import UNREACHABLE, CommandError
from config.settings import Settings

_PAGE = 1000
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Comparison:
    """``received``: messages of the demo that the gateway took. All else should be 0.

    ``missing``: sent, says the database, but not taken. ``unexpected``: taken, though the database
    doesn't say that they were sent, or doesn't know them. ``repeated``: posted more than once.
    """

    received: int
    missing: int
    unexpected: int
    repeated: int

    @property
    def exact(self) -> bool:
        return not (self.missing or self.unexpected or self.repeated)


def taken_since(settings: Settings, first: UUID) -> dict[UUID, int]:
    """Key → how often it was posted, of all messages with keys after ``first``.

    Raises:
        CommandError: the gateway doesn't answer, or isn't the simulator.
    """
    url = settings.require("sms_gateway_url")
    token = settings.sms_gateway_token.get_secret_value() if settings.sms_gateway_token else ""
    taken: dict[UUID, int] = {}
    after: str | None = str(first)
    try:
        with httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        ) as client:
            while after is not None:
                response = client.get("/messages", params={"after": after, "limit": _PAGE})
                page = response.raise_for_status().json()
                taken |= {UUID(message["key"]): message["count"] for message in page["messages"]}
                after = page["next"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise CommandError(f"the SMS gateway at {url}: {error}", UNREACHABLE) from error
    return taken


def compare(messages: dict[UUID, bool], taken: dict[UUID, int], strangers: set[UUID]) -> Comparison:
    """Hold the two against each other.

    ``messages``: id → counts as sent, of the demo's tenants; ``taken`` as of ``taken_since``;
    ``strangers``: keys among them that other tenants' messages have, which are not ours to judge.
    """
    ours = {key: times for key, times in taken.items() if key not in strangers}
    return Comparison(
        received=len(ours),
        missing=sum(sent and key not in ours for key, sent in messages.items()),
        unexpected=sum(not messages.get(key, False) for key in ours),
        repeated=sum(times > 1 for times in ours.values()),
    )
