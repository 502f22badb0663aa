"""Random blueprints, and random answers to what they call: for RunState, simulator and server.

A plan and a scenario are drawn apart, so that one plan can meet the same answers in another order.
Bind a plan drawn here to `INPUTS`. `kinds` narrows what its steps are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from engine.messages import StepFailure
from engine.plan import (
    Call,
    ChildStep,
    Edge,
    GateStep,
    Json,
    Outcome,
    PinnedCapability,
    Plan,
    Retry,
    RunStep,
    SetStep,
    Step,
    WaitStep,
)
from engine.run.commands import CallCapability
from engine.simulation.scenario import Answer, Said, Scenario, Sent

CAPABILITY = "golden.test.act@1.0.0"
PINNED = PinnedCapability(
    id="golden.test.act",
    version="1.0.0",
    digest="0" * 64,
    effect="write",
    idempotent=True,
    timeout_ms=60_000,
    retry=Retry(attempts=2, first_ms=10, max_ms=100),
)
Kinds = tuple[str, ...]
WELL: tuple[Outcome, ...] = ("succeeded", "approved", "skipped")
ENDS: Mapping[str, tuple[Outcome, ...]] = {
    "run": ("succeeded", "failed", "skipped", "unreached"),
    "set": ("succeeded", "skipped", "unreached"),
    "wait": ("succeeded", "timed_out", "skipped", "unreached"),
    "gate": ("approved", "rejected", "timed_out", "skipped", "unreached"),
    "blueprint": ("succeeded", "failed", "skipped", "unreached"),
}
APPROVER = "approver"
INPUTS: Mapping[str, Json] = {"yes": True, "no": False}
KINDS = ("run", "run", "run", "loop", "set", "gate", "wait", "signal", "blueprint")
UNTIMED = ("run", "run", "loop", "set", "wait", "blueprint")
"""Kinds of steps whose outcome does not hang on when something comes."""


def call(value: Json = None) -> Call:
    """A call that says nothing but a value."""
    return Call(capability=CAPABILITY, with_={} if value is None else {"value": value})


def plan_of(*steps: Step, **more: Any) -> Plan:
    """A plan of these steps."""
    given: dict[str, Any] = {
        "blueprint": "test.random",
        "version": "1.0.0",
        "title": "Random",
        "owner": "sre",
        "capabilities": {CAPABILITY: PINNED},
        "steps": steps,
    }
    return Plan(**{**given, **more})


def run_step(name: str, **more: Any) -> RunStep:
    """A `run` step."""
    given: dict[str, Any] = {"call": call(), "timeout_ms": 60_000, "retry": Retry()}
    return RunStep(id=name, **{**given, **more})


def gate_step(name: str, **more: Any) -> GateStep:
    """A gate that asks one role for a minute."""
    given: dict[str, Any] = {"ask": "?", "approvers": (APPROVER,), "timeout": {"default": 60_000}}
    return GateStep(id=name, **{**given, **more})


def after(*names: str, outcomes: tuple[Outcome, ...] = WELL) -> tuple[Edge, ...]:
    """Edges to these steps."""
    return tuple(Edge(step=name, outcomes=outcomes) for name in names)


@st.composite
def _edges(draw: st.DrawFn, before: list[Step]) -> tuple[Edge, ...]:
    if not before:
        return ()
    count = draw(st.integers(0, min(3, len(before))))
    needed = draw(st.permutations(range(len(before))))[:count]
    return tuple(draw(_edge(before[index])) for index in sorted(needed))


@st.composite
def _edge(draw: st.DrawFn, step: Step) -> Edge:
    if draw(st.booleans()):
        return Edge(step=step.id, outcomes=WELL)
    able = ENDS[_kind(step)]
    outcomes = draw(st.lists(st.sampled_from(able), min_size=1, unique=True))
    return Edge(step=step.id, outcomes=tuple(outcomes))


def _kind(step: Step) -> str:
    return str(step.__struct_config__.tag)


@st.composite
def _step(
    draw: st.DrawFn, name: str, before: list[Step], children: tuple[str, ...], kinds: Kinds
) -> Step:
    common: dict[str, Any] = {
        "needs": draw(_edges(before)),
        "tolerate": draw(st.sampled_from((False, False, False, True))),
        "when": draw(st.sampled_from((None, None, None, True, False, "inputs.yes", "inputs.no"))),
        "severity": draw(st.sampled_from(((), (), (), ("P1",), ("P2", "P3")))),
    }
    able = [kind for kind in kinds if children or kind != "blueprint"]
    match draw(st.sampled_from(able)):
        case "run":
            return run_step(name, **common, **draw(_run()))
        case "loop":
            items = draw(st.lists(st.integers(0, 9), max_size=5))
            more = {"call": call("{{ item }}"), "foreach": items}
            return run_step(
                name, concurrency=draw(st.integers(1, 3)), **common, **{**draw(_run()), **more}
            )
        case "set":
            return SetStep(id=name, values={"x": "{{ inputs.yes }}"}, **common)
        case "gate":
            return gate_step(
                name,
                count=draw(st.integers(1, 2)),
                escalate=draw(st.sampled_from(({}, {"P1": (("boss",), (APPROVER,))}))),
                **common,
            )
        case "wait":
            return WaitStep(id=name, duration_ms=draw(st.integers(0, 1000)), **common)
        case "signal":
            return WaitStep(id=name, signal="go", timeout_ms=30_000, **common)
    return ChildStep(
        id=name,
        blueprint=draw(st.sampled_from(children)),
        foreach=draw(st.sampled_from((None, None, [], [1, 2, 3]))),
        concurrency=draw(st.integers(1, 3)),
        undo=draw(st.sampled_from((None, call("undo")))),
        **common,
    )


@st.composite
def _run(draw: st.DrawFn) -> dict[str, Any]:
    attempts = draw(st.integers(1, 3))
    return {
        "retry": Retry(attempts=attempts, first_ms=5, max_ms=50),
        "undo": draw(st.sampled_from((None, call("undo")))),
    }


@st.composite
def _steps(
    draw: st.DrawFn, letter: str, most: int, children: tuple[str, ...], kinds: Kinds
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for index in range(draw(st.integers(1, most))):
        steps.append(draw(_step(f"{letter}{index}", steps, children, kinds)))
    return tuple(steps)


@st.composite
def plans(draw: st.DrawFn, most: int = 8, kinds: Kinds = KINDS) -> Plan:
    """Any plan of up to `most` steps, perhaps with a `finally` and a child."""
    children: dict[str, Plan] = {}
    if "blueprint" in kinds and draw(st.booleans()):
        steps = draw(_steps("c", 3, (), kinds))
        children["test.child"] = plan_of(*steps, blueprint="test.child", capabilities={})
    last = draw(_steps("f", 2, (), kinds)) if draw(st.booleans()) else ()
    steps = draw(_steps("s", most, tuple(children), kinds))
    return plan_of(*steps, finally_=last, children=children)


FAILURES = (
    StepFailure(code="BUSY", message="busy", category="RETRYABLE"),
    StepFailure(code="SLOW", message="slow", category="RATE_LIMIT", retry_after_ms=70),
    StepFailure(code="BROKEN", message="broken", category="FATAL"),
    StepFailure(code="DENIED", message="no", category="AUTH_FAILURE", started=False),
)


@st.composite
def answers(draw: st.DrawFn, most_ms: int = 2_000) -> Answer:
    """How one attempt ends, mostly well."""
    takes = draw(st.integers(0, most_ms))
    if draw(st.integers(0, 3)):
        return Answer(output={"n": draw(st.integers(0, 5))}, takes_ms=takes)
    return Answer(failure=draw(st.sampled_from(FAILURES)), takes_ms=takes)


def _paths(plan: Plan) -> list[tuple[str, Step]]:
    paths = list(plan.every_step())
    for key, step in tuple(paths):
        if isinstance(step, ChildStep):
            child = plan.children[step.blueprint]
            paths += [(f"{key}/{inner}", each) for inner, each in child.every_step()]
    return paths


@st.composite
def scenarios(draw: st.DrawFn, plan: Plan) -> Scenario:
    """Answers to all that the plan may call, decisions at its gates, signals."""
    canned: dict[str, tuple[Answer, ...]] = {}
    said: list[Said] = []
    for path, step in _paths(plan):
        if isinstance(step, RunStep):
            names = (
                [path]
                if step.foreach is None
                else [f"{path}[{index}]" for index in range(len(step.foreach))]
            )
            for name in names:
                canned[name] = tuple(draw(st.lists(answers(), min_size=1, max_size=3)))
                head, _, last = name.rpartition("/")
                undo = f"{head}/undo/{last}" if head else f"undo/{last}"
                canned[undo] = (draw(answers()),)
        elif isinstance(step, GateStep):
            people = draw(st.lists(st.sampled_from(("ann", "ben", "boss", "bot")), max_size=3))
            said += [
                Said(
                    gate=path,
                    by=name,
                    after_ms=draw(st.integers(0, 100_000)),
                    decision=draw(st.sampled_from(("approved", "approved", "rejected"))),
                )
                for name in people
            ]
    sent = draw(
        st.lists(
            st.builds(Sent, st.just("go"), st.integers(0, 3), st.integers(0, 20_000)), max_size=3
        )
    )
    return Scenario(answers=canned, said=tuple(said), sent=tuple(sent))


@dataclass(frozen=True)
class AnyContract:
    """Contracts that ask nothing: every call that nothing is said of succeeds with null."""

    def default(self, call: CallCapability) -> Answer:  # noqa: ARG002
        return Answer()

    def refusal(self, call: CallCapability) -> StepFailure | None:  # noqa: ARG002
        return None

    def bind(
        self,
        plan: Plan,
        inputs: Mapping[str, Json],
        context: Mapping[str, Json],  # noqa: ARG002
    ) -> tuple[Plan, Mapping[str, Json]]:
        return plan, {**INPUTS, **inputs}
