"""The run's time: the same each time its history is replayed."""

from dataclasses import dataclass, field

from temporalio import workflow


def now_ms() -> int:
    """Temporal's time of the workflow, in milliseconds since the epoch.

    Where a local activity has just ended, a replay may tell another time than the run was told.
    """
    return workflow.time_ns() // 1_000_000


@dataclass(slots=True)
class Clock:
    """Moves on with what comes from the server, never with the end of a local activity."""

    ms: int = field(default_factory=now_ms)
    """Milliseconds since the epoch; never runs backwards."""

    def tick(self, at_least: int = 0) -> int:
        """Something came from the server: it is now; a timer that rang is never early."""
        self.ms = max(self.ms, now_ms(), at_least)
        return self.ms
