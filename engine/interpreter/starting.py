"""What a run is started with, by a client, by its parent, or by its own earlier history."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from temporalio import workflow
from temporalio.common import RawValue

from engine.errors import RunRefused
from engine.interpreter.received import read
from engine.messages import Actor, CompiledRun, GateView, Message, StartArguments
from engine.plan import Json, Plan


class ChildStart(Message, frozen=True, kw_only=True):
    """From a parent to its child: the plan it shares, and who and what the run is for."""

    kind: Literal["child"] = msgspec.field(name="harmony")
    plan: Plan
    inputs: Json
    context: dict[str, Json]
    initiator: str
    actor: Actor | None = None
    solo: bool = False
    indexed: bool = False
    timeout_ms: int | None = None
    parent: str
    """The parent's workflow id, where the child's gates are told."""
    step: str
    """The parent's key for it."""


class Continued(Message, frozen=True, kw_only=True):
    """From a run's earlier history to the next: all that it knew."""

    kind: Literal["continued"] = msgspec.field(name="harmony")
    compiled: CompiledRun
    snapshot: Json
    solo: bool = False
    parent: str | None = None
    step: str | None = None
    """The parent's key for this run."""
    children: dict[str, str] = msgspec.field(default_factory=dict)
    """Key → workflow id of the children still running."""
    gates: dict[str, GateView] = msgspec.field(default_factory=dict)
    """The children's gates by path."""
    told: dict[str, int] = msgspec.field(default_factory=dict)
    """What the incident's timeline was told that may happen again, and how often."""


Start: TypeAlias = StartArguments | ChildStart | Continued


def read_start(arguments: Sequence[RawValue], info: workflow.Info) -> Start:
    """What the run was started with; RunRefused says what is wrong with it.

    Only a parent starts a child, and only a run goes on: no client may bring its own plan.
    """
    if len(arguments) != 1:
        raise RunRefused(
            f"A run is started with one object that has inputs and context, not with "
            f"{len(arguments)} arguments; as in "
            """--input '{"inputs": {}, "context": {}}'"""
        )
    try:
        raw = read(arguments[0])
        kind = raw.get("harmony") if isinstance(raw, dict) else None
        if kind == "child" and info.parent is not None:
            return msgspec.convert(raw, ChildStart)
        if kind == "continued" and info.continued_run_id is not None:
            return msgspec.convert(raw, Continued)
        return _start_arguments(raw)
    except ValueError as error:
        raise RunRefused(
            f"A run is started with one object that has inputs and context: {error}"
        ) from None


def _start_arguments(raw: Json) -> StartArguments:
    if isinstance(raw, dict):
        unknown = sorted(raw.keys() - {"inputs", "context", "actor", "solo"})
        if unknown:
            raise msgspec.ValidationError(f"`{unknown[0]}` is not one of its keys")
    return msgspec.convert(raw, StartArguments)
