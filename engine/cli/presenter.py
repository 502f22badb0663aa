"""Where a run is shown while it runs: a live picture on a terminal, else a line for each change."""

import os
import sys
from typing import Protocol

from engine.cli import output
from engine.cli.progress import changes
from engine.cli.run_lines import Line, words
from engine.messages import RunView


class Presenter(Protocol):
    """Shows each view of one run, on stderr."""

    def show(self, view: RunView) -> None:
        """The run as it is now."""

    def note(self, line: Line) -> None:
        """One line that stays, beside what is shown."""

    def pause(self) -> None:
        """Leave the terminal to someone else until the next `show`."""

    def close(self) -> None:
        """The last view has been shown."""


class Lines:
    """A line for each change, for logs and pipes."""

    def __init__(self) -> None:
        self._before: RunView | None = None

    def show(self, view: RunView) -> None:
        """Say what changed since the last view."""
        for line in changes(self._before, view):
            self.note(line)
        self._before = view

    def note(self, line: Line) -> None:
        """Say it now."""
        output.say(words(line))

    def pause(self) -> None:
        """Lines are in nobody's way."""

    def close(self) -> None:
        """Nothing is kept back."""


def presenter() -> Presenter:
    """What fits the place: rich is imported only where stderr is a terminal that can draw."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return Lines()
    from engine.cli.live_view import LiveView

    return LiveView()
