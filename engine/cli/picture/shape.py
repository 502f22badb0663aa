"""What is drawn of a plan: nodes and labelled edges, without places."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine import durations
from engine.plan import ChildStep, Edge, GateStep, Outcome, Plan, RunStep, SetStep, Step, WaitStep

Kind: TypeAlias = Literal["run", "gate", "blueprint", "wait", "set"]

_WELL: frozenset[Outcome] = frozenset({"succeeded", "approved", "skipped"})
_EVERY = 8
"""How many outcomes there are: as many in `needs` is `any`."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step."""

    key: str
    """Its id, or `finally/<id>`."""
    kind: Kind
    text: str
    """What it does, in one line."""
    conditions: tuple[str, ...]
    """What must hold besides its needs: severity, `when`, `foreach`."""
    effect: str
    """read, write or destructive of what it runs; empty where it runs nothing."""


@dataclass(frozen=True, slots=True)
class Link:
    """One need: from the step waited for to the one that waits."""

    source: str
    target: str
    label: str
    """The outcomes that let it go on; empty where the source must only end well."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A blueprint's graph; nodes in an order in which sources come first."""

    title: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]


def of(plan: Plan) -> Shape:
    """The shape of a plan, its `finally` steps included."""
    steps = dict(plan.every_step())
    links = tuple(link for key, step in steps.items() for link in _links(key, step, steps))
    nodes = tuple(_node(key, steps[key], plan) for key in _in_order(tuple(steps), links))
    return Shape(f"{plan.blueprint} {plan.version} - {plan.title}", nodes, links)


def _links(key: str, step: Step, steps: dict[str, Step]) -> Iterator[Link]:
    section = "finally/" if key.startswith("finally/") else ""
    for need in step.needs:
        inner = section + need.step
        source = inner if inner in steps else need.step
        if source in steps:
            yield Link(source, key, outcomes_in_words(need))


def outcomes_in_words(need: Edge) -> str:
    """`approved`, `rejected or timed_out`, `any`; empty for the ordinary need to end well."""
    given = set(need.outcomes)
    if given <= _WELL and "skipped" in given:
        return ""
    return "any" if len(given) >= _EVERY else " or ".join(need.outcomes)


def shortest(shape: Shape) -> tuple[Link, ...]:
    """The links without those that others imply: a → c where there are a → b and b → c."""
    places = {node.key: number for number, node in enumerate(shape.nodes)}
    sources: dict[str, list[str]] = {key: [] for key in places}
    for link in shape.links:
        sources[link.target].append(link.source)
    above: dict[str, int] = {}
    implied = set()
    for key in places:
        reached = 0
        for source in sorted(set(sources[key]), key=places.__getitem__, reverse=True):
            if reached >> places[source] & 1:
                implied.add((source, key))
            reached |= above[source] | 1 << places[source]
        above[key] = reached
    return tuple(link for link in shape.links if (link.source, link.target) not in implied)


def _in_order(keys: tuple[str, ...], links: tuple[Link, ...]) -> Iterator[str]:
    """The keys with every source before its targets, else as they were written."""
    waiting = dict.fromkeys(keys, 0)
    targets: dict[str, list[str]] = {key: [] for key in keys}
    for link in links:
        waiting[link.target] += 1
        targets[link.source].append(link.target)
    ready = [key for key in reversed(keys) if not waiting[key]]
    while ready:
        key = ready.pop()
        yield key
        for target in reversed(targets[key]):
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)


def _node(key: str, step: Step, plan: Plan) -> Node:
    kind, text, effect = _doing(step, plan)
    return Node(key, kind, step.title or text, _conditions(step), effect)


def _doing(step: Step, plan: Plan) -> tuple[Kind, str, str]:
    match step:
        case RunStep(call=call):
            effect = plan.effect(call, plan.runbook_named(call))
            return "run", call.capability.split("@")[0], effect
        case GateStep(ask=ask):
            return "gate", ask, ""
        case ChildStep(blueprint=blueprint):
            return "blueprint", blueprint, ""
        case WaitStep(signal=str(signal)):
            return "wait", f"for the signal {signal}", ""
        case WaitStep(duration_ms=duration):
            return "wait", durations.render(duration or 0), ""
        case SetStep(values=values):
            return "set", ", ".join(values), ""


def _conditions(step: Step) -> tuple[str, ...]:
    found = []
    if step.severity:
        found.append("at " + ", ".join(step.severity))
    if step.when is not None:
        found.append(f"when {step.when if isinstance(step.when, str) else str(step.when).lower()}")
    if isinstance(step, (RunStep, ChildStep)) and step.foreach is not None:
        items = step.foreach if isinstance(step.foreach, str) else "a list"
        found.append(f"for each of {items}")
    return tuple(found)
