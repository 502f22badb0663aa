"""What a simulation is given of capabilities, and how it went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.messages import Entry, Reply, RunView, StepFailure
from engine.plan import Json, Plan
from engine.run.commands import CallCapability
from engine.simulation.scenario import Answer, Said


class Contracts(Protocol):
    """What the worker knows of capabilities."""

    def default(self, call: CallCapability) -> Answer:
        """What a call ends with that the scenario says nothing of."""
        ...

    def refusal(self, call: CallCapability) -> StepFailure | None:
        """Why the worker would not even start it."""
        ...

    def bind(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json]
    ) -> tuple[Plan, Mapping[str, Json]]:
        """A child's plan for its inputs, with their defaults; RunRefused where they are wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Called:
    """One attempt of a call, as the worker would have got it."""

    path: str
    at_ms: int
    """Since the run started."""
    command: CallCapability


@dataclass(frozen=True, slots=True)
class Simulated:
    """How a simulated run went."""

    view: RunView
    """With the gates of children under their paths."""
    entries: tuple[Entry, ...]
    calls: tuple[Called, ...]
    replies: tuple[tuple[Said, Reply], ...]
    """What each answer at a gate was told."""
    children: Mapping[str, RunView]
    """By path."""
    took_ms: int
