"""What every operation is asked with."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One call."""

    incident: str
    given: dict[str, Any]
    actor: str
    """Who did what has no actor of its own."""
    key: str
    """The same for each attempt of the step."""
