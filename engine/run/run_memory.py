"""All that a run remembers, as plain data: what `RunState.snapshot` writes.

Linear in what has happened: nothing of the plan is repeated, and what can be worked out again
from the plan (a call's input, a loop's items) is not kept.
"""

from typing import Literal

import msgspec

from engine.messages import Decision, GateState, RunError, StepFailure
from engine.plan import Json, Outcome, RunStatus
from engine.run.commands import RunInfo

Stage = Literal["steps", "undo", "finally", "closing", "done"]


class Record(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """The base of what is remembered: changed in place, camelCase on the wire."""


class StepRecord(Record, kw_only=True):
    """A step that has started, or ended without; without an outcome it is under way."""

    outcome: Outcome | None = None
    reason: str | None = None
    output: Json | msgspec.UnsetType = msgspec.UNSET
    error: StepFailure | None = None
    attempts: int = 0
    """Those whose program was started."""
    started_ms: int | None = None
    finished_ms: int | None = None
    runner: str | None = None


class LoopRecord(Record, kw_only=True):
    """How far a `foreach` is. Items below `next` were handed to the window."""

    count: int
    next: int = 0
    ended: int = 0
    outputs: list[Json] = []
    """One for each item below `next`, null until it has succeeded; emptied when too large."""
    failed: list[int] = []
    cancelled: list[int] = []
    failures: list[tuple[int, StepFailure]] = []
    """The first few, to be told in the step's error."""
    size: int = 0
    """Bytes of JSON of `outputs`."""
    too_large: StepFailure | None = None
    """Why its outputs are no longer kept; no further item starts."""


class EarlySignal(Record, kw_only=True):
    """A signal that came before a step waited for it."""

    payload: Json = None
    too_large: StepFailure | None = None
    """Where the payload could not be kept: what the step that waits for it fails with."""


class Notice(Record, kw_only=True):
    """One event of a gate that `notify` is still to be told of."""

    name: str
    """`opened`, `escalated`, `escalated-2`, … `closed`: the last part of the call's key."""
    event: str
    state: GateState
    approvers: list[str]
    deadline_ms: int


class GateRecord(Record, kw_only=True):
    """A gate that was opened."""

    state: GateState = "pending"
    ask: str
    approvers: list[str]
    """Who is asked now; after an escalation the new ones."""
    asked_ms: int
    timeout_ms: int
    """Of each round."""
    deadline_ms: int
    round: int = 0
    """Escalations so far."""
    escalations: list[dict[str, Json]] = []
    decisions: list[Decision] = []
    notices: list[Notice] = []
    told: Json | msgspec.UnsetType = msgspec.UNSET
    """What the first notice gave back."""


class Flight(Record, kw_only=True):
    """Something in flight: enough to issue its command again."""

    kind: Literal["call", "child", "timer", "flag"]
    why: Literal["retry", "wait", "signal", "gate"] | None = None
    """What a timer is for."""
    until_ms: int = 0
    timeout_ms: int | None = None
    deadline_ms: int | None = None
    stopped: bool = False


class UndoRecord(Record, kw_only=True):
    """What is to be undone, what was, and what could not be."""

    todo: list[str] = []
    """Keys of steps that ended with something to undo, in that order; the last is next."""
    item: int | None = None
    """Of the last one in `todo`, where it is a loop: the item to undo next."""
    ran: bool = False
    busy: bool = False
    """The call for the last one in `todo` is under way."""
    undone: list[str] = []
    not_undone: list[dict[str, Json]] = []


class Memory(Record, kw_only=True):
    """One run."""

    info: RunInfo
    inputs: dict[str, Json]
    context: dict[str, Json]
    stage: Stage = "steps"
    steps: dict[str, StepRecord] = {}
    loops: dict[str, LoopRecord] = {}
    gates: dict[str, GateRecord] = {}
    flights: dict[str, Flight] = {}
    queue: list[str] = []
    """Keys of calls and children that wait for room among those in flight."""
    retries: dict[str, int] = {}
    """Key → number of its next (or present) attempt, where it is not the first."""
    signals: dict[str, list[EarlySignal]] = {}
    """Those that came early, by name, in their order."""
    waiting: dict[str, list[str]] = {}
    """Signal's name → keys of the steps that wait for it, in their order."""
    undo: UndoRecord = msgspec.field(default_factory=UndoRecord)
    cancelled: bool = False
    out_of_time: bool = False
    kept: int = 0
    """Bytes of JSON of all outputs and signals kept."""
    outputs: dict[str, Json] = {}
    output_error: RunError | None = None
    warnings: list[str] = []
    status: RunStatus | None = None
