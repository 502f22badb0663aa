"""What RunState asks its driver to do, and what the driver tells it: plain data.

A key names one thing in flight within a run, and is never used for two at once:
`remediate`, `each[3]`, `finally/tell`, `undo/each[3]`, `notify/ask/opened`. The times that a gate,
a wait or a retry needs go under the key of the step they are for.
"""

from typing import Literal, TypeAlias

import msgspec

from engine.messages import Actor, StepFailure
from engine.plan import Call, Json


class CommandBase(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="kind"
):
    """The base of all commands."""

    key: str
    """What `RunState.finished` (or `flag`) is told when it has ended."""


class CallCapability(CommandBase, frozen=True, kw_only=True, tag="call"):
    """Run one attempt of a capability; its end comes back through `finished`."""

    step: str
    """Key of the step it belongs to: `each` for `each[3]`, `ask` for `notify/ask/opened`."""
    call: Call
    """As the plan has it; the evaluated values are in `input` and `config`."""
    input: Json
    config: dict[str, Json] = {}
    secrets: dict[str, str] = {}
    timeout_ms: int
    """Limit of this attempt once it has started, already clipped to the run's deadline."""
    attempt: int = 1
    purpose: Literal["step", "undo", "notify"] = "step"
    deadline_ms: int | None = None
    """When the run's time is up, so that a call no worker takes ends too; None where there is
    no such limit (undo, finally, notices)."""


class StartChild(CommandBase, frozen=True, kw_only=True, tag="child"):
    """Run a blueprint as a child; its end comes back through `finished`."""

    step: str
    blueprint: str
    inputs: Json
    timeout_ms: int | None = None
    """Limit of the child, already clipped to the run's deadline."""
    deadline_ms: int | None = None
    """When the run's own time is up: a child that is held back until then has only what is left."""


class StartTimer(CommandBase, frozen=True, kw_only=True, tag="timer"):
    """Call `finished(key, Ended(), …)` at this time, not before."""

    until_ms: int


class AskFlag(CommandBase, frozen=True, kw_only=True, tag="flag"):
    """Ask for a feature flag; the answer goes to `RunState.flag`."""

    flag: str


class Stop(CommandBase, frozen=True, kw_only=True, tag="stop"):
    """Cancel what is in flight under this key.

    A timer is gone at once, and nothing more is said about it. A call or a child still ends
    through `finished`, however it ends: the run waits for that. One that has just ended is no
    longer there to stop, and that is fine.
    """


Command: TypeAlias = CallCapability | StartChild | StartTimer | AskFlag | Stop


class Ended(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a call, a child or a timer ended. A timer's is `Ended()`."""

    outcome: Literal["succeeded", "failed", "cancelled", "timed_out", "rejected"] = "succeeded"
    """A call: succeeded, failed or cancelled. A child: its run's status; `failed` with code
    TIMEOUT where its own time limit ended it."""
    output: Json = None
    """The capability's output; a child's outputs."""
    failure: StepFailure | None = None
    """Where it failed."""
    runner: str | None = None
    warnings: tuple[str, ...] = ()


class RunInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a run knows of itself besides its plan and inputs."""

    id: str
    started_at_ms: int
    """Milliseconds since the epoch; of the first history, where the run went on in others."""
    initiator: str = ""
    solo: bool = False
    digest: str = ""
    workflow_id: str = ""
    actor: Actor | None = None
    """The initiator with the way they came; None where a client said nothing of it."""
