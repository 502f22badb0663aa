"""A blueprint as its author wrote it: typed, with the path of every part in its document.

What could not be read is None or empty here and has its fault; only a blueprint without errors
becomes a plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from engine.faults import Fault
from engine.language.document import Document, Path
from engine.plan import Json, Outcome, Retry

Kind: TypeAlias = Literal["run", "gate", "blueprint", "wait", "set"]
SEVERITIES = ("P1", "P2", "P3", "P4")
CLASSIFICATIONS = ("PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED")
"""From the least to the most protected."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """`run` with what goes with it: of a step, an `undo` or a `notify`."""

    path: Path
    """Of the mapping that holds `run`."""
    capability: str
    range: str | None = None
    """What stands behind `@`."""
    with_: Json = field(default_factory=dict)
    config: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WrittenNeed:
    """One entry of `needs`."""

    path: Path
    step: str
    outcomes: tuple[Outcome, ...] | None = None
    """None: it must end well."""


@dataclass(frozen=True, slots=True)
class WrittenGate:
    """The mapping under `gate`."""

    ask: str = ""
    approvers: tuple[str, ...] = ()
    timeout: dict[str, int] = field(default_factory=dict)
    """Milliseconds by severity and `default`."""
    count: int = 1
    escalate: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    escalate_flag: str | dict[str, str] | None = None
    initiator_may_approve: bool = False
    notify: WrittenCall | None = None


@dataclass(frozen=True, slots=True)
class WrittenWait:
    """What `wait` says: a duration, or a signal."""

    duration_ms: int | None = None
    signal: str | None = None
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """One step of any kind; what its kind does not have is None."""

    path: Path
    id: str
    kind: Kind | None
    """None where it has none, or several: other steps may yet need it."""
    title: str | None = None
    needs: tuple[WrittenNeed, ...] | None = None
    """None: it follows the step above."""
    when: str | bool | None = None
    severity: tuple[str, ...] = ()
    tolerate: bool = False
    timeout_ms: int | None = None
    retry: dict[str, int | float] | None = None
    """Fields of `plan.Retry`, those that were written."""
    foreach: Json = None
    concurrency: int = 10
    call: WrittenCall | None = None
    undo: WrittenCall | None = None
    gate: WrittenGate | None = None
    wait: WrittenWait | None = None
    child: str | None = None
    with_: Json = field(default_factory=dict)
    """The inputs of a child blueprint."""
    values: dict[str, Json] = field(default_factory=dict)

    @property
    def may_skip(self) -> bool:
        """Whether its own `when` or `severity` may say no."""
        return bool(self.severity) or (self.when is not None and self.when is not True)

    def calls(self) -> Iterator[tuple[Literal["step", "undo", "notify"], WrittenCall]]:
        """Every call of a capability within the step, and what it is for."""
        if self.call is not None:
            yield "step", self.call
        if self.undo is not None:
            yield "undo", self.undo
        if self.gate is not None and self.gate.notify is not None:
            yield "notify", self.gate.notify


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A blueprint file, read."""

    id: str
    document: Document
    faults: tuple[Fault, ...]
    """Of the file on its own: its YAML and its shape."""
    version: str = "0.0.0"
    title: str = ""
    owner: str = ""
    description: str | None = None
    cost_center: str | None = None
    roles: tuple[str, ...] = ()
    classification: str = "INTERNAL"
    max_duration_ms: int = 86_400_000
    inputs: dict[str, Json] = field(default_factory=dict)
    complete: bool = True
    """False where there are more steps than a blueprint may have: then none of them was read."""
    steps: tuple[WrittenStep, ...] = ()
    finally_: tuple[WrittenStep, ...] = ()
    outputs: dict[str, Json] = field(default_factory=dict)


def retry_over(own: Retry, written: dict[str, int | float] | None) -> Retry:
    """The capability's policy, with what the step says instead."""
    if not written:
        return own
    return Retry(
        attempts=int(written.get("attempts", own.attempts)),
        first_ms=int(written.get("first_ms", own.first_ms)),
        factor=written.get("factor", own.factor),
        max_ms=int(written.get("max_ms", own.max_ms)),
    )
