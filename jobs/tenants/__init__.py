"""Whose work it is."""

from jobs.tenants.creation import TenantError, create_tenant
from jobs.tenants.rules import change_rules

__all__ = ["TenantError", "change_rules", "create_tenant"]
