"""Bulk enrollment into journeys."""

from jobs.enrollment.arguments import EnrollArguments
from jobs.enrollment.contacts import KIND, enroll_contacts

__all__ = ["KIND", "EnrollArguments", "enroll_contacts"]
