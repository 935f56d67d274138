"""The node types that journeys may use, registered here and nowhere else."""

from collections.abc import Mapping

from jobs.journeys.nodes.approval import Approval
from jobs.journeys.nodes.campaigns import AddToCampaign, RemoveFromCampaign
from jobs.journeys.nodes.condition import Condition
from jobs.journeys.nodes.day import Day
from jobs.journeys.nodes.delay import Delay
from jobs.journeys.nodes.end import End
from jobs.journeys.nodes.enroll import Enroll
from jobs.journeys.nodes.goal import Goal
from jobs.journeys.nodes.make_call import MakeCall
from jobs.journeys.nodes.node import Node
from jobs.journeys.nodes.score_lead import ScoreLeadNode
from jobs.journeys.nodes.send_sms import SendSms
from jobs.journeys.nodes.split import Split
from jobs.journeys.nodes.update_contact import UpdateContactNode
from jobs.journeys.nodes.wait_for import WaitFor
from jobs.journeys.nodes.wait_until import WaitUntil
from jobs.journeys.nodes.webhook import Webhook

NODE_TYPES: Mapping[str, type[Node]] = {
    node.type: node
    for node in (
        SendSms,
        MakeCall,
        Delay,
        Day,
        WaitUntil,
        Condition,
        Split,
        UpdateContactNode,
        WaitFor,
        Webhook,
        Approval,
        ScoreLeadNode,
        AddToCampaign,
        RemoveFromCampaign,
        Enroll,
        Goal,
        End,
    )
}
