"""Which runs begin an incident, with what, and what a run is told of the one it has."""

from typing import Any

import pytest

from engine.errors import RunRefused
from engine.incidents.incident import Incident, Opening, SlackChannel
from engine.incidents.opening import context_of, named_by, opening, opens, run_of

INCIDENT = Incident(
    id="INC-2026-0001",
    title="Checkout is down",
    severity="P1",
    status="Investigating",
    started_at="2026-03-01T03:00:00.000Z",
    impacted_services=("checkout",),
    slack=SlackChannel(channel_id="C1", channel_name="inc-1"),
)


def test_the_initiating_blueprint_without_an_incident_begins_one() -> None:
    assert opens("incident.initiate", {})
    assert opens("incident.initiate", {"incident_id": ""})
    assert not opens("incident.initiate", {"incident_id": "INC-2026-0001"})
    assert not opens("incident.remediate", {})


def test_a_run_is_named_after_its_incident() -> None:
    assert run_of("incident.initiate", "INC-2026-0001") == "incident.initiate-INC-2026-0001"
    assert named_by("incident.initiate-INC-2026-0001") == "INC-2026-0001"
    for other in (
        "incident.initiate-INC-26-1",
        "incident.initiate-a1b2",
        "INC-2026-0001",
        "incident.remediate-INC-2026-0001",
        "incident.initiate-INC-2026-0001\n",
    ):
        assert named_by(other) is None


def test_what_it_is_opened_with() -> None:
    context = {
        "incident_severity": "P2",
        "incident_title": " Checkout\n is  down ",
        "impacted_services": ["checkout"],
        "pagerduty_incident_id": "PGR0VU2",
        "incident_started_at": "2026-03-01T03:00:00Z",
    }
    assert opening({"title": "no"}, context, actor="alice", key="k") == Opening(
        title="Checkout is down", severity="P2", impacted_services=("checkout",), actor="alice",
        pagerduty_incident_id="PGR0VU2", started_at="2026-03-01T03:00:00Z", key="k",
    )  # fmt: skip
    bare = opening({"title": "Slow"}, {"incident_severity": "P4"}, actor="alice", key="k")
    assert bare == Opening(title="Slow", severity="P4", actor="alice", key="k")
    assert len(opening({"title": "x" * 999}, context | {"incident_title": ""}, actor="a",
                       key="k").title) == 255  # fmt: skip


@pytest.mark.parametrize("context", [{}, {"incident_severity": "P5"}, {"incident_severity": 1}])
def test_how_bad_it_is_must_be_said(context: dict[str, Any]) -> None:
    with pytest.raises(RunRefused, match="--severity P1, P2, P3 or P4") as raised:
        opening({}, context, actor="alice", key="k")
    assert raised.value.code == "INPUTS"


def test_a_run_is_told_what_is_known_and_keeps_what_it_was_given() -> None:
    given = {"incident_id": "INC-2026-0001", "incident_title": "Mine", "trace_id": "t"}
    given["incident_severity"] = "P4"
    assert context_of(given, INCIDENT) == {
        "incident_id": "INC-2026-0001",
        "incident_severity": "P1",
        "incident_title": "Mine",
        "incident_started_at": "2026-03-01T03:00:00.000Z",
        "impacted_services": ["checkout"],
        "incident_channel": "C1",
        "trace_id": "t",
    }
