"""Whose work it is."""

from jobs.tenants.creation import TenantError, create_tenant
from jobs.tenants.rules import change_rules
from jobs.tenants.webhooks import change_webhooks

__all__ = ["TenantError", "change_rules", "change_webhooks", "create_tenant"]
