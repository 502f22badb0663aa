"""Runs read from their histories: the same workflow is replayed here, without a worker.

For runs that have ended, or that no worker serves now, and for all that happened in a run.
"""

from collections.abc import AsyncIterator
from typing import Any

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from engine.interpreter.workflow import Run
from engine.messages import Entry, RunView
from engine.temporal.converter import DATA_CONVERTER
from engine.temporal.worker import WORKFLOW_RUNNER

_FOLLOWED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued_as_new",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
}


async def histories(client: Client, run: str, first: str) -> AsyncIterator[WorkflowHistory]:
    """The run's histories in their order; those that are no longer kept are passed over."""
    following = first
    while following:
        try:
            history = await client.get_workflow_handle(run, run_id=following).fetch_history()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return
        yield history
        following = next_history(history.events[-1])


def next_history(last: HistoryEvent) -> str:
    """The run id that a history's last event says the run goes on under; empty for none."""
    ended = _FOLLOWED.get(last.event_type)
    if ended is None:
        return ""
    attributes = getattr(last, f"workflow_execution_{ended}_event_attributes")
    return str(attributes.new_execution_run_id)


async def replay(history: WorkflowHistory) -> Run | None:
    """The run as this history leaves it, with its journal; None where it cannot be replayed."""
    kept: list[Run] = []
    replayer = Replayer(
        workflows=[Run],
        workflow_runner=WORKFLOW_RUNNER,
        data_converter=DATA_CONVERTER,
        interceptors=[_Keeping(kept)],
        # Taking a run out of memory cancels what it waits for, and so would change what is read.
        disable_safe_workflow_eviction=True,
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None or not kept:
        return None
    return kept[0]


def view_of(run: Run) -> RunView | None:
    """What a replayed run shows; None where it never came to its plan."""
    return None if run.under_way is None else run.under_way.view()


def journal_of(run: Run) -> list[Entry]:
    """What happened in the history that was replayed."""
    return run.journal or []


class _Keeping(Interceptor):
    """Keeps hold of each run that is replayed, and has it keep its journal."""

    def __init__(self, kept: list[Run]) -> None:
        self._kept = kept

    def workflow_interceptor_class(
        self, _: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Bound to this keeper."""
        kept = self._kept

        class Inbound(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
                run = workflow.instance()
                run.journal = []
                kept.append(run)
                return await super().execute_workflow(input)

        return Inbound
