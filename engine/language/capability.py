"""A capability as its contract says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import Category
from engine.faults import Fault, has_error
from engine.plan import Effect, Json, Retry

EFFECTS: tuple[Effect, ...] = ("read", "write", "destructive")
"""From the least to the worst."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of `schemas.secrets`."""

    name: str
    required: bool
    env: str | None = None
    """`x-env`: the variable it usually comes from."""


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The two keys through which a capability reaches the worker's incident service; marked
    `x-service: incidents`."""

    url: str
    """Of the configuration."""
    token: str
    """Of the secrets."""


@dataclass(frozen=True, slots=True)
class RunbookInput:
    """The two input properties through which a capability is given a runbook."""

    name: str
    """Names the runbook; marked `x-runbook`."""
    text: str
    """Is filled in by the engine with the text from the plan."""


@dataclass(frozen=True, slots=True)
class Capability:
    """A contract, read; with faults of severity error it is never run."""

    id: str
    folder: Path
    faults: tuple[Fault, ...]
    digest: str
    """SHA-256 over the paths and contents of the folder, without cases; hex."""
    version: str = "0.0.0"
    name: str = ""
    maintainer: str = ""
    description: str = ""
    type: str = "connector"
    domain: str = ""
    tags: tuple[str, ...] = ()
    input: Mapping[str, Json] = field(default_factory=dict)
    output: Mapping[str, Json] = field(default_factory=dict)
    config: Mapping[str, Json] = field(default_factory=dict)
    secrets: tuple[SecretKey, ...] = ()
    scopes: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    """One list, or one for each operation."""
    classification: str = "RESTRICTED"
    allow_outbound: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    """NIST control ids."""
    idempotent: bool = False
    effect: Effect = "destructive"
    """The worst of its operations."""
    effects: Mapping[str, Effect] = field(default_factory=dict)
    """By operation, where the contract says it for each."""
    retry: Retry = field(default_factory=Retry)
    error_map: Mapping[str, Category] = field(default_factory=dict)
    timeout_ms: int = 60_000
    cost_factor: str = "LOW"
    example_input: Json = None
    example_output: Json = None
    usage_notes: str | None = None
    image: str = ""
    command: tuple[str, ...] = ()
    runbook: RunbookInput | None = None
    service: ServiceKeys | None = None

    @property
    def healthy(self) -> bool:
        """Whether it has no fault but warnings."""
        return not has_error(self.faults)

    @property
    def key(self) -> str:
        """As plans name it."""
        return f"{self.id}@{self.version}"

    def operation(self, given: Json) -> str | None:
        """The operation that this input names, by itself or by the schema's default."""
        if isinstance(given, dict) and "operation" in given:
            named = given["operation"]
        else:
            schema = self.input.get("properties", {}).get("operation")
            named = schema.get("default") if isinstance(schema, dict) else None
        return named if isinstance(named, str) else None

    def effect_of(self, given: Json) -> Effect:
        """The effect of a call with this input; the worst one where the operation is not known."""
        return self.effects.get(self.operation(given) or "", self.effect)
