"""What crosses the wire between client, workflow and activities: plain data, nothing else.

Every union has a required `kind`; times are ISO 8601 in UTC with Z.
"""

from typing import Literal, TypeAlias

import msgspec

from engine.errors import Category
from engine.plan import Json, Outcome, PinnedRunbook, Plan, RunStatus

Source: TypeAlias = Literal["cli", "temporal", "slack", "api"]


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case and space around them do not make another."""
    return one.strip().casefold() == other.strip().casefold()


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of all messages: frozen, camelCase on the wire."""


class Actor(Message, frozen=True, kw_only=True):
    """Who acted, as the caller says it: a name is worth what the way to Temporal is worth."""

    name: str
    source: Source = "temporal"
    user: str | None = None
    """The system's user."""
    host: str | None = None


class StartArguments(Message, frozen=True, kw_only=True):
    """What a client gives to start a run; `inputs` and `context` alone are enough."""

    inputs: dict[str, Json] = {}
    context: dict[str, Json] = {}
    """GoldenContext; what is missing is filled in when the plan is made."""
    actor: Actor | None = None
    solo: bool = False
    """The initiator may answer the run's gates; the run is marked."""


class CompileRequest(Message, frozen=True, kw_only=True):
    """To the local activity `compile_plan`: the workflow's type and what it was started with."""

    blueprint: str
    start: StartArguments
    workflow_id: str
    plan: Plan | None = None
    """A child's plan, which its parent shares: it is only bound to the inputs, and who may start
    it is not asked again. The answer then has a plan only where binding changed it."""
    initiator: str = ""
    """With a plan: who started the outermost run."""
    execution: str = ""
    """Temporal's own id of the run's first history."""


class CompiledRun(Message, frozen=True, kw_only=True):
    """From `compile_plan`: the plan bound to its inputs, or why there is none."""

    plan: Plan | None = None
    inputs: dict[str, Json] = {}
    """With the schema's defaults filled in."""
    context: dict[str, Json] = {}
    initiator: str = ""
    digest: str = ""
    open_policy: bool = False
    """No policy.yaml: everyone has every role, and the run says so."""
    indexed: bool = False
    """The namespace has Harmony's search attributes."""
    continue_after: int = 4_000
    """Go on in a new history after about this many events: pinned here, because a replay must
    decide as the run did. Nearer 27,000 a cold replay overruns a workflow task's 10 s."""
    record: bool = False
    """What happens is put on the timeline of the incident in `context`: pinned here, because a
    run that began where nothing is recorded must replay without it."""
    error_code: str | None = None
    error: str | None = None


class StepCall(Message, frozen=True, kw_only=True):
    """To the activity `run_step`: one attempt of one call of a capability."""

    run_id: str
    """The workflow's id."""
    blueprint: str
    step: str
    """Key within the run: `remediate`, `each[3]`, `finally/tell`, `undo/each[3]`, …"""
    attempt: int
    idempotency_key: str
    deadline: str
    timeout_ms: int
    capability: str
    version: str
    digest: str
    idempotent: bool
    input: Json
    config: dict[str, Json] = {}
    secrets: dict[str, str] = {}
    context: dict[str, Json] = {}
    initiator: str = ""
    solo: bool = False
    runbook: PinnedRunbook | None = None


class StepAnswer(Message, frozen=True, kw_only=True):
    """From `run_step`, where it succeeded."""

    output: Json
    runner: str
    """The backend that ran it: `process` or `dagger`."""
    warnings: tuple[str, ...] = ()


class StepFailure(Message, frozen=True, kw_only=True):
    """How an attempt failed; the details of the activity's failure."""

    code: str
    message: str
    category: Category
    started: bool = True
    """False where it was refused before its program started."""
    retry_after_ms: int | None = None
    items: tuple[int, ...] = ()
    """The failed indexes, where the step is a loop."""
    details: Json = None
    """What the program's error document had under `details`."""


class ChildAnswer(Message, frozen=True, kw_only=True):
    """To the local activity `answer_child_gate`: an answer that goes on to a child's run."""

    workflow_id: str
    decide: "Decide"


class ChildEnd(Message, frozen=True, kw_only=True):
    """From the activity `watch_children`: one child that has ended."""

    key: str
    status: RunStatus
    outputs: Json = None
    failure: StepFailure | None = None
    gates: dict[str, "GateView"] = msgspec.field(default_factory=dict)


class Decide(Message, frozen=True, kw_only=True):
    """The update `decide` and the signal `approval`: an answer to a gate."""

    decision: str
    approver_id: str
    gate: str | None = None
    reason: str | None = None
    digest: str | None = None
    source: Source = "temporal"
    user: str | None = None
    host: str | None = None


class Reply(Message, frozen=True, kw_only=True):
    """What an approver is told: whether the answer counts, the gate's state, and why."""

    accepted: bool
    state: str
    reason: str


class Standing(Message, frozen=True, kw_only=True):
    """What policy.yaml says of a person at this moment."""

    roles: tuple[str, ...] = ()
    agent: bool = False
    open_policy: bool = False
    """No policy.yaml: everyone has every role."""
    approve_scope: bool = True
    """Has workflow:approve, or no role of the policy has it."""


class Decision(Message, frozen=True, kw_only=True):
    """One answer as it is kept: who, when, from where, why, and whether it counted."""

    decision: str
    approver_id: str
    at: str
    source: Source
    reason: str | None = None
    digest: str | None = None
    user: str | None = None
    host: str | None = None
    accepted: bool = True
    note: str | None = None
    """Why it did not count."""
    solo: bool = False


GateState: TypeAlias = Literal["pending", "approved", "rejected", "timed_out", "cancelled"]


class GateView(Message, frozen=True, kw_only=True, omit_defaults=False):
    """A gate as the query `approvalState` shows it."""

    state: GateState
    ask: str
    approvers: tuple[str, ...]
    count: int
    asked_at: str
    deadline: str
    escalations: tuple[dict[str, Json], ...]
    """Each with `at` and `approvers`."""
    decisions: tuple[Decision, ...]
    digest: str
    workflow_id: str
    initiator_may_approve: bool = False


class StepView(Message, frozen=True, kw_only=True):
    """A step as results and the query `status` show it."""

    outcome: Outcome | Literal["pending", "running"]
    reason: str | None = None
    """Why it was skipped or not reached, in words."""
    output: Json | msgspec.UnsetType = msgspec.UNSET
    error: StepFailure | None = None
    attempts: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    runner: str | None = None


class RunError(Message, frozen=True, kw_only=True):
    """Why a run failed, in one code and one sentence."""

    code: str
    message: str


class RunView(Message, frozen=True, kw_only=True, omit_defaults=False):
    """A run as `run --json`, `status --json` and the query `status` show it."""

    run: str
    blueprint: str
    version: str
    digest: str
    status: RunStatus | Literal["running"]
    outputs: dict[str, Json]
    steps: dict[str, StepView]
    gates: dict[str, GateView]
    undoing: str | None = None
    """What is being undone just now: a step, or one item of a loop."""
    undone: tuple[str, ...] = ()
    not_undone: tuple[dict[str, Json], ...] = ()
    """Each with `step` and `reason`."""
    error: RunError | None = None
    warnings: tuple[str, ...] = ()
    initiator: str = ""
    solo: bool = False


class Entry(Message, frozen=True, kw_only=True):
    """One line of a run's history: what happened, when, and who did it."""

    at: str
    event: str
    text: str
    who: str | None = None
    source: Source | None = None
    user: str | None = None
    """The system's user of who did it."""
    host: str | None = None
    step: str | None = None
    gate: str | None = None
    data: dict[str, Json] = {}
    """What the text says, for programs: an incident's timeline keeps it."""


class RunEntries(Message, frozen=True, kw_only=True):
    """To the local activity `record_entries`: what happened in a run, for its incident."""

    incident_id: str
    severity: str | None = None
    title: str | None = None
    """The incident's, where the run knows them and the store may not."""
    run: str
    """The workflow's id."""
    execution: str
    """Temporal's own id of the run's first history."""
    blueprint: str
    entries: tuple[Entry, ...]
    names: tuple[str, ...]
    """One for each entry, which no other of the whole run has, and which it has again where the
    same is told again."""
