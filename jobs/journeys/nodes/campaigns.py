"""``add_to_campaign`` and ``remove_from_campaign``: who belongs to a campaign."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from jobs.journeys.decisions import Advance, ChangeCampaign, Decision
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode


class CampaignNode(LinearNode):
    """A node about a campaign of the tenant; applying the journey makes it where it is missing."""

    campaign: Annotated[str, Field(min_length=1, max_length=200)]


class AddToCampaign(CampaignNode):
    """Adds the contact; one who belongs to the campaign already stays as it is."""

    type: ClassVar[str] = "add_to_campaign"

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del facts, now
        return Advance("next", effects=(ChangeCampaign(self.campaign, belongs=True),))


class RemoveFromCampaign(CampaignNode):
    """Takes the contact out; one who doesn't belong to the campaign passes."""

    type: ClassVar[str] = "remove_from_campaign"

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del facts, now
        return Advance("next", effects=(ChangeCampaign(self.campaign, belongs=False),))
