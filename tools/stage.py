"""What the demos stand on: the program `harmony` on this machine, each command shown."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

ROOT = Path(__file__).parent.parent
HARMONY = Path(sys.executable).with_name("harmony")
SECONDS = 120
"""After which a command that has not ended is given up."""
AT_TERMINAL = sys.stdin.isatty() and sys.stderr.isatty()
_ELSEWHERE = (
    "TEMPORAL_",
    "HARMONY_",
    "SLACK_",
    "STATUSPAGE_",
    "CONFLUENCE_",
    "PAGERDUTY_",
    "FLAGD_",
)
"""A demo stays on this machine, whatever cluster and vendors are set."""
_T = TypeVar("_T")


class DemoFailed(Exception):
    """Something did not go as it must; the message says what."""


class Stage:
    """Where `harmony` runs: options that each command has, and variables beside its own."""

    def __init__(
        self, options: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> None:
        self._options = options
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_ELSEWHERE)}
        self._environment = {**kept, **(variables or {})}

    def start(self, *command: str, **streams: Any) -> subprocess.Popen[str]:
        """Start `harmony`; its stdout is kept, and stderr shown, where nothing else is said."""
        streams = {"stdout": subprocess.PIPE, **streams}
        return subprocess.Popen(
            [HARMONY, *self._options, *command],
            cwd=ROOT, env=self._environment, text=True, **streams,
        )  # fmt: skip

    def harmony(self, *command: str, **streams: Any) -> subprocess.CompletedProcess[str]:
        """Run `harmony` to its end."""
        return subprocess.run(
            [HARMONY, *self._options, *command],
            cwd=ROOT, env=self._environment, text=True, timeout=SECONDS, check=False, **streams,
        )  # fmt: skip

    @contextmanager
    def serving(self, *command: str, ready: str) -> Iterator[str]:
        """Holds a command that serves; gives the line with which it says that it is ready."""
        with self.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as served:
            lines = iter(served.stderr or ())
            reading = Thread(target=list, args=(lines,), daemon=True)
            try:
                line = _line_with(ready, lines, command[0])
                reading.start()
                yield line
            finally:
                served.terminate()
                if reading.is_alive():
                    reading.join(SECONDS)


def _line_with(ready: str, lines: Iterator[str], what: str) -> str:
    said = ""
    for line in lines:
        said += line
        if ready in line:
            return line.strip()
    raise DemoFailed(f"harmony {what} did not start: {said}")


def until(what: str, look: Callable[[], _T]) -> _T:
    """What `look` gives once it gives something; DemoFailed where that takes too long."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what} did not come in {SECONDS} s")
        time.sleep(0.2)
    return found


def must(holds: bool, otherwise: str) -> None:  # noqa: FBT001
    """DemoFailed, with what it says otherwise, where something is not as it must be."""
    if not holds:
        raise DemoFailed(otherwise)


def pass_on(lines: Iterable[str]) -> None:
    """Show what a command says, line by line: a live view would draw over what is typed. That a
    step has started, or was not needed, is left out."""
    for line in lines:
        if line.startswith(("▸ ", "- ")):
            continue
        sys.stderr.write(line)
        sys.stderr.flush()


def show(command: tuple[str, ...]) -> None:
    """The command, as one would type it."""
    say(f"$ harmony {shlex.join(command)}")


def heading(text: str) -> None:
    """Mark what comes next."""
    say(f"\n{text}\n{'=' * len(text)}")


def say(text: str) -> None:
    """Tell the user, at once and in order with what the commands say."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
