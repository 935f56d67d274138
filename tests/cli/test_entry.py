import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTERRUPTED_AT_IMPORT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from cli.entry import main
main()
"""


WITH_A_LAST_LINE = """
import atexit, signal
from cli.entry import main
atexit.register(lambda: print(signal.getsignal(signal.SIGINT)))
main()
"""


def test_ctrl_c_while_it_is_being_imported_is_one_line():
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_IMPORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "trunkline: interrupted\n")


def test_it_runs_the_command_and_ctrl_c_is_pythons_again():
    ended = subprocess.run(
        [
            *(sys.executable, "-c"),
            WITH_A_LAST_LINE,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert "doctor" in ended.stdout
    assert ended.stdout.splitlines()[-1] == str(signal.default_int_handler)
