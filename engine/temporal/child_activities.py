"""What a run asks of its children's runs and of its own, by activities that have a client."""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from engine import failures
from engine.messages import ChildAnswer, ChildEnd, Reply, RunView, StepFailure
from engine.temporal.deciding import decide

ANSWER_TIMEOUT = timedelta(seconds=8)
HEARTBEAT_SECONDS = 5.0


class ChildActivities:
    """Bound to the client of the worker that serves them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="answer_child_gate")
    async def answer(self, answer: ChildAnswer) -> Reply:
        """Have the child decide, and give back what it says."""
        try:
            return await decide(self._client, answer.workflow_id, answer.decide, ANSWER_TIMEOUT)
        except (RPCError, FailureError) as error:
            raise ApplicationError(str(error), non_retryable=True) from None

    @activity.defn(name="cancel_run")
    async def cancel(self, workflow_id: str) -> None:
        """Ask a run to end; one that has ended need not."""
        try:
            await self._client.get_workflow_handle(workflow_id).cancel()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    @activity.defn(name="watch_children")
    async def watch(self, children: dict[str, str]) -> list[ChildEnd]:
        """Wait until at least one has ended; all that have, by then."""
        waits = {asyncio.create_task(self._end(key, child)) for key, child in children.items()}
        try:
            while True:
                done, _ = await asyncio.wait(
                    waits, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                activity.heartbeat()
                if done:
                    return [task.result() for task in done]
        finally:
            for task in waits:
                task.cancel()

    async def _end(self, key: str, workflow_id: str) -> ChildEnd:
        handle: WorkflowHandle[object, RunView] = self._client.get_workflow_handle(
            workflow_id, result_type=RunView
        )
        try:
            view = await handle.result()
        except WorkflowFailureError as error:
            return _failed(key, error.cause)
        except RPCError as error:
            return ChildEnd(
                key=key,
                status="failed",
                failure=StepFailure(code="CHILD_LOST", message=str(error), category="FATAL"),
            )
        status = "failed" if view.status == "running" else view.status
        return ChildEnd(key=key, status=status, outputs=view.outputs, gates=view.gates)


def _failed(key: str, cause: BaseException) -> ChildEnd:
    found = failures.of_child(cause)
    if found is None:
        return ChildEnd(key=key, status="cancelled")
    failure, view = found
    return ChildEnd(
        key=key, status="failed", failure=failure, gates={} if view is None else view.gates
    )
