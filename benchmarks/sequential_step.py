"""What one sequential step costs on the embedded server's settings, with its SQLite file."""

import tempfile
import time
from pathlib import Path

from benchmarks.blueprints import sequential, write_project
from benchmarks.hand_written import blueprint
from benchmarks.measure import Figure
from benchmarks.server import bare_server
from benchmarks.serving import our_workers
from engine.messages import StepAnswer

STEPS = 100


async def figures() -> list[Figure]:
    """Milliseconds a step with an activity that answers at once: engine and server alone."""
    with tempfile.TemporaryDirectory() as name:
        text = sequential("bench.sequential", STEPS)
        project = write_project(Path(name) / "project", {"bench.sequential": text})
        answer = StepAnswer(output={"text": ""}, runner="process")
        async with (
            bare_server(Path(name) / "temporal.db") as client,
            our_workers(client, project, canned=answer),
        ):
            seen = []
            for _ in range(4):
                start = time.perf_counter()
                await blueprint(client, "bench.sequential")
                seen.append((time.perf_counter() - start) / STEPS * 1_000)
    return [Figure("a sequential step, server and engine alone", min(seen[1:]), 20, "ms")]
