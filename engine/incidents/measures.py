"""How long it took until somebody looked (MTTA), and until it was over (MTTR)."""

from collections.abc import Sequence
from statistics import fmean

from engine import instants
from engine.incidents.incident import Incident, Metrics


def seconds_to_acknowledge(incident: Incident) -> float | None:
    """From its beginning to the first acknowledgement; None until then."""
    return _seconds(incident.started_at, incident.acknowledged_at)


def seconds_to_resolve(incident: Incident) -> float | None:
    """From its beginning to its resolution; None until then."""
    return _seconds(incident.started_at, incident.resolved_at)


def over(incidents: Sequence[Incident]) -> Metrics:
    """The means over those that have got so far."""
    acknowledged = [s for each in incidents if (s := seconds_to_acknowledge(each)) is not None]
    resolved = [s for each in incidents if (s := seconds_to_resolve(each)) is not None]
    return Metrics(
        incidents=len(incidents),
        acknowledged=len(acknowledged),
        resolved=len(resolved),
        mtta_seconds=fmean(acknowledged) if acknowledged else None,
        mttr_seconds=fmean(resolved) if resolved else None,
    )


def _seconds(start: str, end: str | None) -> float | None:
    return None if end is None else (instants.parse(end) - instants.parse(start)) / 1000
