"""The state machines of the design: of an incident with its phases, and of an approval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import IncidentError
from engine.incidents.incident import ApprovalStatus, Phase, Status

NEXT: Mapping[Status, tuple[Status, ...]] = {
    "Created": ("Investigating",),
    "Investigating": ("Escalated", "Resolved"),
    "Escalated": ("Investigating",),
    "Resolved": ("PostMortem",),
    "PostMortem": ("Closed",),
    "Closed": (),
}
NEXT_PHASE: Mapping[Phase, tuple[Phase, ...]] = {
    "Triaging": ("Remediating",),
    "Remediating": ("Verifying",),
    "Verifying": ("Triaging", "Verified"),
    "Verified": (),
}
NEXT_APPROVAL: Mapping[ApprovalStatus, tuple[ApprovalStatus, ...]] = {
    "Pending": ("Approved", "Rejected", "TimedOut"),
    "TimedOut": ("Escalated", "Rejected"),
    "Escalated": (),
    "Approved": (),
    "Rejected": (),
}
"""An escalated approval is pending again as one of its own, which asks the new approvers."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an incident is."""

    status: Status
    phase: Phase | None = None

    def __str__(self) -> str:
        return self.status if self.phase is None else f"{self.status} ({self.phase})"


def moved(at: Place, to: str) -> Place:
    """Where `to`, a status or a phase, leads from here; the same place where it is there already.

    IncidentError with code WRONG_TRANSITION, or INPUTS where there is no such word.
    """
    if to in (at.status, at.phase if at.status == "Investigating" else None):
        return at
    for status in NEXT[at.status]:
        if status == to:
            return Place(status, _phase_in(at, status))
    if at.status == "Investigating" and at.phase is not None:
        for phase in NEXT_PHASE[at.phase]:
            if phase == to:
                return Place("Investigating", phase)
    if to not in NEXT and to not in NEXT_PHASE:
        words = ", ".join((*NEXT, *NEXT_PHASE))
        raise IncidentError(f"there is no state '{to[:60]}'; there are {words}", code="INPUTS")
    raise IncidentError(
        f"an incident that is {at} cannot become {to}; {_ways(at)}", code="WRONG_TRANSITION"
    )


def _phase_in(at: Place, status: Status) -> Phase | None:
    """An escalation keeps the phase that it interrupts, and goes back to it."""
    if status == "Escalated":
        return at.phase
    if status == "Investigating":
        return at.phase or "Triaging"
    return None


def _ways(at: Place) -> str:
    ways: list[str] = [*NEXT[at.status]]
    if at.status == "Investigating" and at.phase is not None:
        ways += NEXT_PHASE[at.phase]
    return f"it can become {' or '.join(ways)}" if ways else "that is its end"


def approval_moved(at: ApprovalStatus, through: Sequence[ApprovalStatus]) -> ApprovalStatus:
    """The last of the states it goes through; IncidentError where one may not follow another."""
    for following in through:
        if following not in NEXT_APPROVAL[at]:
            raise IncidentError(
                f"an approval that is {at} cannot become {following}", code="WRONG_TRANSITION"
            )
        at = following
    return at
