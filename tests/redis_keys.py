"""Keys of a Redis that others use as well: each test has a prefix of its own."""

import contextlib
import uuid

import redis


@contextlib.contextmanager
def own_namespace(url):
    """A prefix that nobody else has; the keys under it are deleted afterwards, no other key is."""
    name = f"trunkline-test-{uuid.uuid4().hex}"
    try:
        yield name
    finally:
        delete_keys(url, name)


def delete_keys(url, prefix):
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        for key in client.scan_iter(match=f"{prefix}*", count=1000):
            client.unlink(key)
