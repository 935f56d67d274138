"""Real processes of the stack, and their logs as events to wait for."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from time import monotonic

PATIENCE_S = 20


class LoggingProcess:
    """A process of ours; its JSON log lines are read as they come."""

    def __init__(self, *command, database_url, redis_url, **settings):
        environment = os.environ | {
            "TRUNKLINE_DATABASE_URL": database_url,
            "TRUNKLINE_REDIS_URL": redis_url,
            "TRUNKLINE_LOG_FORMAT": "json",
            **{f"TRUNKLINE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, stderr=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.lines = []
        self._events = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stderr:
            self.lines.append(line)
            try:
                self._events.put(json.loads(line))
            except ValueError:
                continue

    def wait_for(self, event, patience_s=PATIENCE_S, **fields):
        """The next log line of that event; lines before it are passed over."""
        deadline = monotonic() + patience_s
        while True:
            try:
                line = self._events.get(timeout=max(0, deadline - monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {event} in:\n{''.join(self.lines)}") from None
            if line.get("event") == event and fields.items() <= line.items():
                return line

    def kill(self):
        """As the machine would: SIGKILL, unless it is gone."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        return self._end()

    def freeze(self):
        """As a machine that hangs: its sockets stay open, the kernel answers for it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, patience_s=PATIENCE_S):
        """SIGTERM; returns the exit code."""
        self._process.terminate()
        return self._end(patience_s)

    def wait(self, patience_s=PATIENCE_S):
        return self._end(patience_s)

    def _end(self, patience_s=PATIENCE_S):
        code = self._process.wait(patience_s)
        self._reader.join(patience_s)
        self._process.stderr.close()
        return code
