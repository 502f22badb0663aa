"""How a run's time grows with its steps and its items, and what the worker's memory does."""

import gc
import os
import tempfile
import time
from pathlib import Path

from benchmarks.blueprints import loop, sequential, write_project
from benchmarks.hand_written import blueprint
from benchmarks.measure import Figure, exponent
from benchmarks.server import bare_server
from benchmarks.serving import our_workers
from engine.messages import StepAnswer

STEPS = [250, 500, 1_000, 2_000]
"""A blueprint has at most 2,000 steps."""
ITEMS = [1_000, 4_000, 10_000]
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mib() -> float:
    """This process's resident memory; the worker runs in it."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE / 1024**2


async def figures() -> list[Figure]:
    """Seconds by size with an activity that answers at once, the exponents, and the memory."""
    texts = {f"bench.steps{n}": sequential(f"bench.steps{n}", n) for n in STEPS}
    texts |= {f"bench.items{n}": loop(f"bench.items{n}", n) for n in ITEMS}
    answer = StepAnswer(output={"text": "", "number": 1}, runner="process")
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        project = write_project(Path(name) / "project", texts)
        async with (
            bare_server(Path(name) / "temporal.db") as client,
            our_workers(client, project, canned=answer),
        ):
            before = resident_mib()
            for kind, sizes in (("steps", STEPS), ("items", ITEMS)):
                seconds = []
                for size in sizes:
                    start = time.perf_counter()
                    await blueprint(client, f"bench.{kind}{size}")
                    seconds.append(time.perf_counter() - start)
                    found.append(Figure(f"{size} {kind}", seconds[-1], None, "s"))
                slope = exponent(sizes, seconds)
                found.append(Figure(f"growth with {kind}", slope, 1.1, "exponent"))
            found.append(Figure("worker memory added", resident_mib() - before, 200, "MiB"))
    return found
