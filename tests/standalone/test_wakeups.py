import os
import select
import signal

import pytest

from standalone.wakeups import SideThread, Wakeups


def test_a_signal_wakes_and_is_counted():
    with Wakeups() as wakeups:
        os.kill(os.getpid(), signal.SIGTERM)
        assert select.select([wakeups.descriptor], [], [], 5)[0]
        wakeups.drain()
        assert wakeups.stop_requests == 1
        assert not select.select([wakeups.descriptor], [], [], 0)[0]


def test_handlers_are_put_back():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    with Wakeups():
        pass
    assert before == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]


def test_work_counts_as_finished_when_its_end_wakes_the_loop():
    """Otherwise the loop looks too early, sees a live thread and waits for ever."""
    seen = []
    thread = SideThread(lambda: 3, lambda: seen.append(thread.finished))
    thread.start()
    assert thread.result() == 3
    assert seen == [True]


def test_an_error_of_the_work_is_raised_where_its_result_is_asked_for():
    def fail():
        raise ValueError("broken")

    thread = SideThread(fail, lambda: None)
    thread.start()
    with pytest.raises(ValueError, match="broken"):
        thread.result()
