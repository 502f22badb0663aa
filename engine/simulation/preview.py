"""`harmony plan`: what would happen for these inputs, if every call succeeds and all gates approve.

Nothing runs. What a condition reads of a step's output is not known beforehand: such a step
`depends`, and so does what needs it to have run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import ExpressionFailed, HarmonyError
from engine.expressions import Reference, condition, evaluate, has_template, parse, parse_condition
from engine.plan import ChildStep, GateStep, Json, Outcome, Plan, RunStep, SetStep, Step
from engine.run.graph import in_order

Verdict = Literal["runs", "skipped", "unreached", "depends"]


@dataclass(frozen=True, slots=True)
class GatePreview:
    """Who must answer a gate, and how long they have, at this severity."""

    ask: str
    """As far as it can be known."""
    approvers: tuple[str, ...]
    count: int
    timeout_ms: int | None
    """None where neither the severity nor a default has one: the gate would fail."""
    rounds: tuple[tuple[str, ...], ...]
    """Who is asked next, each time that time runs out."""


@dataclass(frozen=True, slots=True)
class StepPreview:
    """What would happen to one step."""

    key: str
    step: Step
    verdict: Verdict
    reason: str | None = None
    """Why it is skipped, not reached, or cannot be known."""
    items: int | None = None
    """Of a loop, where that is known."""
    gate: GatePreview | None = None
    child: tuple["StepPreview", ...] = ()
    """The steps of a `blueprint` step that may run."""


def preview(
    plan: Plan, inputs: Mapping[str, Json] | None, context: Mapping[str, Json]
) -> tuple[StepPreview, ...]:
    """Every step with what would become of it, in the plan's order.

    `inputs` None: they are not known, as those of a child that depend on a step.
    """
    foresight = _Foresight(plan, inputs, context)
    found = {}
    for prefix, steps in (("", plan.steps), ("finally/", plan.finally_)):
        for step in in_order(steps):
            key = prefix + step.id
            found[key] = foresight.look(prefix, key, step)
    return tuple(found[key] for key, _ in plan.every_step())


class _NotKnown(Exception):
    """Something was read that is known only when the run gets there."""


class _Known(Mapping[str, Json]):
    """What is known of a step; _NotKnown for the rest, unless it will not run."""

    def __init__(self, step: str, known: Mapping[str, Json]) -> None:
        self._step = step
        self._known = known

    def __getitem__(self, name: str) -> Json:
        if name in self._known or self._known.get("outcome") in {"skipped", "unreached"}:
            return self._known[name]
        raise _NotKnown(f"steps.{self._step}.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(slots=True)
class _Foresight:
    """What is known while the steps are gone through, each behind those it needs."""

    plan: Plan
    inputs: Mapping[str, Json] | None
    context: Mapping[str, Json]
    outcomes: dict[str, frozenset[Outcome]] = field(default_factory=dict)
    """By key: the outcomes that the step may have."""
    steps: dict[str, dict[str, Json]] = field(default_factory=dict)
    """By id: what is known of it."""

    def look(self, prefix: str, key: str, step: Step) -> StepPreview:
        """What would become of a step."""
        verdict, reason = self._verdict(prefix, step)
        self.outcomes[key] = _outcomes(step, verdict)
        self.steps[step.id] = self._known_of(step, verdict, self.outcomes[key])
        if verdict in {"skipped", "unreached"}:
            return StepPreview(key, step, verdict, reason)
        return StepPreview(
            key, step, verdict, reason, self._items(step), self._gate(step), self._child(step)
        )

    def _verdict(self, prefix: str, step: Step) -> tuple[Verdict, str | None]:
        maybe: list[str] = []
        for edge in step.needs:
            able = self.outcomes[prefix + edge.step]
            if not able & set(edge.outcomes):
                return "unreached", f"{edge.step} would be {_any_of(able)}"
            if not able <= set(edge.outcomes):
                maybe.append(f"whether {edge.step} runs")
        severity = self.context.get("incident_severity")
        if step.severity and severity not in step.severity:
            wanted = ", ".join(step.severity)
            return "skipped", f"it is for severity {wanted}, this is {severity or 'none'}"
        if isinstance(step.when, str):
            try:
                if not self._holds(step.when):
                    return "skipped", f"`{step.when}` is false"
            except _NotKnown as unknown:
                maybe.append(f"`{step.when}`: {unknown} is known only then")
        elif step.when is False:
            return "skipped", "`when` is false"
        return ("depends", "; ".join(maybe)) if maybe else ("runs", None)

    def _holds(self, when: str) -> bool:
        """_NotKnown where that hangs on what is not known beforehand: what stands before `and` or
        `or` may have settled it."""
        references = parse_condition(when).references
        unknown = self._unknown(references)
        others = [each for each in references if each.path[0] != "steps" or len(each.path) < 3]
        if (other := self._unknown(others)) is not None:
            raise _NotKnown(other)
        steps = {name: _Known(name, known) for name, known in self.steps.items()}
        try:
            return condition(when, {**self._names(), "steps": steps})
        except ExpressionFailed:
            if unknown is not None:
                raise _NotKnown(unknown) from None
            return True  # it would start, and fail on this

    def _known_of(
        self, step: Step, verdict: Verdict, outcomes: frozenset[Outcome]
    ) -> dict[str, Json]:
        known: dict[str, Json] = {}
        if len(outcomes) == 1:
            known["outcome"] = next(iter(outcomes))
        if isinstance(step, SetStep) and verdict == "runs":
            value = self._value(step.values)
            if value is not None:
                known["output"] = value
        return known

    def _value(self, value: Json) -> Json:
        """What it evaluates to; None where that is not known."""
        for text in _texts(value):
            if has_template(text) and self._unknown(parse(text).references) is not None:
                return None
        try:
            return evaluate(value, self._names())
        except HarmonyError:
            return None

    def _unknown(self, references: Iterable[Reference]) -> str | None:
        """The first thing read that is not known beforehand."""
        for reference in references:
            match reference.path:
                case ("inputs", *_) if self.inputs is None:
                    return "inputs"
                case ("steps", str() as step, str() as name, *_):
                    if not self._is_known(step, name):
                        return f"steps.{step}.{name}"
                case ("steps" | "run" | "item" | "index" as name, *_):
                    return str(name)
        return None

    def _is_known(self, step: str, name: str) -> bool:
        if name in self.steps.get(step, {}):
            return True
        outcome = self.steps.get(step, {}).get("outcome")
        return outcome in {"skipped", "unreached"}

    def _names(self) -> Mapping[str, Json]:
        return {"inputs": self.inputs or {}, "context": self.context, "steps": self.steps}

    def _items(self, step: Step) -> int | None:
        if not isinstance(step, RunStep | ChildStep) or step.foreach is None:
            return None
        items = self._value(step.foreach)
        return len(items) if isinstance(items, list) else None

    def _gate(self, step: Step) -> GatePreview | None:
        if not isinstance(step, GateStep):
            return None
        severity = str(self.context.get("incident_severity"))
        ask = self._value(step.ask)
        return GatePreview(
            ask=ask if isinstance(ask, str) else step.ask,
            approvers=step.approvers,
            count=step.count,
            timeout_ms=step.timeout.get(severity, step.timeout.get("default")),
            rounds=step.escalate.get(severity, ()),
        )

    def _child(self, step: Step) -> tuple[StepPreview, ...]:
        if not isinstance(step, ChildStep):
            return ()
        inputs = self._value(step.with_)
        child = self.plan.child(step.blueprint)
        return preview(child, inputs if isinstance(inputs, dict) else None, self.context)


def _outcomes(step: Step, verdict: Verdict) -> frozenset[Outcome]:
    if verdict == "skipped":
        return frozenset(("skipped",))
    if verdict == "unreached":
        return frozenset(("unreached",))
    well: Outcome = "approved" if isinstance(step, GateStep) else "succeeded"
    if verdict == "runs":
        return frozenset((well,))
    may_skip = step.when is not None or bool(step.severity)
    return frozenset((well, "skipped" if may_skip else "unreached"))


def _any_of(outcomes: frozenset[Outcome]) -> str:
    return " or ".join(sorted(outcome.replace("_", " ") for outcome in outcomes))


def _texts(value: Json) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
