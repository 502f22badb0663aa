"""How a run ended, and how it is shown."""

from collections.abc import Mapping

from engine import durations, instants
from engine.errors import ExpressionFailed
from engine.expressions import evaluate
from engine.messages import GateView, RunError, RunView, StepView
from engine.plan import MAX_OUTPUT_BYTES, Plan, RunStatus, Step
from engine.run import outputs
from engine.run.read_names import Names
from engine.run.run_memory import Memory, StepRecord


def status(memory: Memory, steps: Mapping[str, Step]) -> RunStatus:
    """What the steps that have ended make of the run.

    Where a gate was rejected and another timed out, the run is rejected, in whatever order.
    """
    if memory.cancelled:
        return "cancelled"
    outcomes = {record.outcome for key, record in memory.steps.items() if not steps[key].tolerate}
    if memory.out_of_time or memory.output_error is not None or "failed" in outcomes:
        return "failed"
    if "rejected" in outcomes:
        return "rejected"
    return "timed_out" if "timed_out" in outcomes else "succeeded"


def error(memory: Memory, plan: Plan, steps: Mapping[str, Step]) -> RunError | None:
    """Why a run that failed did; of several steps the first in the blueprint's order."""
    if memory.status != "failed":
        return None
    if memory.out_of_time:
        longest = durations.render(plan.max_duration_ms)
        message = f"the run took longer than its maxDuration of {longest}, and was stopped"
        return RunError(code="RUN_TIMED_OUT", message=message)
    for key, step in steps.items():
        failure = memory.steps[key].error
        if failure is not None and memory.steps[key].outcome == "failed" and not step.tolerate:
            return RunError(code=failure.code, message=f"step {key}: {failure.message}")
    return memory.output_error


def compute_outputs(plan: Plan, memory: Memory, names: Names, well: bool) -> None:  # noqa: FBT001
    """Fill in the outputs; what cannot be had is null, and fails a run that went `well`."""
    for name, value in plan.outputs.items():
        try:
            memory.outputs[name] = evaluate(value, names)
        except ExpressionFailed as problem:
            memory.outputs[name] = None
            _no_output(memory, name, "EXPRESSION", problem.message, well)
    size = outputs.size_of(memory.outputs)
    if size > MAX_OUTPUT_BYTES:
        memory.outputs = dict.fromkeys(plan.outputs)
        large = f"they are {size:,} bytes of JSON, and may be {MAX_OUTPUT_BYTES:,}"
        _no_output(memory, "all of them", "OUTPUT_TOO_LARGE", large, well)


def view(
    plan: Plan,
    memory: Memory,
    steps: Mapping[str, Step],
    gates: dict[str, GateView],
    undoing: str | None,
) -> RunView:
    """The run as it is now."""
    return RunView(
        run=memory.info.id,
        blueprint=plan.blueprint,
        version=plan.version,
        digest=memory.info.digest,
        status=memory.status if memory.status and memory.stage == "done" else "running",
        outputs=memory.outputs,
        steps={key: _step_view(memory.steps.get(key)) for key in steps},
        gates=gates,
        undoing=undoing,
        undone=tuple(memory.undo.undone),
        not_undone=tuple(memory.undo.not_undone),
        error=error(memory, plan, steps),
        warnings=tuple(memory.warnings),
        initiator=memory.info.initiator,
        solo=memory.info.solo,
    )


def _no_output(memory: Memory, name: str, code: str, why: str, well: bool) -> None:  # noqa: FBT001
    if well and memory.output_error is None:
        memory.output_error = RunError(code=code, message=f"outputs, {name}: {why}")
    elif not well:
        memory.warnings.append(f"outputs, {name}: {why}")


def _step_view(record: StepRecord | None) -> StepView:
    if record is None:
        return StepView(outcome="pending")
    return StepView(
        outcome=record.outcome or "running",
        reason=record.reason,
        output=record.output,
        error=record.error,
        attempts=record.attempts,
        started_at=_time(record.started_ms),
        finished_at=_time(record.finished_ms),
        runner=record.runner,
    )


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else instants.render(milliseconds)
