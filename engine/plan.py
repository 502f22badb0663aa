"""The plan: a checked blueprint, closed, as plain data. Start reading here.

A plan holds all that a run needs and nothing that can change under it: every step with its edges
and the text of its expressions, the pinned version and content digest of each capability, the
plans of its children, the text of each runbook. It travels with the run. JSON both ways; one
SHA-256 digest says what an approver approves.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""

Outcome: TypeAlias = Literal[
    "succeeded", "failed", "skipped", "unreached", "approved", "rejected", "timed_out", "cancelled"
]
RunStatus: TypeAlias = Literal["succeeded", "failed", "rejected", "timed_out", "cancelled"]
Effect: TypeAlias = Literal["read", "write", "destructive"]

MAX_STEPS = 2_000
MAX_ITEMS = 100_000
MAX_OUTPUT_BYTES = 1_048_576
MAX_INPUTS_BYTES = 262_144

APPROVAL_SIGNAL = "approval"
"""Answers a gate."""
OWN_SIGNALS = "harmony."
"""What the names of the signals begin with that runs send each other."""


class Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The base of everything in a plan: frozen, strict, camelCase on the wire."""


class Edge(Part, frozen=True, kw_only=True):
    """One entry of `needs`: the step waited for, and the outcomes that let this one go on."""

    step: str
    outcomes: tuple[Outcome, ...]


class Retry(Part, frozen=True, kw_only=True):
    """How often an attempt is repeated: `attempts` counts the first; waits in milliseconds."""

    attempts: int = 1
    first_ms: int = 1_000
    factor: float = 2.0
    max_ms: int = 300_000


class Call(Part, frozen=True, kw_only=True):
    """A capability with what it is given. Text in `with`, `config` may hold templates."""

    capability: str
    """Key into `Plan.capabilities`."""
    with_: Json = msgspec.field(name="with", default_factory=dict)
    config: dict[str, Json] = {}
    secrets: dict[str, str] = {}
    """The contract's secret key → the entry of harmony.yaml that holds it."""
    effect: Effect | None = None
    """Of the operation called, where it is less than the capability's worst."""


class StepBase(Part, frozen=True, kw_only=True, tag_field="kind"):
    """What every kind of step has."""

    id: str
    title: str | None = None
    needs: tuple[Edge, ...] = ()
    when: str | bool | None = None
    """A bare expression, or a literal boolean."""
    severity: tuple[str, ...] = ()
    tolerate: bool = False


class RunStep(StepBase, frozen=True, kw_only=True, tag="run"):
    """Runs a capability, once or for each item of `foreach`."""

    call: Call
    timeout_ms: int
    """Limit of one attempt."""
    retry: Retry
    undo: Call | None = None
    foreach: Json = None
    """A literal list, a whole `{{ … }}`, or None for no loop."""
    concurrency: int = 10


class GateStep(StepBase, frozen=True, kw_only=True, tag="gate"):
    """Waits for people."""

    ask: str
    approvers: tuple[str, ...]
    timeout: dict[str, int]
    """Milliseconds by severity; `default` is always there."""
    count: int = 1
    escalate: dict[str, tuple[tuple[str, ...], ...]] = {}
    """Severity → rounds; each round is the list of roles asked next."""
    escalate_flag: str | dict[str, str] | None = None
    """The feature flag that is asked before an escalation: one, or one a severity."""
    initiator_may_approve: bool = False
    notify: Call | None = None

    def flag_of(self, severity: object) -> str | None:
        """The flag that is asked before this severity escalates; None where none is."""
        flag = self.escalate_flag
        return flag.get(str(severity)) if isinstance(flag, dict) else flag


class ChildStep(StepBase, frozen=True, kw_only=True, tag="blueprint"):
    """Runs another blueprint as a child."""

    blueprint: str
    """Key into `Plan.children` of the outermost plan."""
    with_: Json = msgspec.field(name="with", default_factory=dict)
    timeout_ms: int | None = None
    undo: Call | None = None
    foreach: Json = None
    concurrency: int = 10


class WaitStep(StepBase, frozen=True, kw_only=True, tag="wait"):
    """A durable timer (`duration_ms`), or a named signal with an optional time-out."""

    duration_ms: int | None = None
    signal: str | None = None
    timeout_ms: int | None = None


class SetStep(StepBase, frozen=True, kw_only=True, tag="set"):
    """Computes values; they are the output."""

    values: dict[str, Json]


Step: TypeAlias = RunStep | GateStep | ChildStep | WaitStep | SetStep


class PinnedCapability(Part, frozen=True, kw_only=True):
    """What a plan keeps of a contract: enough to run, to authorise and to show."""

    id: str
    version: str
    digest: str
    """SHA-256 of the capability's folder, hex."""
    effect: Effect
    idempotent: bool
    timeout_ms: int
    retry: Retry
    scopes: tuple[str, ...] | dict[str, tuple[str, ...]] = ()
    """One list, or one for each operation (`input.operation` names it)."""
    allow_outbound: tuple[str, ...] = ()
    secret_keys: tuple[str, ...] = ()
    runbook_input: str | None = None
    """The input property that names a runbook (`x-runbook`), if any."""


class PinnedRunbook(Part, frozen=True, kw_only=True):
    """A runbook as it was read when the plan was made; this text runs, whatever the file says."""

    name: str
    text: str
    digest: str
    title: str
    effect: Effect
    timeout_ms: int | None = None
    image: str | None = None
    allow_outbound: tuple[str, ...] = ()


class Plan(Part, frozen=True, kw_only=True):
    """A blueprint, checked and closed."""

    blueprint: str
    version: str
    title: str
    owner: str
    description: str | None = None
    cost_center: str | None = None
    roles: tuple[str, ...] = ()
    classification: str = "INTERNAL"
    max_duration_ms: int = 86_400_000
    inputs: dict[str, Json] = {}
    """JSON Schema 2020-12 of the inputs object."""
    steps: tuple[Step, ...]
    finally_: tuple[Step, ...] = msgspec.field(name="finally", default=())
    outputs: dict[str, Json] = {}
    capabilities: dict[str, PinnedCapability] = {}
    """By `<id>@<version>`: of this blueprint and of all its children."""
    children: dict[str, "Plan"] = {}
    """By id, of every descendant, flat; only the outermost plan has any."""
    runbooks: dict[str, PinnedRunbook] = {}
    """By name: those that these inputs can reach. Filled when the plan is bound to inputs."""

    def every_step(self) -> Iterator[tuple[str, Step]]:
        """Each step with its key: its id, or `finally/<id>`."""
        for step in self.steps:
            yield step.id, step
        for step in self.finally_:
            yield f"finally/{step.id}", step

    def effect(self, call: Call, runbook: Json) -> Effect:
        """What running the call does: as its runbook says where that is pinned, else at most
        what the contract says. `runbook` is the value of the input that names one."""
        effect = call.effect or self.capabilities[call.capability].effect
        pinned = self.runbooks.get(runbook) if isinstance(runbook, str) else None
        return effect if pinned is None or effect == "read" else pinned.effect

    def runbook_named(self, call: Call) -> Json:
        """The input of the call that names a runbook, as it is written; None where it has none."""
        reads = self.capabilities[call.capability].runbook_input
        return call.with_.get(reads) if reads and isinstance(call.with_, dict) else None

    def child(self, blueprint: str) -> "Plan":
        """The plan of a descendant, closed again, so that it can run on its own."""
        return msgspec.structs.replace(
            self.children[blueprint],
            capabilities=self.capabilities,
            children=self.children,
            runbooks=self.runbooks,
        )


def encode(value: object) -> bytes:
    """Canonical JSON: sorted keys, no white space, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def decode(data: bytes) -> Plan:
    """The plan that `encode` wrote; msgspec.ValidationError where it is not one."""
    return msgspec.json.decode(data, type=Plan)


def digest(plan: Plan, inputs: Mapping[str, Json]) -> str:
    """SHA-256, hex, of what an approver approves: the definition and its children, the inputs,
    the text of each runbook, the version and contents of each capability."""
    return hashlib.sha256(encode({"plan": plan, "inputs": inputs})).hexdigest()
