"""The sandbox's vendors keep state: each is taken through an incident's life by its real connector.

Every answer is held against the vendor's description when the test is over (fixture `recorder`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.sandbox.conftest import Call
from tests.vendors.odd import ODD
from tests.vendors.program import program

OURS = "INC-2026-0001"


def state(http: httpx.Client) -> Any:
    return http.get("/sandbox/state").json()


def test_statuspage(calls: Callable[[str], Call], http: httpx.Client) -> None:
    call = calls("statuspage")
    create = {
        "operation": "create-incident", "incidentId": OURS, "name": "Slow", "body": "We look.",
        "components": {"component-api": "partial_outage"},
    }  # fmt: skip
    made = call(create)
    assert (made["changed"], made["incident"]["status"]) == (True, "investigating")
    assert call(create, key="later")["changed"] is False
    given = {"incidentId": OURS}
    told = {**given, "operation": "update-incident", "status": "identified", "body": "Found."}
    assert call(told)["changed"] is True
    assert call(told)["changed"] is False
    assert call({**given, "operation": "get-incident"})["incident"]["status"] == "identified"
    assert len(call({"operation": "list-incidents"})["incidents"]) == 1
    parts = call({"operation": "list-components"})["components"]
    assert {one["id"]: one["status"] for one in parts}["component-api"] == "partial_outage"
    set_part = {
        "operation": "update-component", "componentId": "component-web",
        "componentStatus": "degraded_performance",
    }  # fmt: skip
    assert call(set_part)["component"]["status"] == "degraded_performance"
    ended = call({**given, "operation": "resolve-incident", "body": "Over."})
    assert ended["incident"]["components"][0]["status"] == "operational"
    assert call({**given, "operation": "resolve-incident"})["changed"] is False
    assert call({"operation": "list-incidents"})["incidents"] == []
    assert len(state(http)["statuspage"]["incidents"]) == 1
    gone = {"operation": "get-incident", "statuspageIncidentId": "nothing"}
    assert call(gone)["error"]["code"] == "NOT_FOUND"


def test_pagerduty(calls: Callable[[str], Call], http: httpx.Client) -> None:
    call = calls("pagerduty")
    create = {"operation": "create-incident", "incidentId": OURS, "title": "Slow", "details": "d"}
    made = call(create)
    assert made["changed"] is True
    assert call(create, key="later") == {**made, "changed": False}
    given = {"incidentId": OURS}
    assert call({**given, "operation": "acknowledge-incident"})["changed"] is True
    assert call({**given, "operation": "acknowledge-incident"})["changed"] is False
    escalate = {**given, "operation": "escalate-incident", "level": 2}
    first = call(escalate)
    again = call(escalate, attempt=2)
    assert (first["changed"], again["changed"]) == (True, False)
    assert first["incident"]["assignees"] == again["incident"]["assignees"]
    assert first["incident"]["assignees"] != made["incident"]["assignees"]
    note = {**given, "operation": "add-note", "note": "Looking at it"}
    assert (call(note)["changed"], call(note)["changed"]) == (True, False)
    assert call({**given, "operation": "get-incident"})["incident"]["incidentKey"] == OURS
    assert len(call({"operation": "list-incidents"})["incidents"]) == 1
    assert call({"operation": "list-on-calls"})["onCalls"][0]["level"] == 1
    assert call({**given, "operation": "resolve-incident", "resolution": "Over"})["changed"] is True
    assert call({**given, "operation": "resolve-incident"})["changed"] is False
    assert call(escalate)["error"]["code"] == "REFUSED"
    event = {"operation": "trigger-event", "title": "Disk is full", "source": "db-1"}
    assert call(event)["dedupKey"]
    assert len(state(http)["pagerduty"]["incidents"]) == 2


def test_confluence(calls: Callable[[str], Call]) -> None:
    call = calls("confluence")
    create = {
        "operation": "create-page", "incidentId": OURS, "title": "It was slow",
        "markdown": "## Summary\n\n| a | b |\n| --- | --- |\n| x<y | é |\n", "labels": ["p1"],
    }  # fmt: skip
    made = call(create)
    assert made["changed"] is True
    assert call(create, key="later") == {**made, "changed": False}
    other = {**create, "incidentId": "INC-2026-0002"}
    assert call(other, key="others")["error"]["code"] == "CONFLICT"
    page = {"pageId": made["page"]["id"]}
    update = {**page, "operation": "update-page", "markdown": "New.", "labels": ["reviewed"]}
    assert call(update, key="u")["page"]["version"] == 2
    assert call(update, key="u", attempt=2)["changed"] is False
    read = call({"operation": "get-page", "title": "It was slow"})
    assert read["storage"].startswith("<p>New.</p>")
    assert read["page"]["incidentId"] == OURS
    assert read["page"]["labels"] == ["p1", "reviewed"]
    # A person writes another version; the step that wrote before does not write over it.
    assert call({**page, "operation": "update-page", "markdown": "By hand."}, key="v")["changed"]
    assert call(update, key="u", attempt=3)["changed"] is False
    for asked in ({"title": "It was slow"}, {"labels": ["p1", "reviewed"]}):
        found = call({"operation": "search", **asked})["pages"]
        assert [one["id"] for one in found] == [made["page"]["id"]]
    assert call({"operation": "search", "labels": ["no-such"]})["pages"] == []
    assert call({**page, "operation": "add-labels", "labels": ["p1"]})["changed"] is False
    shown = httpx.get(made["page"]["url"], trust_env=False)
    assert shown.status_code == 200
    assert "sandbox" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize("text", ODD)
def test_confluence_takes_odd_text(calls: Callable[[str], Call], text: str) -> None:
    made = calls("confluence")({"operation": "create-page", "title": text, "markdown": text})
    assert made["changed"] is True


def test_slack(calls: Callable[[str], Call], http: httpx.Client) -> None:
    call = calls("slack")
    context = {"incident_id": OURS, "incident_severity": "P1"}
    made = call({"operation": "create-channel", "topic": "Slow"}, context=context)
    again = call({"operation": "create-channel", "topic": "Slow"}, context=context, attempt=2)
    assert again["channel"] == made["channel"]
    where = {"channel": made["channel"]}
    people = {**where, "operation": "invite", "users": ["U0BOB00001", "carol@example.com"]}
    assert "error" not in call(people)
    posted = call({**where, "operation": "post-message", "key": "k", "text": "Look <here>"})
    found = call({**where, "operation": "post-message", "key": "k", "text": "Look"}, attempt=2)
    assert found["ts"] == posted["ts"]
    changed = {**where, "operation": "update-message", "ts": posted["ts"], "text": "Seen"}
    assert "error" not in call(changed)
    gate = {
        "event": "opened", "state": "pending", "path": "approve",
        "digest": "0" * 64, "ask": "Restart?", "approvers": ["incident-approver"],
        "deadline": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    ask = {**where, "operation": "request-approval", "run": "run-1", "gate": gate}
    asked = call(ask, context=context)
    assert call(ask, context=context, attempt=2)["ts"] == asked["ts"]
    closed = {
        **gate, "event": "closed", "state": "approved",
        "decision": {"decision": "approved", "approverId": "bob", "source": "slack",
                     "at": "2026-01-01T00:00:00Z", "reason": "ok"},
        "notice": {"channel": asked["channel"], "ts": asked["ts"]},
    }  # fmt: skip
    assert "error" not in call({**ask, "gate": closed}, context=context)
    assert "error" not in call({**where, "operation": "archive-channel"})
    assert "error" not in call({**where, "operation": "archive-channel"}, attempt=2)
    (channel,) = [one for one in state(http)["slack"]["channels"] if one["id"] == made["channel"]]
    assert channel["is_archived"] is True
    texts = [one["text"] for one in channel["messages"]]
    assert len([text for text in texts if "Seen" in text]) == 1
    (outcome,) = [one for one in channel["messages"] if one["ts"] == asked["ts"]]
    assert "actions" not in [block["type"] for block in outcome["blocks"]]
    late = call({**where, "operation": "post-message", "text": "Late"})
    assert late["error"]["code"] == "CHANNEL_ARCHIVED"


def test_a_channel_is_archived_once_its_questions_say_who_answered(
    calls: Callable[[str], Call], http: httpx.Client
) -> None:
    """The step behind the gate and the gate's last notice are at Slack at the same time."""
    archiving, telling = calls("slack"), calls("slack")
    channel = telling({"operation": "create-channel", "name": OURS})["channel"]
    where = {"channel": channel}
    gate = {"path": "ask", "digest": "0" * 64, "ask": "Archive?", "approvers": ["managers"]}
    ask = {**where, "operation": "request-approval", "run": "run-1"}
    asked = telling({**ask, "gate": gate})

    def looked() -> int:
        return sum("history" in one["path"] for one in state(http)["requests"])

    with ThreadPoolExecutor() as threads:
        before = looked()
        archived = threads.submit(archiving, {**where, "operation": "archive-channel"})
        while looked() == before:
            assert not archived.done(), archived.result()
        closed = {
            **gate, "event": "closed", "state": "approved",
            "decision": {"decision": "approved", "approverId": "bob", "source": "cli",
                         "at": "2026-01-01T00:00:00Z"},
            "notice": {**where, "ts": asked["ts"]},
        }  # fmt: skip
        assert "error" not in telling({**ask, "gate": closed})
        assert archived.result()["archived"] is True


def test_a_question_that_is_never_answered_does_not_keep_a_channel_open(
    calls: Callable[..., Call],
) -> None:
    call = calls("slack", timeoutSeconds=1)
    where = {"channel": call({"operation": "create-channel", "name": OURS})["channel"]}
    gate = {"path": "ask", "digest": "0" * 64, "ask": "Go?", "approvers": ["managers"]}
    call({**where, "operation": "request-approval", "run": "run-1", "gate": gate})
    assert call({**where, "operation": "archive-channel"})["archived"] is True


def test_a_path_without_a_slash_is_answered(http: httpx.Client) -> None:
    answer = http.request("OPTIONS", "/", extensions={"target": b"*"})
    assert answer.status_code in (400, 404, 405)


@pytest.mark.parametrize("text", ODD)
def test_a_post_mortem_becomes_a_page(calls: Callable[[str], Call], text: str) -> None:
    """What the transformer gives is what the connector takes, and shows what people wrote."""
    document = program("transformers/post-mortem", {}, {}).call(
        {
            "incident": {"id": OURS, "title": text, "severity": "P1"},
            "events": [{"type": "step.succeeded", "sequence": 1, "description": text}],
            "approvals": [{"gate": "ask", "status": "Approved", "reason": text}],
            "actionItems": [{"text": text}],
        }
    )
    given = {name: document[name] for name in ("title", "markdown", "labels")}
    call = calls("confluence")
    made = call({"operation": "create-page", "incidentId": OURS, **given})
    assert made["page"]["labels"] == ["post-mortem", "inc-2026-0001", "p1"]
    storage = call({"operation": "get-page", "pageId": made["page"]["id"]})["storage"]
    page = ElementTree.fromstring(f"<body>{storage.replace('ac:', 'ac-')}</body>")
    assert [head.text for head in page.iter("h2")][:2] == ["Summary", "Impact"]
    assert page.find("h1") is None
    shown = "".join(page.itertext())
    words = [word for word in text.split() if word.isalnum()]
    assert [word for word in words if word not in shown] == []
    assert page.find(".//script") is None
