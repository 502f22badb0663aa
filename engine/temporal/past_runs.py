"""Runs read from their histories: the same workflow is replayed here, without a worker.

For runs that have ended, or that no worker serves now, and for all that happened in a run.
"""

from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHistory
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
from engine.temporal.worker import BUILD, WORKFLOW_RUNNER


async def replay(history: WorkflowHistory) -> Run | None:
    """The run as this history leaves it, with its journal; None where it cannot be replayed."""
    kept: list[Run] = []
    replayer = Replayer(
        workflows=[Run],
        workflow_runner=WORKFLOW_RUNNER,
        data_converter=DATA_CONVERTER,
        build_id=BUILD,
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
