"""Where the ``trunkline`` program begins: before the second that importing the rest takes."""

import importlib
import os
import signal
from types import FrameType

_INTERRUPTED = 130


def main() -> None:
    """Import the command and run it; Ctrl-C meanwhile is one line and exit code 130."""
    signal.signal(signal.SIGINT, _leave)
    command = importlib.import_module("cli.main")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command.main()


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"trunkline: interrupted\n")
    os._exit(_INTERRUPTED)  # nothing has begun that would have to be undone


if __name__ == "__main__":
    main()
