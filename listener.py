"""The listener: reads what Asterisk PBXs say and has it written down. SIGTERM and SIGINT stop it.

One is enough; with two, calls are heard by the other while one is away.
"""

import sys

from config.logging import configure_logging
from config.settings import ConfigError, load_settings
from workers.listening import run_listener


def main() -> int:
    try:
        settings = load_settings()
        configure_logging(settings)
        run_listener(settings)
    except ConfigError as error:
        sys.stderr.write(f"listener: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
