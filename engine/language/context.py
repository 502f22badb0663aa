"""GoldenContext: what every run is told about its incident and its initiator."""

from collections.abc import Mapping

from engine.plan import Json

_TEXT = {"type": "string"}
FIELDS: Mapping[str, Json] = {
    "trace_id": {**_TEXT, "description": "Ties together what one cause set off."},
    "initiator_id": {**_TEXT, "description": "Who started the run."},
    "cost_center": {**_TEXT, "description": "Who pays for it."},
    "app_id": {**_TEXT, "description": "The application that is concerned."},
    "environment": {**_TEXT, "description": "Where it runs: production, staging, …"},
    "data_classification": {
        "enum": ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED"],
        "description": "The most protected data that is concerned.",
    },
    "incident_id": {**_TEXT, "description": "INC-<year>-<four digits>."},
    "incident_severity": {
        "enum": ["P1", "P2", "P3", "P4"],
        "description": "P1 is an outage, P4 is cosmetic.",
    },
    "incident_title": {**_TEXT, "description": "What happened, in one line."},
    "incident_channel": {**_TEXT, "description": "The channel of the incident."},
    "incident_started_at": {**_TEXT, "description": "When it began, ISO 8601."},
    "pagerduty_incident_id": {**_TEXT, "description": "The incident's id at PagerDuty."},
    "statuspage_incident_id": {**_TEXT, "description": "The incident's id at Statuspage."},
    "impacted_services": {
        "type": "array",
        "items": _TEXT,
        "description": "The services that are concerned.",
    },
}

CONTEXT_SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "required": ["trace_id", "initiator_id", "cost_center"],
    "properties": FIELDS,
    "additionalProperties": False,
}
"""What expressions may read of `context`. A run's own may hold more names; what is required is
filled in when the run starts."""
