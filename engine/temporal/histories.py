"""The histories of a run, as Temporal keeps them: one follows the other."""

from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

_FOLLOWED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued_as_new",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed_out",
}
_ENDS = {
    *_FOLLOWED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
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


def is_end(event: HistoryEvent) -> bool:
    """Whether it closes its history."""
    return event.event_type in _ENDS


def next_history(last: HistoryEvent) -> str:
    """The run id that a history's last event says the run goes on under; empty for none."""
    ended = _FOLLOWED.get(last.event_type)
    if ended is None:
        return ""
    attributes = getattr(last, f"workflow_execution_{ended}_event_attributes")
    return str(attributes.new_execution_run_id)
