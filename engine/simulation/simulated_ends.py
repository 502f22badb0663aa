"""How a canned answer, a child or a time limit ends what was in flight; pure."""

import msgspec

from engine.messages import Entry, RunView, StepFailure
from engine.plan import Plan
from engine.run.commands import CallCapability, Ended
from engine.simulation.scenario import Answer


def as_ended(answer: Answer) -> Ended:
    """The end of a call or child whose answer is canned."""
    if answer.failure is not None:
        return Ended(outcome="failed", failure=answer.failure, runner="simulated")
    return Ended(output=answer.output, runner="simulated")


def child_ended(view: RunView) -> Ended:
    """The end of a child that was simulated too."""
    failure = None
    if view.status == "failed" and view.error is not None:
        failure = StepFailure(code=view.error.code, message=view.error.message, category="FATAL")
    status = "failed" if view.status == "running" else view.status
    return Ended(outcome=status, output=view.outputs, failure=failure)


def timed_out(plan: Plan, command: CallCapability) -> StepFailure:
    """The failure of a call whose answer takes longer than it may."""
    idempotent = plan.capabilities[command.call.capability].idempotent
    return StepFailure(
        code="TIMEOUT",
        message=f"it ran longer than {command.timeout_ms / 1000:g} s",
        category="RETRYABLE" if idempotent else "FATAL",
    )


def under(prefix: str, entry: Entry) -> Entry:
    """A child's entry as its parent tells it."""
    if not prefix:
        return entry
    return msgspec.structs.replace(
        entry,
        text=f"{prefix.removesuffix('/')}: {entry.text}",
        step=None if entry.step is None else prefix + entry.step,
        gate=None if entry.gate is None else prefix + entry.gate,
    )
