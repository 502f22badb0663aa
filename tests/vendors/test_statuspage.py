"""golden.connectors.statuspage, held against Statuspage's description."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.odd import ODD
from tests.vendors.program import Program, kept, program

CREATE = {"operation": "create-incident", "incidentId": "INC-2026-0001", "name": "Payments"}
OPEN = "/incidents/unresolved$"
ALL = "/incidents$"


@pytest.fixture(scope="module")
def warm() -> Iterator[Program]:
    cold = program("connectors/statuspage", {"pageId": "page1"}, {"apiKey": "statuspage-key"})
    with kept(cold) as found:
        yield found


@pytest.fixture
def front(vendors: Vendors) -> Iterator[Front]:
    found = vendors("statuspage")
    yield found
    assert found.violations == []


@pytest.fixture
def call(warm: Program, front: Front) -> Any:
    def ask(given: Any, **more: Any) -> Any:
        return warm.call(given, config={"url": front.url}, **more)

    return ask


def incident(name: str, ours: str | None = None, **more: Any) -> dict[str, Any]:
    """As Statuspage lists one."""
    metadata = {"harmony": {"incident_id": ours}} if ours else {}
    return {"id": name, "name": "Payments", "status": "investigating", "metadata": metadata, **more}


def part(name: str, status: str = "partial_outage") -> dict[str, str]:
    return {"id": name, "name": name.upper(), "status": status}


def test_an_incident_is_opened_with_our_id_in_its_metadata(call: Any, front: Front) -> None:
    front.answer(200, [], "GET", OPEN)
    given = {
        **CREATE, "body": "We look into it.", "impact": "major", "notify": False,
        "components": {"c1": "partial_outage"},
    }  # fmt: skip
    answer = call(given, key="key-7")
    assert answer["changed"] is True
    (request,) = front.calls("POST")
    assert request.headers["Authorization"] == "OAuth statuspage-key"
    assert request.path == "/pages/page1/incidents"
    assert request.body == {
        "incident": {
            "name": "Payments",
            "status": "investigating",
            "body": "We look into it.",
            "impact_override": "major",
            "deliver_notifications": False,
            "components": {"c1": "partial_outage"},
            "component_ids": ["c1"],
            "metadata": {"harmony": {"incident_id": "INC-2026-0001", "idempotency_key": "key-7"}},
        }
    }


def test_a_create_that_is_tried_again_finds_what_it_made(call: Any, front: Front) -> None:
    front.answer(200, [], "GET", OPEN, times=1)
    front.drop("POST", times=1)
    assert call(CREATE)["error"]["code"] == "UNREACHABLE"
    metadata = front.calls("POST")[0].body["incident"]["metadata"]
    front.answer(200, [incident("x"), {**incident("made"), "metadata": metadata}], "GET", OPEN)
    answer = call(CREATE, attempt=2)
    assert (answer["changed"], answer["incident"]["id"]) == (False, "made")
    assert call(CREATE, key="of another run")["changed"] is False
    assert len(front.calls("POST")) == 1


def test_without_an_id_of_ours_the_steps_key_finds_it(call: Any, front: Front) -> None:
    mark = {"metadata": {"harmony": {"idempotency_key": "key-7"}}}
    front.answer(200, [incident("made") | mark], "GET", OPEN)
    given = {"operation": "create-incident", "name": "Payments"}
    assert call(given, key="key-7")["incident"]["id"] == "made"
    assert call(given, key="key-8")["changed"] is True


def test_more_open_incidents_than_a_page_holds(call: Any, front: Front) -> None:
    front.answer(200, [incident(f"i{n}") for n in range(100)], "GET", OPEN, times=1)
    front.answer(200, [incident("late", "INC-2026-0001")], "GET", OPEN, times=1)
    assert call(CREATE)["incident"]["id"] == "late"


def test_an_update_is_said_once(call: Any, front: Front) -> None:
    old = {"body": "Found it.", "created_at": "2026-03-01T02:00:00Z"}
    new = {"body": "Still there.", "created_at": "2026-03-01T03:00:00Z"}
    current = incident("made", "INC-2026-0001", incident_updates=[new, old], components=[part("c")])
    front.answer(200, [current], "GET", OPEN)
    given = {"operation": "update-incident", "incidentId": "INC-2026-0001"}
    assert call({**given, "body": "Still there.", "status": "investigating"})["changed"] is False
    assert call({**given, "components": {"c": "partial_outage"}})["changed"] is False
    assert front.calls("PATCH") == []
    for change in (
        {"body": "Found it."},
        {"body": "Still there.", "status": "identified"},
        {"components": {"c": "operational"}},
        {"impact": "minor"},
        {"name": "Payments and refunds"},
    ):
        assert call({**given, **change})["changed"] is True
    assert len(front.calls("PATCH", "/incidents/made$")) == 5


def test_resolving_resets_the_components(call: Any, front: Front) -> None:
    current = incident(
        "made", "INC-2026-0001", components=[part("c1"), part("c2"), part("c3", "operational")]
    )
    other = incident("other", components=[part("c2")])
    front.answer(200, [other, current], "GET", OPEN)
    given = {"operation": "resolve-incident", "incidentId": "INC-2026-0001", "body": "It is over."}
    answer = call(given)
    assert (answer["changed"], answer["keptComponents"]) == (True, ["c2"])
    (request,) = front.calls("PATCH")
    assert request.body == {
        "incident": {
            "status": "resolved",
            "body": "It is over.",
            "deliver_notifications": True,
            "components": {"c1": "operational"},
            "component_ids": ["c1"],
        }
    }


def test_what_is_resolved_is_not_resolved_again(call: Any, front: Front) -> None:
    over = incident("made", "INC-2026-0001", status="resolved", components=[part("c1")])
    front.answer(200, [], "GET", OPEN)
    front.answer(200, [over], "GET", ALL, times=1)
    given = {"operation": "resolve-incident", "incidentId": "INC-2026-0001"}
    assert call(given)["changed"] is True
    (request,) = front.calls("PATCH")
    assert (request.path, request.body) == (
        "/pages/page1/components/c1", {"component": {"status": "operational"}},
    )  # fmt: skip
    over["components"] = [part("c1", "operational")]
    front.answer(200, [over], "GET", ALL)
    assert call(given)["changed"] is False
    assert len(front.calls("PATCH")) == 1


def test_reading_by_our_id_and_by_theirs(call: Any, front: Front) -> None:
    front.answer(200, [incident("made", "INC-2026-0001")], "GET", OPEN)
    assert call({"operation": "get-incident", "incidentId": "INC-2026-0001"})["incident"] == {
        "id": "made", "name": "Payments", "status": "investigating", "impact": "", "url": "",
        "incidentId": "INC-2026-0001", "components": [], "createdAt": None, "resolvedAt": None,
    }  # fmt: skip
    call({"operation": "get-incident", "statuspageIncidentId": "abc"})
    assert len(front.calls("GET", "/incidents/abc$")) == 1
    front.answer(200, [], "GET", ALL)
    missing = call({"operation": "get-incident", "incidentId": "INC-2026-0002"})
    assert missing["error"]["code"] == "NOT_FOUND"
    assert "INC-2026-0002" in missing["error"]["message"]


def test_lists(call: Any, front: Front) -> None:
    call({"operation": "list-incidents", "limit": 3})
    assert front.calls("GET", OPEN)[0].query == {"page": ["1"], "per_page": ["3"]}
    front.answer(200, [incident("a", status="resolved"), incident("b")], "GET", ALL)
    found = call({"operation": "list-incidents", "query": "a&b=c", "open": True})
    assert [one["id"] for one in found["incidents"]] == ["b"]
    assert front.calls("GET", ALL)[0].query["q"] == ["a&b=c"]
    found = call({"operation": "list-incidents", "open": False})
    assert [one["id"] for one in found["incidents"]] == ["a", "b"]
    front.answer(200, [part("c1"), {**part("g"), "group": True}], "GET", "/components$")
    assert call({"operation": "list-components"}) == {"components": [part("c1")]}


def test_a_component_is_set_once(call: Any, front: Front) -> None:
    front.answer(200, part("c1"), "GET", "/components/c1$")
    given = {"operation": "update-component", "componentId": "c1"}
    assert call({**given, "componentStatus": "partial_outage"})["changed"] is False
    assert call({**given, "componentStatus": "operational"})["changed"] is True
    assert [request.body for request in front.calls("PATCH")] == [
        {"component": {"status": "operational"}}
    ]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_arrives_as_it_is(call: Any, front: Front, text: str) -> None:
    front.answer(200, [], "GET", OPEN)
    call({**CREATE, "name": text, "body": text})
    sent = front.calls("POST")[0].body["incident"]
    assert sent["body"] == text
    assert len(sent["name"]) <= 255
    assert "\n" not in sent["name"]
    assert sent["name"].rstrip("…") in " ".join(text.split())
