"""What a run asks of steps and children, as messages to the server, and how much of it fits."""

from dataclasses import dataclass
from typing import overload

from temporalio import workflow

from engine import instants
from engine.interpreter import ending
from engine.interpreter.clock import now_ms
from engine.interpreter.starting import ChildStart
from engine.messages import Actor, CompiledRun, Message, StepCall, StepFailure
from engine.plan import Plan
from engine.run.commands import CallCapability, StartChild

TASK_BYTES = 2_000_000
"""Of calls and children, as JSON, that one workflow task issues: the server takes 4 MB at once."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Makes the message of each command, with what is the same in all of a run's."""

    plan: Plan
    compiled: CompiledRun
    solo: bool
    actor: Actor | None

    def call(self, command: CallCapability) -> StepCall:
        """One attempt of a step, as the activity takes it."""
        capability = self.plan.capabilities[command.call.capability]
        info = workflow.info()
        runbook = None
        if capability.runbook_input is not None and isinstance(command.input, dict):
            runbook = self.plan.runbooks.get(str(command.input.get(capability.runbook_input)))
        limit = _left(command.timeout_ms, command.deadline_ms)
        return StepCall(
            run_id=info.workflow_id,
            blueprint=self.plan.blueprint,
            step=command.key,
            attempt=command.attempt,
            idempotency_key=f"{info.first_execution_run_id}/{command.key}",
            deadline=instants.render(now_ms() + limit),
            timeout_ms=limit,
            capability=capability.id,
            version=capability.version,
            digest=capability.digest,
            idempotent=capability.idempotent,
            input=command.input,
            config=command.config,
            secrets=command.secrets,
            context=self.compiled.context,
            initiator=self.compiled.initiator,
            solo=self.solo,
            runbook=runbook,
        )

    def child(self, command: StartChild) -> ChildStart:
        """What a child begins with."""
        return ChildStart(
            kind="child",
            plan=self.plan.child(command.blueprint),
            inputs=command.inputs,
            context=self.compiled.context,
            initiator=self.compiled.initiator,
            actor=self.actor,
            solo=self.solo,
            indexed=self.compiled.indexed,
            timeout_ms=_left(command.timeout_ms, command.deadline_ms),
            parent=workflow.info().workflow_id,
            step=command.key,
        )


class TaskRoom:
    """How much the message that ends a workflow task still holds: the server ends a run that sends
    a larger one."""

    def __init__(self) -> None:
        self._length = -1
        self._used = 0

    def takes(self, size: int) -> bool:
        """Whether so many bytes fit beside what this task has already; they are then counted."""
        length = workflow.info().get_current_history_length()  # by which a task is known
        if length != self._length:
            self._length, self._used = length, 0
        if self._used and self._used + size > TASK_BYTES:
            return False
        self._used += size
        return True


def never_taken(message: Message, size: int) -> StepFailure | None:
    """A failure where the server would refuse the message again and again, and the run hang."""
    if size <= ending.RESULT_LIMIT or ending.fits(message):
        return None
    what = "its input" if isinstance(message, StepCall) else "the child's inputs"
    return StepFailure(
        code="INPUT_TOO_LARGE",
        message=f"{what}, with all that goes with it, is {size:,} bytes of JSON and cannot be "
        f"handed over; {ending.RESULT_LIMIT:,} can. Write it somewhere and give where",
        category="FATAL",
        started=False,
    )


@overload
def _left(timeout_ms: int, deadline_ms: int | None) -> int: ...
@overload
def _left(timeout_ms: int | None, deadline_ms: int | None) -> int | None: ...
def _left(timeout_ms: int | None, deadline_ms: int | None) -> int | None:
    """Milliseconds for what is issued now: it may have been held back since it was due."""
    if deadline_ms is None:
        return timeout_ms
    left = max(deadline_ms - now_ms(), 1)
    return left if timeout_ms is None else min(timeout_ms, left)
