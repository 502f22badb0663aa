"""The worker's incident service, as a step is given it: a URL in its configuration, and a token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.errors import ServiceMissing
from engine.incidents.desk import Service
from engine.language.capability import Capability
from engine.plan import Json

ServiceOf: TypeAlias = Callable[[], Awaitable[Service]]
"""The service, started where it does not listen yet; StoreUnavailable where it cannot be."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What one step is given of it."""

    config: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


async def incident_service(
    capability: Capability, config: Mapping[str, Json], service: ServiceOf | None
) -> Bound:
    """The two values for a capability that asks for them with `x-service: incidents`.

    Nothing for another, and for one whose URL is written down: the worker's token goes nowhere but
    to the worker. ServiceMissing where there is none.
    """
    keys = capability.service
    if keys is None or keys.url in config:
        return Bound()
    if service is None:
        raise ServiceMissing(
            f"{capability.id} uses the incident service, which runs with a worker, and here is "
            f"none; give `{keys.url}` in its configuration and `{keys.token}` among its secrets, "
            f"as a case can, or run it as a step of a blueprint"
        )
    found = await service()
    return Bound({keys.url: found.url}, {keys.token: found.token})
