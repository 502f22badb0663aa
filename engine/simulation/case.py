"""A case of a blueprint: what a simulated run meets, and what must come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.faults import Fault
from engine.language.document import Document
from engine.plan import Json, Outcome, RunStatus


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """How one attempt ends: `output`, or the code of an error."""

    output: Json = None
    error: str | None = None
    message: str = "said by the case"
    retry_after_ms: int | None = None
    takes_ms: int = 0
    is_default: bool = False
    """Only `takes` was written: the output is the contract's example."""


@dataclass(frozen=True, slots=True)
class CannedDecision:
    """An answer at a gate. `roles`, where given, count in place of policy.yaml."""

    by: str
    decision: str = "approved"
    after_ms: int = 0
    reason: str | None = None
    digest: str | None = None
    roles: tuple[str, ...] | None = None
    agent: bool = False
    accepted: bool | None = None
    """Whether it must count; None where the case does not say."""


@dataclass(frozen=True, slots=True)
class CannedSignal:
    """A signal; `after` counts from the run's start."""

    name: str
    payload: Json = None
    after_ms: int = 0
    child: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out; what is not named is not looked at."""

    status: RunStatus | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """By path: `remediate`, `finally/tell`, `child/remediate`."""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """Each equal to the run's output of that name."""
    calls: Mapping[str, Json] = field(default_factory=dict)
    """By path: what the last call there got as input; an object may leave fields out. Null where
    it must not have been called."""
    gates: Mapping[str, Json] = field(default_factory=dict)
    """By path: fields of `approvalState`; an object may leave fields out."""
    error: str | None = None
    """Code of the run's error."""
    undone: tuple[str, ...] | None = None
    not_undone: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as it is written."""

    name: str
    path: tuple[str | int, ...]
    """Where in the file."""
    inputs: Mapping[str, Json]
    context: Mapping[str, Json]
    initiator: str
    solo: bool
    answers: Mapping[str, tuple[CannedAnswer, ...]]
    decisions: Mapping[str, tuple[CannedDecision, ...]]
    signals: tuple[CannedSignal, ...]
    flags: Mapping[str, bool]
    cancel_after_ms: int | None
    expected: Expected


@dataclass(frozen=True, slots=True)
class CaseFile:
    """`blueprints/cases/<id>.yaml`."""

    document: Document
    cases: tuple[Case, ...]
    faults: tuple[Fault, ...]
