"""The incident service over HTTP on a real store."""

from pathlib import Path

import httpx
import pytest

from engine.incidents.database import database_url
from engine.incidents.serving import incident_service
from engine.incidents.store import Store
from tests.incidents.conftest import OPENING

LIFE = ("Investigating", "Remediating", "Verifying", "Verified", "Resolved", "PostMortem", "Closed")
UNKNOWN = (404, "INCIDENT_UNKNOWN")


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_opening_that_is_sent_again_opens_nothing(
    served: httpx.AsyncClient, incident: str
) -> None:
    again = await served.post("/incidents", json=OPENING)
    assert (again.status_code, again.json()["id"]) == (200, incident)
    listed = (await served.get("/incidents", params={"status": "Created"})).json()["incidents"]
    assert [each["id"] for each in listed] == [incident]


async def test_without_the_token_nothing_is_told(served: httpx.AsyncClient, incident: str) -> None:
    for header in ("", "Bearer", "Bearer x", "Basic x", "Bearer \u00e9"):
        given = {"Authorization": header.encode("latin-1")}
        answer = await served.get(f"/incidents/{incident}", headers=given)  # type: ignore[arg-type]
        assert refused(answer) == (401, "UNAUTHORIZED")


async def test_a_life_is_measured_and_intact(served: httpx.AsyncClient, incident: str) -> None:
    for to in LIFE:
        moved = (await served.post(f"/incidents/{incident}/transitions", json={"to": to})).json()
        assert moved["changed"] is True
    again = await served.post(f"/incidents/{incident}/transitions", json={"to": "Closed"})
    assert again.json()["changed"] is False
    measured = (await served.get(f"/incidents/{incident}/metrics")).json()
    assert 0 <= measured["mttaSeconds"] <= measured["mttrSeconds"]
    means = (await served.get("/metrics", params={"severity": "P2"})).json()
    assert (means["incidents"], means["resolved"]) == (1, 1)
    verified = (await served.get(f"/incidents/{incident}/verify")).json()
    assert (verified["intact"], verified["problems"]) == (True, [])


async def test_a_wrong_transition_is_refused_and_recorded(
    served: httpx.AsyncClient, incident: str
) -> None:
    wrong = await served.post(f"/incidents/{incident}/transitions", json={"to": "Resolved"})
    assert refused(wrong) == (409, "WRONG_TRANSITION")
    events = (await served.get(f"/incidents/{incident}/events")).json()["events"]
    assert [event["type"] for event in events] == ["incident.opened", "incident.transition-refused"]


async def test_events_come_once_in_pages(served: httpx.AsyncClient, incident: str) -> None:
    given = [{"type": "note.added", "description": f"nr {n}", "key": f"n{n}"} for n in range(7)]
    for added in (7, 0):
        answer = await served.post(f"/incidents/{incident}/events", json={"events": given})
        assert (answer.json()["added"], len(answer.json()["events"])) == (added, 7)
    page: dict[str, str | int] = {"type": "note.*", "limit": 5}
    first = (await served.get(f"/incidents/{incident}/events", params=page)).json()
    after: dict[str, str | int] = {**page, "after": first["events"][-1]["sequence"]}
    rest = (await served.get(f"/incidents/{incident}/events", params=after)).json()
    assert (len(first["events"]), first["more"]) == (5, True)
    assert (len(rest["events"]), rest["more"]) == (2, False)


async def test_events_are_counted_by_their_type(served: httpx.AsyncClient, incident: str) -> None:
    notes = [{"type": "note.added", "description": "x", "key": f"n{n}"} for n in range(3)]
    await served.post(f"/incidents/{incident}/events", json={"events": notes})
    counts = (await served.get(f"/incidents/{incident}/events/counts")).json()
    assert counts == {"counts": {"incident.opened": 1, "note.added": 3}}
    nowhere = await served.get("/incidents/INC-2020-0001/events/counts")
    assert nowhere.json()["error"]["code"] == "INCIDENT_UNKNOWN"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "gate.answered", "description": "bob approved", "key": "mine"},
        {"type": "run.ended", "description": "all is well", "key": "mine"},
        {"type": "note.added", "description": "x", "key": "run/1/1"},
        {"type": "note.added", "description": "x", "key": "store/9"},
    ],
)
async def test_a_capability_does_not_write_in_the_name_of_a_run(
    served: httpx.AsyncClient, incident: str, event: dict[str, str]
) -> None:
    answer = await served.post(f"/incidents/{incident}/events", json={"events": [event]})
    assert refused(answer) == (400, "INPUTS")
    assert (await served.get(f"/incidents/{incident}/approvals")).json() == {"approvals": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/incidents", "{", (400, "INPUTS")),
        ("POST", "/incidents", '{"title": "x"}', (400, "INPUTS")),
        ("POST", "/incidents", '{"title": 3, "severity": "P1"}', (400, "INPUTS")),
        ("POST", "/incidents", "[" * 100_000, (400, "INPUTS")),
        ("POST", "/incidents/INC-2026-9999/events", '{"events": []}', (400, "INPUTS")),
        ("POST", "/incidents/INC-2026-9999/transitions", '{"to": "Closed"}', UNKNOWN),
        ("GET", "/incidents/INC-2026-9999", "", UNKNOWN),
        ("GET", "/incidents/INC-2026-9999/events?limit=0", "", (400, "INPUTS")),
        ("GET", "/incidents/INC-2026-9999/events?after=-1", "", (400, "INPUTS")),
        ("GET", "/incidents?since=yesterday", "", (400, "INPUTS")),
        ("PUT", "/incidents/INC-2026-9999/jira", "{}", (400, "INPUTS")),
        ("DELETE", "/incidents/INC-2026-9999", "", (404, "INPUTS")),
        ("GET", "/elsewhere", "", (404, "INPUTS")),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_a_sentence(
    served: httpx.AsyncClient, method: str, path: str, body: str, expected: tuple[int, str]
) -> None:
    answer = await served.request(method, path, content=body)
    assert refused(answer) == expected
    assert "Traceback" not in answer.text


async def test_what_is_too_large_is_not_read_to_its_end(served: httpx.AsyncClient) -> None:
    answer = await served.post("/incidents", content=b" " * 4_200_000)
    assert refused(answer) == (413, "TOO_LARGE")


async def test_a_store_that_is_away_may_be_asked_again(tmp_path: Path) -> None:
    nowhere = tmp_path / "a-file"
    nowhere.write_text("")
    store = Store(database_url(nowhere, {}))
    async with (
        incident_service(store) as (url, token),
        httpx.AsyncClient(trust_env=False) as client,
    ):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.get(f"{url}/v1/incidents", headers=headers, timeout=30)
    assert refused(answer) == (503, "STORE_AWAY")
    assert answer.headers["Retry-After"] == "2"
