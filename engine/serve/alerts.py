"""Alerts from outside, read into one shape: PagerDuty's webhooks (v3) and Alertmanager's (v4)."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from engine import instants

Severity: TypeAlias = Literal["P1", "P2", "P3", "P4"]
LONGEST_TITLE = 200
MOST_SERVICES = 50
_PRIORITIES: Mapping[str, Severity] = {"P1": "P1", "P2": "P2", "P3": "P3", "P4": "P4", "P5": "P4"}
_URGENCIES: Mapping[str, Severity] = {"high": "P2", "low": "P3"}
_LABELS: Mapping[str, Severity] = {
    "critical": "P1", "page": "P1", "high": "P2", "error": "P2", "warning": "P3", "info": "P4",
    "low": "P4", "none": "P4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is to become an incident."""

    source: Literal["pagerduty", "alertmanager"]
    key: str
    """The same for every delivery of the same alert: it becomes one incident."""
    title: str
    severity: Severity
    services: tuple[str, ...] = ()
    pagerduty_id: str | None = None
    url: str | None = None
    started_at: str | None = None
    """When it began, where the sender says so; never in the future."""


class NotAnAlert(ValueError):
    """A delivery that starts nothing; its sentence says why."""


class Unreadable(ValueError):
    """A delivery that is not what its sender's documentation says."""


def of_pagerduty(document: Any) -> Alert:
    """The alert of an `incident.triggered` event; NotAnAlert for any other."""
    try:
        event = document["event"]
        kind = event["event_type"]
        if kind != "incident.triggered":
            raise NotAnAlert(f"{kind} starts no incident")
        data = event["data"]
        key = data["id"]
        title = data["title"]
        priority = ((data.get("priority") or {}).get("summary") or "").strip().upper()
        severity = _PRIORITIES.get(priority) or _URGENCIES.get(data.get("urgency") or "", "P3")
        service = (data.get("service") or {}).get("summary")
        url = data.get("html_url")
        created = data.get("created_at") or event.get("occurred_at")
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"not an event of a PagerDuty v3 webhook: {error!r}") from None
    return Alert(
        source="pagerduty",
        key=f"pagerduty:{_identifier(key)}",
        title=_line(title),
        severity=severity,
        services=(_line(service),) if service else (),
        pagerduty_id=_identifier(key),
        url=url if isinstance(url, str) else None,
        started_at=_past(created),
    )


def of_alertmanager(document: Any) -> Alert:
    """The alert of a group that fires; NotAnAlert for one that is resolved.

    A group is one incident from its first alert on, for as long as that alert fires.
    """
    try:
        if document["version"] != "4":
            raise Unreadable(f"version {document['version']!r} is not Alertmanager's version 4")
        if document["status"] != "firing":
            raise NotAnAlert(f"{document['status']} starts no incident")
        firing = [alert for alert in document["alerts"] if alert["status"] == "firing"]
        began = min(alert["startsAt"] for alert in firing)
        starts = [_past(alert["startsAt"]) for alert in firing]
        labels, annotations = document["commonLabels"], document.get("commonAnnotations") or {}
        group = f"{document['groupKey']} {began}"
        title = (
            annotations.get("summary")
            or labels.get("alertname")
            or firing[0]["labels"].get("alertname", "An alert fires")
        )
        names = [alert["labels"].get("service") or alert["labels"].get("job") for alert in firing]
        severities = [_of_label(alert["labels"].get("severity", "")) for alert in firing]
        url = firing[0].get("generatorURL")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, NotAnAlert | Unreadable):
            raise
        raise Unreadable(f"not a webhook of Alertmanager: {error!r}") from None
    services = dict.fromkeys(_line(name) for name in names if name)
    return Alert(
        source="alertmanager",
        key="alertmanager:" + hashlib.sha256(group.encode()).hexdigest()[:32],
        title=_line(title),
        severity=min(severities),
        services=tuple(services)[:MOST_SERVICES],
        url=url if isinstance(url, str) else None,
        started_at=min(filter(None, starts), default=None),
    )


def _of_label(label: str) -> Severity:
    return _PRIORITIES.get(label.strip().upper()) or _LABELS.get(label.strip().lower(), "P3")


def _past(value: Any) -> str | None:
    """A time that has been, in UTC; None for anything else, for an alert counts without it."""
    try:
        at = instants.parse(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return instants.render(at) if 0 < at <= time.time() * 1000 else None


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise Unreadable("the incident's id is not one of PagerDuty's")
    return value


def _line(value: Any) -> str:
    """One line of text, of a length that fits a title."""
    if not isinstance(value, str) or not value.strip():
        raise Unreadable("a title or a service's name is not text")
    line = "".join(letter for letter in " ".join(value.split()) if letter.isprintable())
    return line[:LONGEST_TITLE]
