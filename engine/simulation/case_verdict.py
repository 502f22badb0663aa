"""Holds what came out of a simulated run against what its case expects, in sentences."""

from collections.abc import Iterator, Mapping

import msgspec

from engine.messages import StepView
from engine.plan import Json
from engine.simulation.case import CannedDecision, Case, Expected
from engine.simulation.simulated import Simulated


def steps_of(simulated: Simulated) -> dict[str, StepView]:
    """Every step of the run and of its children, by path."""
    steps = dict(simulated.view.steps)
    for prefix, view in simulated.children.items():
        steps.update({f"{prefix}/{key}": step for key, step in view.steps.items()})
    return steps


def mismatches(case: Case, simulated: Simulated) -> Iterator[str]:
    """What is not as expected; nothing where all is."""
    expected, view = case.expected, simulated.view
    if expected.status is not None and view.status != expected.status:
        why = f" ({view.error.code}: {view.error.message})" if view.error is not None else ""
        yield f"status: expected {expected.status}, was {view.status}{why}"
    code = None if view.error is None else view.error.code
    if expected.error is not None and code != expected.error:
        yield f"error: expected {expected.error}, was {code}"
    yield from _outcomes(expected, steps_of(simulated))
    for name, value in expected.outputs.items():
        yield from _differences(f"outputs.{name}", value, view.outputs.get(name), whole=True)
    yield from _calls(expected, simulated)
    gates = msgspec.json.decode(msgspec.json.encode(view.gates))
    for path, value in expected.gates.items():
        yield from _differences(f"gate {path}", value, gates.get(path), whole=False)
    yield from _undo(expected, simulated)
    yield from _replies(case, simulated)


def _outcomes(expected: Expected, steps: Mapping[str, StepView]) -> Iterator[str]:
    for path, outcome in expected.outcomes.items():
        step = steps.get(path)
        if step is None:
            yield f"outcome of {path}: expected {outcome}, but its child never ran"
        elif step.outcome != outcome:
            error = f"{step.error.code}: {step.error.message}" if step.error is not None else ""
            why = error or step.reason
            yield f"outcome of {path}: expected {outcome}, was {step.outcome}" + (
                f" ({why})" if why else ""
            )


def _calls(expected: Expected, simulated: Simulated) -> Iterator[str]:
    last = {called.path: called.command.input for called in simulated.calls}
    for path, value in expected.calls.items():
        if value is None and path in last:
            yield f"call of {path}: expected none, was called with {_shown(last[path])}"
        elif value is not None and path not in last:
            yield f"call of {path}: expected one, was never called"
        elif value is not None:
            yield from _differences(f"call of {path}", value, last[path], whole=False)


def _undo(expected: Expected, simulated: Simulated) -> Iterator[str]:
    view = simulated.view
    if expected.undone is not None and view.undone != expected.undone:
        yield f"undone: expected {list(expected.undone)}, was {list(view.undone)}"
    names = tuple(str(entry["step"]) for entry in view.not_undone)
    if expected.not_undone is not None and names != expected.not_undone:
        yield f"notUndone: expected {list(expected.not_undone)}, was {list(names)}"


def _replies(case: Case, simulated: Simulated) -> Iterator[str]:
    wanted = [
        (gate, decision)
        for gate, decisions in case.decisions.items()
        for decision in decisions
        if decision.accepted is not None
    ]
    for gate, decision in wanted:
        reply = next(
            (r for said, r in simulated.replies if said.gate == gate and _is(decision, said)), None
        )
        if reply is None:
            yield f"the answer of {decision.by} at {gate}: the gate never opened, or not so long"
        elif reply.accepted != decision.accepted:
            word = "count" if decision.accepted else "be refused"
            yield f"the answer of {decision.by} at {gate} was to {word}: {reply.reason}"


def _is(decision: CannedDecision, said: object) -> bool:
    names = ("by", "decision", "after_ms", "reason", "digest")
    return all(getattr(decision, name) == getattr(said, name) for name in names)


def _differences(name: str, wanted: Json, found: Json, *, whole: bool) -> Iterator[str]:
    """Where two values differ; unless `whole`, objects may have more than is wanted."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in (*wanted, *(key for key in found if whole and key not in wanted)):
            if key not in found:
                yield f"{name}.{key}: expected {_shown(wanted[key])}, is not there"
            elif key not in wanted:
                yield f"{name}.{key}: not expected, was {_shown(found[key])}"
            else:
                yield from _differences(f"{name}.{key}", wanted[key], found[key], whole=whole)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(f"{name}[{index}]", one, other, whole=whole)
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):
        yield f"{name}: expected {_shown(wanted)}, was {_shown(found)}"


def _shown(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else f"{text[:300]}…"
