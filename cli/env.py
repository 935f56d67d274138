"""``trunkline env``: where the running stack is, for a shell, psql and other tools."""

import shlex

from cli.errors import UNREACHABLE, CommandError
from cli.options import AsJson
from cli.output import print_json, say
from config.settings import load_settings
from standalone.running_stack import read_stack


def env(as_json: AsJson = False) -> None:
    """Print DATABASE_URL=… and the like of the running stack: eval "$(trunkline env)"."""
    settings = load_settings()
    stack = read_stack(settings.state_dir)
    if stack is None:
        raise CommandError(
            f"no stack runs in {settings.state_dir}: start one with `trunkline up`", UNREACHABLE
        )
    variables = stack.environment()
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        say(f"{name}={shlex.quote(value)}")
