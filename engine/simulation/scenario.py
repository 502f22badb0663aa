"""What a simulated run meets: the ends of calls, answers at gates, signals, flags, a cancellation.

Paths name steps as `approvalState` names gates: `remediate`, `each[3]`, `finally/tell`,
`undo/remediate`, `notify/ask`, and `child/remediate` within a child. One without an index
(`each`, `each/ask`) stands for every item, one that ends at the gate (`notify/ask`) for each of
its notices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.messages import StepFailure
from engine.plan import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """How one attempt of a call ends, or a whole child that is not simulated."""

    output: Json = None
    failure: StepFailure | None = None
    takes_ms: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """An answer at a gate."""

    gate: str
    by: str
    decision: str
    after_ms: int = 0
    """Since the gate opened."""
    reason: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A signal to the run, or to a child of it."""

    name: str
    payload: Json = None
    after_ms: int = 0
    """Since the run started."""
    child: str = ""
    """Path of the child; empty for the run itself."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it. What is not answered for is asked of the simulator's contracts."""

    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    """By path: the answers to the first attempt and those after it; the last one repeats."""
    said: tuple[Said, ...] = ()
    sent: tuple[Sent, ...] = ()
    flags: Mapping[str, bool] = field(default_factory=dict)
    """Those that are not named are on."""
    cancel_after_ms: int | None = None

    def answer(self, path: str, attempt: int) -> Answer | None:
        """What is answered to this attempt; None where nothing is said of it."""
        for name in names_of(path):
            answers = self.answers.get(name)
            if answers:
                return answers[min(attempt, len(answers)) - 1]
        return None

    def said_at(self, gate: str) -> Iterator[Said]:
        """The answers that this gate gets."""
        names = tuple(names_of(gate))
        return (said for said in self.said if said.gate in names)


def names_of(path: str) -> Iterator[str]:
    """The names that stand for a path, the exact one first."""
    yield path
    plain = _without_indexes(path)
    if plain != path:
        yield plain
    if "notify/" in plain:
        yield plain.rpartition("/")[0]


def _without_indexes(path: str) -> str:
    return "/".join(part.partition("[")[0] for part in path.split("/"))
