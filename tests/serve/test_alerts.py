"""Alerts, as the senders' documentation shows them, and as they must not be."""

from typing import Any

import pytest

from engine.serve.alerts import Alert, NotAnAlert, Unreadable, of_alertmanager, of_pagerduty

PAGERDUTY: dict[str, Any] = {
    "event": {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": "2025-10-02T18:45:22.169Z",
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "number": 2,
            "status": "triggered",
            "title": "A little bump\n in the road",
            "service": {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"},
            "priority": {"id": "PSO75BM", "summary": "P1", "type": "priority_reference"},
            "urgency": "high",
        },
    }
}
FIRING: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "warning"},
    "annotations": {},
    "startsAt": "2025-10-02T18:45:22.169Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "f1",
}
ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="HighLatency"}',
    "status": "firing",
    "commonLabels": {"alertname": "HighLatency"},
    "commonAnnotations": {"summary": "Checkout is slow"},
    "alerts": [FIRING, {**FIRING, "labels": {"service": "pay", "severity": "critical"}}],
}


def data(**changed: Any) -> dict[str, Any]:
    event = PAGERDUTY["event"]
    return {"event": {**event, "data": {**event["data"], **changed}}}


def test_what_pagerduty_triggers() -> None:
    assert of_pagerduty(PAGERDUTY) == Alert(
        source="pagerduty",
        key="pagerduty:PGR0VU2",
        title="A little bump in the road",
        severity="P1",
        services=("API Service",),
        pagerduty_id="PGR0VU2",
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        started_at="2025-10-02T18:45:22.169Z",
    )


@pytest.mark.parametrize(
    ("changed", "severity"),
    [
        ({"priority": {"summary": "p4"}}, "P4"),
        ({"priority": None}, "P2"),
        ({"priority": {"summary": "Major"}, "urgency": "low"}, "P3"),
        ({"priority": None, "urgency": None}, "P3"),
    ],
)
def test_severity_is_the_priority_else_the_urgency(changed: dict[str, Any], severity: str) -> None:
    assert of_pagerduty(data(**changed)).severity == severity


def test_other_events_start_nothing() -> None:
    with pytest.raises(NotAnAlert, match=r"pagey\.ping starts no incident"):
        of_pagerduty({"event": {"event_type": "pagey.ping", "data": {}}})


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"event": 3}, {"event": {"event_type": "incident.triggered"}},
        data(title=None), data(title=" \n"), data(title="\u0000"[:0]), data(id="../../etc"),
        data(id=7), data(service="x"),
    ],
)  # fmt: skip
def test_what_pagerduty_would_not_send(document: Any) -> None:
    with pytest.raises(Unreadable):
        of_pagerduty(document)


@pytest.mark.parametrize("created", ["2999-01-01T00:00:00Z", "yesterday", 7, ["now"], "2025-01-01"])
def test_a_start_that_cannot_be_is_left_out(created: Any) -> None:
    assert of_pagerduty(data(created_at=created)).started_at is None


def test_a_group_began_with_its_first_alert() -> None:
    earlier = {**FIRING, "startsAt": "2025-10-02T20:40:00.123456789+02:00"}
    alert = of_alertmanager({**ALERTMANAGER, "alerts": [FIRING, earlier]})
    assert alert.started_at == "2025-10-02T18:40:00.123Z"


def test_a_title_is_one_line_of_bounded_length() -> None:
    alert = of_pagerduty(data(title="a\u202eb\x07" + "x" * 5_000))
    assert alert.title == "ab" + "x" * 198


def test_a_group_of_alertmanager_is_one_alert_as_severe_as_its_worst() -> None:
    alert = of_alertmanager(ALERTMANAGER)
    assert (alert.title, alert.severity) == ("Checkout is slow", "P1")
    assert alert.services == ("checkout", "pay")
    again = of_alertmanager({**ALERTMANAGER, "alerts": [FIRING]})
    assert again.key == alert.key
    later = {**FIRING, "startsAt": "2025-10-03T00:00:00Z"}
    alone = of_alertmanager({**ALERTMANAGER, "alerts": [later]})
    both = of_alertmanager({**ALERTMANAGER, "alerts": [later, FIRING]})
    assert alone.key != alert.key
    assert (both.key, both.also) == (alert.key, (alone.key,))
    resolved = {**FIRING, "status": "resolved"}
    assert of_alertmanager({**ALERTMANAGER, "alerts": [later, resolved]}).key == alone.key


def test_a_resolved_group_starts_nothing() -> None:
    with pytest.raises(NotAnAlert):
        of_alertmanager({**ALERTMANAGER, "status": "resolved"})


@pytest.mark.parametrize(
    "document",
    [None, 1, {}, {**ALERTMANAGER, "version": "3"}, {**ALERTMANAGER, "alerts": []},
     {**ALERTMANAGER, "alerts": [{}]}, {**ALERTMANAGER, "alerts": 4}],
)  # fmt: skip
def test_what_alertmanager_would_not_send(document: Any) -> None:
    with pytest.raises(Unreadable):
        of_alertmanager(document)
