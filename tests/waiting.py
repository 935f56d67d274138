"""The one place where a test looks again and again: for what no event tells."""

import time


def wait_until(condition, *, timeout_s=20.0, every_s=0.01):
    """Return as soon as ``condition()`` is true; fail after ``timeout_s`` seconds."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {condition}")
        time.sleep(every_s)
    return value
