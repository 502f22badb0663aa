"""What runs in the container: `harmony`, with variables from a file and gates answered.

    python inside.py [--env FILE] [--run ID (--answer GATE=approve|reject:NAME[:WHY])…] -- harmony …

Its exit status is that of the command.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LOOK_EVERY = 0.5
"""Seconds between two looks whether a gate is open."""


def main(arguments: Sequence[str]) -> int:
    """The command's exit status; 2 where an answer or the file of variables cannot be read."""
    split = arguments.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", type=Path)
    parser.add_argument("--run", default="")
    parser.add_argument("--answer", action="append", default=[], type=_answer)
    given = parser.parse_args(arguments[:split])
    environment = {**os.environ, **(_variables(given.env) if given.env else {})}
    with subprocess.Popen(arguments[split + 1 :], env=environment) as running:
        for gate, command in given.answer:
            while running.poll() is None and not _is_open(given.run, gate):
                time.sleep(LOOK_EVERY)
            if running.returncode is None:
                subprocess.run(
                    ["harmony", command[0], given.run, gate, *command[1:]],
                    stdout=sys.stderr,
                    check=False,
                )
    return running.returncode


def _answer(text: str) -> tuple[str, list[str]]:
    """A gate's id, and the command that answers it: the verb, then its options."""
    gate, _, rest = text.partition("=")
    verb, _, who = rest.partition(":")
    name, _, why = who.partition(":")
    if not gate or verb not in {"approve", "reject"} or not name:
        raise argparse.ArgumentTypeError(f"'{text}' is not GATE=approve|reject:NAME[:WHY]")
    return gate, [verb, "--as", name, *(["--reason", why] if why else [])]


def _variables(file: Path) -> dict[str, str]:
    """NAME=value lines; empty ones and those that begin with # say nothing."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    if unread := [name for name, equals, _ in pairs if not equals]:
        sys.exit(f"the file of variables has {len(unread)} line(s) that are not NAME=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _is_open(run: str, gate: str) -> bool:
    said = subprocess.run(
        ["harmony", "status", run, "--json"], capture_output=True, text=True, check=False
    )
    try:
        document = json.loads(said.stdout)
    except ValueError:
        return False  # the run has not begun
    state: object = document.get("gates", {}).get(gate, {}).get("state")
    return state == "pending"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
