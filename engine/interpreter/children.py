"""Children that were started in an earlier history of the run.

Temporal tells the end of a child only to the history that started it. So children are not closed
with their parent's history, and the next one has an activity watch them, on a task queue of its
own, where it takes no room from steps.
"""

from datetime import timedelta

from temporalio import workflow

from engine.interpreter.driver import HEARTBEAT_TIMEOUT, Driver
from engine.messages import ChildEnd
from engine.run.commands import Ended

WATCH_TIMEOUT = timedelta(days=365)
WATCH_QUEUE = "{}-watch"
"""The task queue of what watches, after the one of what runs."""


async def watch(driver: Driver) -> None:
    """Tell the driver of each child's end, until the last has ended."""
    while driver.children:
        ended = await workflow.execute_activity(
            "watch_children",
            dict(driver.children),
            result_type=list[ChildEnd],
            task_queue=WATCH_QUEUE.format(workflow.info().task_queue),
            start_to_close_timeout=WATCH_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            summary="children of an earlier history",
        )
        for child in ended:
            if driver.children.pop(child.key, None) is not None:
                outcome = Ended(outcome=child.status, output=child.outputs, failure=child.failure)
                driver.child_finished(child.key, outcome, child.gates)
