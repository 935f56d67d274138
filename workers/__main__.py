"""``python -m workers``: one worker process and its master, as the settings say.

The master takes this process's place, so that signals and its end go the direct way.
"""

import os
import sys

from config.settings import ConfigError, load_settings
from workers.command import worker_command


def main() -> None:
    try:
        command = worker_command(load_settings())
    except ConfigError as error:
        sys.exit(f"worker: {error}")
    os.execv(command[0], command)  # noqa: S606 - our own argument list, never a shell


if __name__ == "__main__":
    main()
