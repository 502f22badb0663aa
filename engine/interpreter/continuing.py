"""When and how a run goes on in a new history.

A history is replayed whenever a worker meets the run anew, so it is kept short. From the size in
`CompiledRun.continue_after` on, new calls are held back until those in flight have ended, for at
most `PATIENCE`: one long call must not keep the other branches waiting for ever. If it does not
end, the run goes on in the same history and tries again later; at `HARD` times that size, still
far from Temporal's own end at 51,200 events, it waits however long the call takes.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

PATIENCE = timedelta(seconds=30)
MOMENT = timedelta(milliseconds=1)
HARD = 4.0
_AGAIN = 0.5
_FULL_BYTES = 4 * 1024**2


@dataclass(slots=True)
class HistoryLimit:
    """How full the history is, 1.0 being where a new one is wanted."""

    events: int
    _due: float = 1.0

    def fill(self) -> float:
        """The larger of the share of events and the share of bytes."""
        info = workflow.info()
        share = info.get_current_history_length() / self.events
        return max(share, info.get_current_history_size() / _FULL_BYTES)

    def due(self) -> bool:
        """A new history is wanted."""
        return self.fill() >= self._due

    def out_of_patience(self) -> bool:
        """Give up holding back for now; False at the hard limit."""
        if self.fill() >= HARD:
            return False
        self._due = self.fill() + _AGAIN
        return True

    def never(self) -> None:
        """What the run remembers does not fit into a new history's beginning."""
        self._due = float("inf")
