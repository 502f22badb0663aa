"""The live picture of a run on a terminal: its steps with their clocks, its gates with theirs."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.text import Text

from engine.cli.progress import gate_changes
from engine.cli.run_lines import (
    Line,
    open_gates,
    status_word,
    step_lines,
    undoing_line,
    waiting_line,
)
from engine.messages import RunView

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PER_SECOND = 8
_LEAST_STEPS = 3
_ALWAYS = ("running", "failed", "rejected", "timed_out", "cancelled")


class LiveView:
    """Draws the latest view again and again, so that clocks move; a Presenter."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=False)
        self._view: RunView | None = None
        self._live: Live | None = None
        self._tick = 0

    def show(self, view: RunView) -> None:
        """Draw this view from now on; what gates saw stays above it."""
        for line in gate_changes(self._view, view):
            self.note(line)
        self._view = view
        if self._live is None:
            self._live = Live(
                get_renderable=self._picture,
                console=self._console,
                refresh_per_second=_PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def note(self, line: Line) -> None:
        """A line above the picture, which stays."""
        self._console.print(styled(line))

    def pause(self) -> None:
        """Leave the last picture standing and draw no more until the next view."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        """Draw the last view once more and leave it standing."""
        if self._live is not None:
            self._live.refresh()
        self.pause()

    def _picture(self) -> Text:
        self._tick += 1
        if self._view is None:
            return Text()
        frame = _FRAMES[self._tick % len(_FRAMES)]
        lines = picture(self._view, self._console.size.height - 1, frame)
        drawn = Text("\n").join(styled(line) for line in lines)
        drawn.no_wrap, drawn.overflow = True, "ellipsis"
        return drawn


def picture(view: RunView, height: int, frame: str) -> list[Line]:
    """The run in at most `height` lines: the steps that matter most, open gates, what is undone."""
    below = [waiting_line(path, gate) for path, gate in open_gates(view).items()]
    if view.undoing:
        below.append(undoing_line(view.undoing))
    steps = [
        ((frame, "cyan"), *line[1:]) if line[0][0] == "▸" else line for line in step_lines(view)
    ]
    room = max(height - len(below), _LEAST_STEPS)
    if len(steps) > room:
        steps = [steps[index] for index in _chosen(view, room - 1)] + [_count(view)]
    return [*steps, *below][:height] if height > 0 else [*steps, *below]


def _chosen(view: RunView, room: int) -> list[int]:
    """The indexes of what is shown: what runs or went wrong, then what is nearest to it."""
    outcomes = [step.outcome for step in view.steps.values()]
    first = next((i for i, outcome in enumerate(outcomes) if outcome in ("running", "pending")), 0)
    order = sorted(range(len(outcomes)), key=lambda i: (outcomes[i] not in _ALWAYS, abs(i - first)))
    return sorted(order[:room])


def _count(view: RunView) -> Line:
    """How many steps there are of each outcome."""
    return tuple(_pieces(Counter(step.outcome for step in view.steps.values()), len(view.steps)))


def _pieces(counts: Counter[str], total: int) -> Iterator[tuple[str, str | None]]:
    yield f"… of {total} steps:", "bright_black"
    for outcome, number in counts.items():
        word, colour = status_word(outcome)
        yield f" {number} {word}", colour


def styled(line: Line) -> Text:
    """A line as rich draws it; its texts are never read as markup."""
    return Text.assemble(*((text, colour or "") for text, colour in line))
