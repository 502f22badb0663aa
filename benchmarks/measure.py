"""What every benchmark gives back, and how two things are measured side by side."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was measured, against what, and the most it may be."""

    name: str
    value: float
    limit: float | None
    """None where the figure only informs."""
    unit: str = "ratio"
    detail: str = ""

    @property
    def reached(self) -> bool:
        """Whether the figure is within its limit."""
        return self.limit is None or self.value <= self.limit


async def alternate(
    ours: Callable[[], Awaitable[object]], theirs: Callable[[], Awaitable[object]], rounds: int
) -> tuple[float, float]:
    """Median seconds of each, run in turns so that what the machine does hits both alike.

    One that gives a float gives its own seconds: what it did before or after does not count.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        pairs = ((ours, times[0]), (theirs, times[1]))
        for run, seen in pairs if turn % 2 == 0 else reversed(pairs):
            gc.collect()
            start = time.perf_counter()
            told = await run()
            seen.append(told if isinstance(told, float) else time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def best_of(run: Callable[[], object], rounds: int) -> float:
    """The least seconds of several runs: what the code costs, without what else happened."""
    seen = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        seen.append(time.perf_counter() - start)
    return min(seen)


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of log(seconds) over log(size): 1 is linear."""
    import math

    xs = [math.log(size) for size in sizes]
    ys = [math.log(second) for second in seconds]
    return statistics.linear_regression(xs, ys).slope
