"""``python -m standalone.clean``: delete a stopped stack's data, those kept elsewhere too."""

import shutil
import sys
from pathlib import Path

from config.settings import ConfigError, load_settings
from standalone.postgres import delete_data
from standalone.state import StandaloneError, hold_state, is_state


def clean(state_dir: Path) -> bool:
    """Delete ``state_dir`` and what its Postgres keeps; False if it is no state folder.

    Raises:
        StandaloneError: a stack runs on it, or it is another user's.
    """
    if not is_state(state_dir):
        return False
    with hold_state(state_dir) as held:
        delete_data(held)
        shutil.rmtree(held)
    return True


if __name__ == "__main__":
    try:
        folder = load_settings().state_dir
        found = clean(folder)
    except (ConfigError, StandaloneError) as error:
        sys.exit(str(error))
    sys.stderr.write(f"{folder} is deleted\n" if found else f"no data in {folder}\n")
