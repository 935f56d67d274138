"""What the README says of settings, commands and files is so."""

import re
from pathlib import Path
from typing import get_args

import pytest
import typer

from cli.main import app
from config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def settings_table():
    lines = ["| name | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        text = field.description or ", ".join(get_args(field.annotation))
        lines.append(f"| `{name.upper()}` | {default} | {text} |")
    return "\n".join(lines)


def test_the_table_of_settings_is_what_the_settings_are():
    (shown,) = re.findall(r"<!-- settings: .*? -->\n(.*?)\n<!-- end", README, re.DOTALL)
    assert shown == settings_table()


def test_every_command_it_names_exists():
    group = typer.main.get_command(app)
    for words in re.findall(r"\btrunkline ([a-z]+(?: [a-z]+)?)", README):
        first, _, second = words.partition(" ")
        command = group.commands[first]
        known = getattr(command, "commands", {})
        assert not known or second in known or not second


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(path):
    assert (ROOT / path).exists()


def test_every_folder_of_the_layout_is_there_and_every_make_target():
    for folder in re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE):
        assert (ROOT / folder).is_dir()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
