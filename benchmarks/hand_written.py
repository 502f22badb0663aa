"""Blueprints against hand-written workflows that do the same work, on one server, in turns."""

import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from benchmarks.blueprints import gated, loop, parallel, sequential, write_project
from benchmarks.measure import Figure, alternate
from benchmarks.server import bare_server
from benchmarks.serving import HAND_QUEUE, both_workers
from engine.messages import StepAnswer
from engine.temporal.connection import TASK_QUEUE

ROUNDS = 3
GATES = 20
"""One alone takes a tenth of a second, which says little."""
LIMIT = 1.10
MORE_EVENTS = 3
ANSWER = StepAnswer(output={"text": "", "number": 1}, runner="process")
WAIT = 0.05
"""Seconds, of a step that only waits."""
START: dict[str, dict[str, object]] = {"inputs": {}, "context": {}}


async def events(handle: WorkflowHandle[object, object]) -> int:
    """How many events the run's history has."""
    return len((await handle.fetch_history()).events)


async def asked(handle: WorkflowHandle[object, object]) -> None:
    """Wait until the gate's timer is set, by the same means for both. Not by a query: one that
    comes during a workflow task costs a further task."""
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            return


async def blueprint(client: Client, name: str) -> int:
    """Run a blueprint to its end; the events of its history."""
    handle = await client.start_workflow(
        name, START, id=f"{name}-{uuid.uuid4().hex[:8]}", task_queue=TASK_QUEUE
    )
    if name == "bench.gate":
        await asked(handle)
        answer = {"decision": "approved", "approverId": "someone-else"}
        reply = await handle.execute_update("decide", answer)
        assert reply["accepted"], reply
    await handle.result()
    return await events(handle)


async def hand(client: Client, name: str, *arguments: object) -> int:
    """The same by hand."""
    handle = await client.start_workflow(
        name, args=arguments, id=f"{name}-{uuid.uuid4().hex[:8]}", task_queue=HAND_QUEUE
    )
    if name == "hand.gate":
        await asked(handle)
        await handle.execute_update("decide", "approved")
    await handle.result()
    return await events(handle)


def counted(
    run: Callable[[], Awaitable[int]], spent: list[float], times: int
) -> Callable[[], Awaitable[None]]:
    """The same so many times; `spent` is told the CPU seconds of this process, where both workers
    run."""

    async def ran() -> None:
        began = time.process_time()
        for _ in range(times):
            await run()
        spent.append(time.process_time() - began)

    return ran


async def compared(
    title: str, ours: Callable[[], Awaitable[int]], theirs: Callable[[], Awaitable[int]],
    *, one_history: bool = True, times: int = 1,
) -> list[Figure]:  # fmt: skip
    """Wall time of so many runs as a ratio, the worker's CPU, which other work on the machine
    changes little, and events as a difference where both have one history."""
    more = await ours() - await theirs()
    ours_spent: list[float] = []
    theirs_spent: list[float] = []
    mine, other = await alternate(
        counted(ours, ours_spent, times), counted(theirs, theirs_spent, times), ROUNDS
    )
    cpu, their_cpu = statistics.median(ours_spent), statistics.median(theirs_spent)
    found = [
        Figure(f"{title} / by hand", mine / other, LIMIT, detail=f"{mine:.2f} s / {other:.2f} s"),
        Figure(f"{title}: the worker's CPU / by hand", cpu / their_cpu, None,
               detail=f"{cpu:.2f} s / {their_cpu:.2f} s"),
    ]  # fmt: skip
    if one_history:
        found.append(Figure(f"{title}: events more than by hand", more, MORE_EVENTS, "events"))
    return found


async def figures() -> list[Figure]:
    """100 in sequence, 100 in parallel, a gate, a loop over 1,000; and that loop once more with
    steps that only wait, where no program takes the processors."""
    texts = {
        "bench.sequential": sequential("bench.sequential", 100),
        "bench.parallel": parallel("bench.parallel", 100),
        "bench.loop": loop("bench.loop", 1_000),
        "bench.gate": gated("bench.gate"),
    }
    with tempfile.TemporaryDirectory() as name:
        project = write_project(Path(name) / "project", texts)
        async with bare_server(Path(name) / "temporal.db") as client:
            async with both_workers(client, project):
                found = [
                    *await compared(
                        "100 sequential steps",
                        lambda: blueprint(client, "bench.sequential"),
                        lambda: hand(client, "hand.sequential", 100),
                    ),
                    *await compared(
                        "100 parallel steps",
                        lambda: blueprint(client, "bench.parallel"),
                        lambda: hand(client, "hand.parallel", 100),
                    ),
                    *await compared(
                        f"a gate, {GATES} in turn",
                        lambda: blueprint(client, "bench.gate"),
                        lambda: hand(client, "hand.gate"),
                        times=GATES,
                    ),
                    *await _loops(client, "foreach over 1,000"),
                ]
            async with both_workers(client, project, canned=ANSWER, wait=WAIT):
                found += await _loops(client, "foreach over 1,000 that wait")
            return found


async def _loops(client: Client, title: str) -> list[Figure]:
    return await compared(
        title,
        lambda: blueprint(client, "bench.loop"),
        lambda: hand(client, "hand.loop", 1_000, []),
        one_history=False,
    )
