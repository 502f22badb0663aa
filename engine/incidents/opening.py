"""Which runs open an incident, and with what.

`incident.initiate` is the blueprint that begins an incident. Started without an incident's id in
its context it opens a new one; with an id, or as any other blueprint, a run belongs to the incident
that it is given.
"""

import re
from collections.abc import Mapping

from engine.errors import RunRefused
from engine.incidents.incident import Incident, Opening, Severity
from engine.incidents.input_checks import LONGEST_TITLE, clean
from engine.plan import Json

INITIATE = "incident.initiate"
_SEVERITIES: Mapping[Json, Severity] = {"P1": "P1", "P2": "P2", "P3": "P3", "P4": "P4"}
_OF_RUN = re.compile(rf"{re.escape(INITIATE)}-(INC-\d{{4}}-\d{{4,}})", re.ASCII)


def opens(blueprint: str, context: Mapping[str, Json]) -> bool:
    """Whether a run that is started so begins an incident."""
    return blueprint == INITIATE and not context.get("incident_id")


def run_of(blueprint: str, incident_id: str) -> str:
    """The workflow id of the run of a blueprint for an incident."""
    return f"{blueprint}-{incident_id}"


def named_by(run: str) -> str | None:
    """The incident that the id of an initiating run names: whoever chose it chose both."""
    found = _OF_RUN.fullmatch(run)
    return found and found.group(1)


def opening(
    inputs: Mapping[str, Json], context: Mapping[str, Json], *, actor: str, key: str
) -> Opening:
    """What the incident is opened with; `key` is the same for every try of the same start.

    RunRefused where the run does not say how bad it is.
    """
    severity = _SEVERITIES.get(_text(context.get("incident_severity")))
    if severity is None:
        raise RunRefused(
            "a new incident needs its severity: give --severity P1, P2, P3 or P4 "
            "(incident_severity of the context)",
            code="INPUTS",
        )
    title = _text(context.get("incident_title")) or _text(inputs.get("title")) or "Incident"
    services = context.get("impacted_services")
    return Opening(
        title=" ".join(clean(title).split())[:LONGEST_TITLE] or "Incident",
        severity=severity,
        impacted_services=tuple(services) if isinstance(services, list) else (),
        started_at=_text(context.get("incident_started_at")),
        actor=actor,
        pagerduty_incident_id=_text(context.get("pagerduty_incident_id")),
        key=key,
    )


def context_of(given: Mapping[str, Json], incident: Incident) -> dict[str, Json]:
    """The run's context with what is known of its incident.

    What was given stays, but for the severity: a run does not choose how long its gates wait.
    """
    known: dict[str, Json] = {
        "incident_severity": incident.severity,
        "incident_title": incident.title,
        "incident_started_at": incident.started_at,
        "impacted_services": list(incident.impacted_services),
        "pagerduty_incident_id": incident.pagerduty_incident_id,
        "incident_channel": incident.slack and incident.slack.channel_id,
        "statuspage_incident_id": incident.statuspage and incident.statuspage.statuspage_id,
    }
    told = {name: value for name, value in known.items() if value is not None}
    sure: dict[str, Json] = {"incident_id": incident.id, "incident_severity": incident.severity}
    return {**told, **given, **sure}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
