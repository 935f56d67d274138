"""Drafted replies before people: what they decide, and the journeys that wait for it."""

from jobs.approvals.decide import ApprovalDecision, DecidedApproval, decide_approvals

__all__ = ["ApprovalDecision", "DecidedApproval", "decide_approvals"]
