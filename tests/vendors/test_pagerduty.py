"""golden.connectors.pagerduty, held against PagerDuty's description."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.odd import ODD
from tests.vendors.program import Program, kept, program

CREATE = {"operation": "create-incident", "incidentId": "INC-2026-0001", "title": "Payments"}
ALL, ONE, NOTES, ON_CALLS = "/incidents$", "/incidents/P1$", "/incidents/P1/notes$", "/oncalls$"
GET = {"operation": "get-incident", "pagerdutyIncidentId": "P1"}
DUPLICATE = {
    "error": {
        "message": "Invalid Input Provided", "code": 2001,
        "errors": ["Open incident with matching dedup key already exists on this service"],
    }
}  # fmt: skip


@pytest.fixture(scope="module")
def warm() -> Iterator[Program]:
    secrets = {"apiKey": "pagerduty-key", "routingKey": "routing-key-of-a-service"}
    config = {"from": "ops@example.com", "serviceId": "PSERVIC"}
    with kept(program("connectors/pagerduty", config, secrets)) as found:
        yield found


@pytest.fixture
def front(vendors: Vendors) -> Iterator[Front]:
    found = vendors("pagerduty")
    yield found
    assert [one for one in found.requests if one.violations and "enqueue" not in one.path] == []


@pytest.fixture
def call(warm: Program, front: Front) -> Any:
    def ask(given: Any, **more: Any) -> Any:
        return warm.call(given, config={"url": front.url, "eventsUrl": front.url}, **more)

    return ask


def incident(status: str = "triggered", **more: Any) -> dict[str, Any]:
    """As PagerDuty gives one."""
    policy = {"id": "PPOLICY", "type": "escalation_policy_reference", "summary": "On call"}
    return {
        "id": "P1", "type": "incident", "incident_number": 7, "title": "Payments",
        "status": status, "incident_key": "INC-2026-0001", "escalation_policy": policy,
        "assignments": [assigned("PALICE")], **more,
    }  # fmt: skip


def assigned(user: str) -> dict[str, Any]:
    return {"assignee": {"id": user, "type": "user_reference", "summary": user}}


def on_call(user: str, level: int) -> dict[str, Any]:
    return {"user": {"id": user, "type": "user_reference"}, "escalation_level": level}


def listed(*found: Any) -> dict[str, Any]:
    return {"incidents": list(found), "limit": 100, "offset": 0, "more": False}


def test_people_are_paged(call: Any, front: Front) -> None:
    front.answer(201, {"incident": incident()}, "POST", ALL)
    answer = call({**CREATE, "details": "Slow", "urgency": "low", "priorityId": "PP1"})
    assert (answer["changed"], answer["incident"]["id"]) == (True, "P1")
    (request,) = front.calls("POST")
    assert request.headers["Authorization"] == "Token token=pagerduty-key"
    assert request.headers["From"] == "ops@example.com"
    assert request.body["incident"] == {
        "type": "incident", "title": "Payments", "urgency": "low", "incident_key": "INC-2026-0001",
        "service": {"id": "PSERVIC", "type": "service_reference"},
        "priority": {"id": "PP1", "type": "priority_reference"},
        "body": {"type": "incident_body", "details": {"description": "Slow"}},
    }  # fmt: skip


def test_a_create_that_is_tried_again_pages_once(call: Any, front: Front) -> None:
    front.drop("POST", ALL, times=1)
    assert call(CREATE)["error"]["code"] == "UNREACHABLE"
    front.answer(400, DUPLICATE, "POST", ALL)
    front.answer(200, listed(incident("resolved", id="P0"), incident()), "GET", ALL)
    answer = call(CREATE, attempt=2)
    assert (answer["changed"], answer["incident"]["id"]) == (False, "P1")
    assert front.calls("GET", ALL)[0].query["incident_key"] == ["INC-2026-0001"]


def test_a_refusal_without_an_open_incident_is_told(call: Any, front: Front) -> None:
    front.answer(400, DUPLICATE, "POST", ALL)
    front.answer(200, listed(incident("resolved")), "GET", ALL)
    assert "matching dedup key" in call(CREATE)["error"]["message"]


def test_without_an_id_of_ours_the_steps_key_is_the_key(call: Any, front: Front) -> None:
    front.answer(201, {"incident": incident()}, "POST", ALL)
    call({"operation": "create-incident", "title": "Payments"}, key="run/step")
    assert front.calls("POST")[0].body["incident"]["incident_key"] == "run/step"


@pytest.mark.parametrize(
    ("operation", "status"),
    [("acknowledge-incident", "acknowledged"), ("resolve-incident", "resolved")],
)  # fmt: skip
def test_a_status_is_set_once(call: Any, front: Front, operation: str, status: str) -> None:
    front.answer(200, {"incident": incident()}, "GET", ONE, times=1)
    front.answer(200, {"incident": incident(status)}, "PUT", ONE)
    given = {"operation": operation, "pagerdutyIncidentId": "P1"}
    assert call(given)["changed"] is True
    assert front.calls("PUT")[0].body["incident"]["status"] == status
    front.answer(200, {"incident": incident(status)}, "GET", ONE)
    assert call(given, attempt=2)["changed"] is False
    assert len(front.calls("PUT")) == 1


def test_what_was_resolved_meanwhile_counts_as_done(call: Any, front: Front) -> None:
    front.answer(200, {"incident": incident()}, "GET", ONE, times=1)
    error = {"error": {"message": "Incident Already Resolved", "code": 1001}}
    front.answer(400, error, "PUT", ONE)
    front.answer(200, {"incident": incident("resolved")}, "GET", ONE)
    answer = call({"operation": "resolve-incident", "pagerdutyIncidentId": "P1"})
    assert (answer["changed"], answer["incident"]["status"]) == (False, "resolved")


def test_an_escalation_pages_once(call: Any, front: Front) -> None:
    front.answer(200, {"oncalls": [on_call("PALICE", 1), on_call("PBOB", 2)]}, "GET", ON_CALLS)
    front.answer(200, {"incident": incident()}, "GET", ONE, times=1)
    front.drop("PUT", ONE, times=1)
    given = {"operation": "escalate-incident", "pagerdutyIncidentId": "P1", "level": 2}
    assert call(given)["error"]["code"] == "UNREACHABLE"
    assert front.calls("PUT")[0].body["incident"]["escalation_level"] == 2
    after = incident(assignments=[assigned("PBOB")])
    front.answer(200, {"incident": after}, "GET", ONE)
    answer = call(given, attempt=2)
    assert (answer["changed"], answer["incident"]["assignees"][0]["id"]) == (False, "PBOB")
    assert len(front.calls("PUT")) == 1
    assert front.calls("GET", ON_CALLS)[0].query["escalation_policy_ids[]"] == ["PPOLICY"]


def test_another_policy_is_paged_once(call: Any, front: Front) -> None:
    front.answer(200, {"oncalls": [on_call("PALICE", 1)]}, "GET", ON_CALLS)
    front.answer(200, {"incident": incident()}, "GET", ONE)
    front.answer(200, {"incident": incident()}, "PUT", ONE)
    given = {"operation": "escalate-incident", "pagerdutyIncidentId": "P1"}
    assert call({**given, "escalationPolicyId": "PPOLICY"})["changed"] is False
    assert call({**given, "escalationPolicyId": "POTHER"})["changed"] is True
    policy = {"id": "POTHER", "type": "escalation_policy_reference"}
    assert front.calls("PUT")[0].body["incident"]["escalation_policy"] == policy


def test_nobody_on_call_does_not_stop_an_escalation(call: Any, front: Front) -> None:
    front.answer(200, {"oncalls": []}, "GET", ON_CALLS)
    front.answer(200, {"incident": incident(assignments=[])}, "GET", ONE)
    front.answer(200, {"incident": incident()}, "PUT", ONE)
    given = {"operation": "escalate-incident", "pagerdutyIncidentId": "P1", "level": 3}
    assert call(given)["changed"] is True


def test_nobody_is_paged_about_what_is_resolved(call: Any, front: Front) -> None:
    front.answer(200, {"incident": incident("resolved")}, "GET", ONE)
    given = {"operation": "escalate-incident", "pagerdutyIncidentId": "P1", "level": 2}
    assert call(given)["error"]["code"] == "REFUSED"
    assert front.calls("PUT") == []


@pytest.mark.parametrize("text", ODD)
def test_a_note_is_written_once_as_it_is(call: Any, front: Front, text: str) -> None:
    front.answer(200, {"incident": incident()}, "GET", ONE)
    front.answer(200, {"notes": []}, "GET", NOTES, times=1)
    front.answer(200, {"note": {"id": "N1", "content": text}}, "POST", NOTES)
    given = {"operation": "add-note", "pagerdutyIncidentId": "P1", "note": text}
    assert call(given)["note"] == {"id": "N1", "content": text}
    assert front.calls("POST", NOTES)[0].body["note"]["content"] == text
    front.answer(200, {"notes": [{"id": "N1", "content": text}]}, "GET", NOTES)
    assert call(given)["changed"] is False
    assert len(front.calls("POST")) == 1


@pytest.mark.parametrize("text", ODD)
def test_odd_titles_are_one_line_that_pagerduty_takes(call: Any, front: Front, text: str) -> None:
    front.answer(201, {"incident": incident()}, "POST", ALL)
    call({**CREATE, "title": text, "details": text})
    sent = front.calls("POST")[0].body["incident"]
    assert len(sent["title"]) <= 255
    assert "\n" not in sent["title"]
    assert sent["body"]["details"]["description"] == text


def test_reading_by_our_key_and_by_theirs(call: Any, front: Front) -> None:
    front.answer(200, listed(incident("resolved", id="P0"), incident()), "GET", ALL, times=1)
    found = call({"operation": "get-incident", "incidentId": "INC-2026-0001"})["incident"]
    assert (found["id"], found["incidentKey"]) == ("P1", "INC-2026-0001")
    front.answer(200, {"incident": incident()}, "GET", ONE)
    given = {"operation": "get-incident", "pagerdutyIncidentId": "P1"}
    assert call(given)["incident"]["assignees"] == [{"id": "PALICE", "name": "PALICE"}]
    front.answer(200, listed(), "GET", ALL)
    missing = call({"operation": "get-incident", "incidentId": "INC-2026-0002"})
    assert missing["error"]["code"] == "NOT_FOUND"


def test_lists(call: Any, front: Front) -> None:
    front.answer(200, listed(incident()), "GET", ALL)
    given = {"operation": "list-incidents", "statuses": ["resolved"], "limit": 3}
    assert [one["id"] for one in call({**given, "serviceId": "PX"})["incidents"]] == ["P1"]
    query = front.calls("GET", ALL)[0].query
    assert (query["statuses[]"], query["service_ids[]"]) == (["resolved"], ["PX"])
    assert query["limit"] == ["3"]
    front.answer(200, {"oncalls": [on_call("PBOB", 2), on_call("PALICE", 1)]}, "GET", ON_CALLS)
    found = call({"operation": "list-on-calls", "escalationPolicyId": "PPOLICY"})["onCalls"]
    assert [(one["level"], one["user"]["id"]) for one in found] == [(1, "PALICE"), (2, "PBOB")]


def test_an_event_keeps_its_key_over_attempts(call: Any, front: Front) -> None:
    """Its interface is not in the description that is kept here."""
    front.answer(202, {"status": "success", "dedup_key": "disk"}, "POST", "/v2/enqueue$")
    given = {"operation": "trigger-event", "title": "Disk is full", "source": "db-1"}
    for attempt in (1, 2):
        assert call(given, key="run/step", attempt=attempt)["dedupKey"]
    assert call({**given, "eventAction": "resolve", "incidentId": "INC-2026-0001"})["dedupKey"]
    first, second, third = [one.body for one in front.calls("POST", "/v2/enqueue$")]
    assert first == second
    assert first["routing_key"] == "routing-key-of-a-service"
    assert first["payload"] == {
        "summary": "Disk is full", "source": "db-1", "severity": "critical",
    }  # fmt: skip
    assert (third["event_action"], third["dedup_key"]) == ("resolve", "INC-2026-0001")


def test_a_limit_by_pagerdutys_own_header(call: Any, front: Front) -> None:
    front.answer(429, {"error": {"message": "Rate Limit", "code": 2020}}, "POST", ALL,
                 headers={"ratelimit-reset": "12"})  # fmt: skip
    error = call(CREATE)["error"]
    assert (error["code"], error["retryAfterSeconds"]) == ("RATE_LIMITED", 12)


@pytest.mark.parametrize(
    ("given", "path", "body"),
    [
        ({"operation": "list-incidents"}, ALL, {"incidents": [{"status": "triggered"}]}),
        ({"operation": "list-incidents"}, ALL, {"incidents": [{"id": None}]}),
        ({"operation": "get-incident", "incidentId": "INC-1"}, ALL, {"incidents": [{}]}),
        ({"operation": "add-note", "incidentId": "INC-1", "note": "x"}, ALL, {"incidents": [{}]}),
        (GET, ONE, {"incident": {"id": 7}}),
        (GET, ONE, {"incident": {"id": "P1", "title": 7}}),
        (GET, ONE, {"incident": {"id": "P1", "incident_number": "seven"}}),
        (GET, ONE, {"incident": {"id": "P1", "service": ["x"]}}),
        (GET, ONE, {"incident": {"id": "P1", "service": {"id": ["x"]}}}),
        (GET, ONE, {"incident": {"id": "P1", "assignments": "x"}}),
        (GET, ONE, {"incident": {"id": "P1", "assignments": [None]}}),
        (GET, ONE, {"incident": {"id": "P1", "assignments": [{"assignee": "bob"}]}}),
        ({"operation": "list-on-calls"}, ON_CALLS, {"oncalls": [{"user": "bob"}]}),
        ({"operation": "list-on-calls"}, ON_CALLS, {"oncalls": [{"escalation_level": "2"}]}),
    ],
)
def test_an_answer_of_another_shape(
    call: Any, front: Front, given: Any, path: str, body: Any
) -> None:
    front.answer(200, body, path=path)
    assert call(given)["error"]["code"] == "BAD_ANSWER"
