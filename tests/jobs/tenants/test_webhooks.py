from uuid import uuid4

import pytest

from jobs.tenants import change_webhooks
from tests.factories import make_tenant


def test_what_is_not_named_stays_and_others_have_their_own(database):
    acme, beta = make_tenant(database, "acme"), make_tenant(database, "beta")
    with database.transaction() as connection:
        before = change_webhooks(connection, acme)
        assert (before.allow_private, len(before.secret)) == (False, 64)
        assert change_webhooks(connection, acme, allow_private=True).secret == before.secret
        renewed = change_webhooks(connection, acme, new_secret=True)
        assert renewed.allow_private is True
        assert len({before.secret, renewed.secret, change_webhooks(connection, beta).secret}) == 3
        assert change_webhooks(connection, beta).allow_private is False
        with pytest.raises(LookupError):
            change_webhooks(connection, uuid4())
    assert renewed.secret not in repr(renewed)
