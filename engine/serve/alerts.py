"""Alerts from outside, read into one shape: PagerDuty's webhooks (v3) and Alertmanager's (v4)."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec

from engine import instants

Severity: TypeAlias = Literal["P1", "P2", "P3", "P4"]
_Shape = TypeVar("_Shape")
LONGEST_TITLE = 200
MOST_SERVICES = 50
MOST_KEYS = 100
"""Of a group's alerts that began at different times, those that began first."""
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
    also: tuple[str, ...] = ()
    """Of a group, the keys of its later alerts: while one of them fires it is the same incident."""
    services: tuple[str, ...] = ()
    pagerduty_id: str | None = None
    url: str | None = None
    started_at: str | None = None
    """When it began, where the sender says so; never in the future."""


class NotAnAlert(ValueError):
    """A delivery that starts nothing; its sentence says why."""


class Unreadable(ValueError):
    """A delivery that is not what its sender's documentation says."""


class _Named(msgspec.Struct, frozen=True):
    summary: str | None = None


class _PagerDutyIncident(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
    title: str
    priority: _Named | None = None
    urgency: str | None = None
    service: _Named | None = None
    html_url: Any = None
    created_at: Any = None


class _PagerDutyEvent(msgspec.Struct, frozen=True):
    event_type: str
    data: Any = None
    occurred_at: Any = None


class _PagerDutyWebhook(msgspec.Struct, frozen=True):
    event: _PagerDutyEvent


class _AlertOfGroup(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    starts_at: str
    labels: dict[str, str] = {}
    generator_url: Any = msgspec.field(name="generatorURL", default=None)

    @property
    def service(self) -> str | None:
        return self.labels.get("service") or self.labels.get("job")


class _AlertGroup(msgspec.Struct, frozen=True, rename="camel"):
    version: Literal["4"]
    status: str
    group_key: str
    alerts: list[_AlertOfGroup]
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}


def of_pagerduty(document: Any) -> Alert:
    """The alert of an `incident.triggered` event; NotAnAlert for any other."""
    event = _read(document, _PagerDutyWebhook, "a PagerDuty v3 webhook").event
    if event.event_type != "incident.triggered":
        raise NotAnAlert(f"{event.event_type} starts no incident")
    incident = _read(event.data, _PagerDutyIncident, "an incident of PagerDuty's")
    priority = ((incident.priority and incident.priority.summary) or "").strip().upper()
    service = incident.service and incident.service.summary
    return Alert(
        source="pagerduty",
        key=f"pagerduty:{incident.id}",
        title=_line(incident.title),
        severity=_PRIORITIES.get(priority) or _URGENCIES.get(incident.urgency or "", "P3"),
        services=(_line(service),) if service else (),
        pagerduty_id=incident.id,
        url=_text(incident.html_url),
        started_at=_past(incident.created_at or event.occurred_at),
    )


def of_alertmanager(document: Any) -> Alert:
    """The alert of a group that fires; NotAnAlert for one that is resolved.

    A group is one incident from its first alert on, for as long as any that joined it fires.
    """
    group = _read(document, _AlertGroup, "a webhook of Alertmanager's version 4")
    if group.status != "firing":
        raise NotAnAlert(f"{group.status} starts no incident")
    firing = [alert for alert in group.alerts if alert.status == "firing"]
    if not firing:
        raise Unreadable("the group fires, and none of its alerts does")
    began = sorted({alert.starts_at for alert in firing})[:MOST_KEYS]
    key, *also = (_key_of(group.group_key, at) for at in began)
    title = (
        group.common_annotations.get("summary")
        or group.common_labels.get("alertname")
        or firing[0].labels.get("alertname", "An alert fires")
    )
    services = dict.fromkeys(_line(alert.service) for alert in firing if alert.service)
    starts = [_past(alert.starts_at) for alert in firing]
    return Alert(
        source="alertmanager",
        key=key,
        also=tuple(also),
        title=_line(title),
        severity=min(_of_label(alert.labels.get("severity", "")) for alert in firing),
        services=tuple(services)[:MOST_SERVICES],
        url=_text(firing[0].generator_url),
        started_at=min(filter(None, starts), default=None),
    )


def _key_of(group: str, began: str) -> str:
    return "alertmanager:" + hashlib.sha256(f"{group} {began}".encode()).hexdigest()[:32]


def _read(document: Any, shape: type[_Shape], what: str) -> _Shape:
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as wrong:
        raise Unreadable(f"not {what}: {wrong}") from None


def _of_label(label: str) -> Severity:
    return _PRIORITIES.get(label.strip().upper()) or _LABELS.get(label.strip().lower(), "P3")


def _past(value: Any) -> str | None:
    """A time that has been, in UTC; None for anything else, for an alert counts without it."""
    try:
        at = instants.parse(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return instants.render(at) if 0 < at <= time.time() * 1000 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _line(value: str) -> str:
    """One line of text, of a length that fits a title."""
    line = "".join(letter for letter in " ".join(value.split()) if letter.isprintable())
    if not line:
        raise Unreadable("a title or a service's name is empty")
    return line[:LONGEST_TITLE]
