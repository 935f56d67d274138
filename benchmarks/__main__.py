"""All benchmarks, one after the other."""

import subprocess
import sys

NAMES = (
    "journey_steps",
    "claim_backlog",
    "blocked_steps",
    "noisy_neighbour",
    "imports",
    "enrollment",
    "call_events",
)


def main(arguments: list[str]) -> int:
    """Run each in a process of its own; 1 if any of them failed."""
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False)
        for name in NAMES
    ]
    return int(any(code.returncode for code in codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
