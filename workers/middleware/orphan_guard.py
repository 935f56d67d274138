"""A worker process doesn't outlive its dramatiq master, even one killed with -9."""

import ctypes
import multiprocessing
import os
import signal
import sys

from dramatiq import Broker, Middleware

_PR_SET_PDEATHSIG = 1


class OrphanGuard(Middleware):
    """Asks the kernel to kill the process with its parent.

    SIGKILL costs nothing: whatever is under way is a transaction or a lease.
    """

    def after_process_boot(self, broker: Broker) -> None:  # noqa: ARG002 - dramatiq's signature
        parent = multiprocessing.parent_process()
        if parent is None or sys.platform != "linux":
            return  # not forked by a master: a test, or a thread of another program
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent.pid:  # it died before it could be asked for
            os.kill(os.getpid(), signal.SIGKILL)
