"""The graph of a blueprint's steps: edges, order, and what is certain when a step runs.

Sets of steps are integers, one bit a step: a blueprint may have 2,000.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

from engine.language.blueprint import Kind, WrittenNeed, WrittenStep
from engine.language.document import Path
from engine.language.reading import Reading
from engine.plan import Edge, Outcome

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
WELL: frozenset[Outcome] = frozenset(("succeeded", "approved", "skipped"))
_NOT_RUN: frozenset[Outcome] = frozenset(("skipped", "unreached", "cancelled"))
_ANSWERED: frozenset[Outcome] = frozenset(("approved", "rejected", "timed_out"))
_NOT_LOOKED_AT: frozenset[Outcome] = frozenset(("unreached", "cancelled"))
_BY_KIND: dict[Kind | None, tuple[Outcome, ...]] = {
    "run": ("succeeded", "failed"),
    "blueprint": ("succeeded", "failed"),
    "set": ("succeeded", "failed"),
    "wait": ("succeeded", "failed"),
    "gate": ("approved", "rejected", "timed_out", "failed"),
    None: ("succeeded", "failed", "approved", "rejected", "timed_out"),
}

Bits: TypeAlias = int


def possible(step: WrittenStep, *, first: bool) -> frozenset[Outcome]:
    """The outcomes a step can have; `first`: it waits for nothing."""
    found: set[Outcome] = {*_BY_KIND[step.kind], "cancelled"}
    if step.kind == "wait" and step.wait is not None and step.wait.signal is not None:
        found.add("timed_out")
    if step.may_skip:
        found.add("skipped")
    if not first:
        found.add("unreached")
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Certain:
    """What is sure about other steps at the moment one step runs."""

    before: Bits = 0
    """They have ended, whatever their outcome."""
    ran: Bits = 0
    """They started."""
    succeeded: Bits = 0
    failed: Bits = 0
    answered: Bits = 0
    """Gates that closed: approved, rejected or timed out."""
    passed: Bits = 0
    """Gates that were approved, or skipped by their own condition."""


class Needs:
    """The steps of a blueprint (or of its `finally`) with their resolved edges."""

    def __init__(self, steps: Sequence[WrittenStep]) -> None:
        self.steps = steps
        self.index = {step.id: number for number, step in reversed(tuple(enumerate(steps)))}
        self.written = [_written(steps, number) for number in range(len(steps))]
        self.outcomes = [
            possible(step, first=not self.written[number]) for number, step in enumerate(steps)
        ]
        self.order, self.circles = self._sorted()
        self._certain: list[Certain] = [Certain()] * len(steps)
        for number in self.order:
            self._certain[number] = self._certainty(number)

    def allowed(self, need: WrittenNeed) -> frozenset[Outcome]:
        """The outcomes that let the edge go on, of those that its step can have."""
        wanted = WELL if need.outcomes is None else frozenset(need.outcomes)
        return wanted & self.outcomes[self.index[need.step]]

    def edges(self, number: int) -> tuple[Edge, ...]:
        """The edges of a step as a plan has them."""
        return tuple(
            Edge(
                step=need.step,
                outcomes=tuple(each for each in OUTCOMES if each in (need.outcomes or WELL)),
            )
            for need in self.written[number]
            if need.step in self.index
        )

    def certain(self, number: int) -> Certain:
        """What is sure when this step runs."""
        return self._certain[number]

    def bit(self, step: str) -> Bits:
        """The step as a set of one."""
        return 1 << self.index[step]

    def _known(self, number: int) -> list[WrittenNeed]:
        return [need for need in self.written[number] if need.step in self.index]

    def _certainty(self, number: int) -> Certain:
        before = ran = succeeded = failed = answered = passed = 0
        for need in self._known(number):
            other = self.index[need.step]
            bit, allowed, sure = 1 << other, self.allowed(need), self._certain[other]
            before |= sure.before | bit
            if not allowed or allowed & _NOT_LOOKED_AT:
                continue
            ran |= sure.ran | (0 if allowed & _NOT_RUN else bit)
            succeeded |= sure.succeeded | (bit if allowed == {"succeeded"} else 0)
            failed |= sure.failed | (bit if allowed == {"failed"} else 0)
            answered |= sure.answered | (bit if allowed <= _ANSWERED else 0)
            gate = self.steps[other].kind in ("gate", None)
            passed |= sure.passed | (bit if gate and allowed <= {"approved", "skipped"} else 0)
        return Certain(before, ran, succeeded, failed, answered, passed)

    def _sorted(self) -> tuple[list[int], list[list[int]]]:
        """The steps in an order in which each comes behind its needs, and the circles."""
        targets = [
            {self.index[need.step] for need in self._known(number)}
            for number in range(len(self.steps))
        ]
        dependents: list[list[int]] = [[] for _ in self.steps]
        for number, others in enumerate(targets):
            for other in others:
                dependents[other].append(number)
        left = [len(others) for others in targets]
        order: list[int] = []
        ready = [number for number, count in enumerate(left) if count == 0]
        done: set[int] = set()

        def drain() -> None:
            while ready:
                number = ready.pop()
                done.add(number)
                order.append(number)
                for each in dependents[number]:
                    left[each] -= 1
                    if left[each] == 0 and each not in done:
                        ready.append(each)

        drain()
        circles = []
        waiting = [number for number in range(len(self.steps)) if number not in done]
        for start in waiting:
            if start not in done:
                circle = _circle(start, targets, done)
                circles.append(circle)
                ready.append(circle[0])
                drain()
        return order, circles

    def reached_on_success(self) -> Bits:
        """The steps that surely succeeded where the whole run succeeded."""
        reached = sure = 0
        for number in self.order:
            step, bit = self.steps[number], 1 << number
            edges = self._known(number)
            if all(self._kept(need, reached) for need in edges):
                reached |= bit
                if not step.may_skip and not step.tolerate and step.kind != "gate":
                    sure |= bit
        return sure

    def _kept(self, need: WrittenNeed, reached: Bits) -> bool:
        """Whether the edge lets go on in every run that succeeds."""
        other = self.index[need.step]
        ends = self.outcomes[other] - {"cancelled", "unreached"}
        if not self.steps[other].tolerate:
            ends &= WELL
        return bool(reached >> other & 1) and ends <= self.allowed(need)

    def faults(self, reading: Reading, *, elsewhere: Container[str] = ()) -> None:
        """Report needs that are not there, outcomes that cannot be, and circles; `elsewhere` are
        steps that cannot be needed from here."""
        for step in self.steps:
            if step.needs is not None:
                for need in step.needs:
                    self._check(need, step, reading, elsewhere)
        for circle in self.circles:
            names = [self.steps[number].id for number in (*circle, circle[0])]
            shown = names if len(names) < 12 else [*names[:6], "…", *names[-4:]]
            path = self._need_path(circle[0], circle[1 % len(circle)])
            reading.fault("NEEDS_CYCLE", f"steps need each other: {' → '.join(shown)}", path)

    def _check(
        self, need: WrittenNeed, step: WrittenStep, reading: Reading, elsewhere: Container[str]
    ) -> None:
        if need.step not in self.index:
            hint = reading.meant(need.step, self.index)
            if need.step in elsewhere:
                hint = "`finally` runs when all steps have ended; it reads them, and needs its own."
            message = f"there is no step '{need.step[:60]}' here"
            key = isinstance(need.path[-1], str)
            reading.fault("NEEDS_UNKNOWN", message, need.path, key=key, hint=hint)
            return
        if need.step == step.id:
            return
        other = self.steps[self.index[need.step]]
        able = self.outcomes[self.index[need.step]]
        if need.outcomes is None or need.outcomes == OUTCOMES:
            return
        for outcome in need.outcomes:
            if outcome not in able:
                listed = ", ".join(each for each in OUTCOMES if each in able)
                reading.fault(
                    "NEEDS_OUTCOME",
                    f"'{other.id}' ({_kind(other)}) is never {outcome}",
                    need.path,
                    hint=f"It ends {listed}.",
                )

    def _need_path(self, number: int, other: int) -> Path:
        for need in self.written[number]:
            if self.index.get(need.step) == other:
                return need.path
        return self.steps[number].path


def _kind(step: WrittenStep) -> str:
    if step.kind == "wait" and step.wait is not None and step.wait.signal is not None:
        return "a wait for a signal"
    return f"a {step.kind} step" if step.kind != "gate" else "a gate"


def _written(steps: Sequence[WrittenStep], number: int) -> tuple[WrittenNeed, ...]:
    """What is written under `needs`, or the step above."""
    step = steps[number]
    if step.needs is not None:
        return step.needs
    return (WrittenNeed(step.path, steps[number - 1].id),) if number else ()


def _circle(start: int, targets: Sequence[set[int]], done: set[int]) -> list[int]:
    """A circle that is reached from `start` over steps that are not done."""
    seen: dict[int, int] = {}
    trail: list[int] = []
    here = start
    while here not in seen:
        seen[here] = len(trail)
        trail.append(here)
        here = min(other for other in targets[here] if other not in done)
    return trail[seen[here] :]
