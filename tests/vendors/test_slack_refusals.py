"""Slack says no: each name that its description has for a method that is called, and all else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.prism_server import CannotServe, description
from tests.vendors.program import Program, kept, program

CHANNEL, TS = "C0INC20260001", "1503435956.000247"
GATE = {"path": "ask", "digest": "0" * 64, "ask": "Restart?", "approvers": ["incident-approver"]}
NOTICE = {**GATE, "notice": {"channel": CHANNEL, "ts": TS}}
ASK = {"operation": "request-approval", "channel": CHANNEL}
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("conversations.create", {"operation": "create-channel", "name": "inc-1"}),
    ("conversations.invite", {"operation": "invite", "channel": CHANNEL, "users": ["U0BOB00001"]}),
    ("users.lookupByEmail", {"operation": "invite", "channel": CHANNEL, "users": ["b@x.example"]}),
    ("conversations.archive", {"operation": "archive-channel", "channel": CHANNEL}),
    ("chat.postMessage", {"operation": "post-message", "channel": CHANNEL, "text": "a"}),
    ("conversations.history", {**ASK, "gate": {**GATE, "event": "escalated"}}),
    ("chat.update", {"operation": "update-message", "channel": CHANNEL, "ts": TS, "text": "a"}),
    ("chat.postMessage", {**ASK, "gate": {**GATE, "event": "opened"}}),
    ("chat.update", {**ASK, "gate": {**NOTICE, "event": "escalated"}}),
    ("views.open", {"operation": "open-modal", "trigger": "1.2.a", "callback": "c", "title": "t"}),
    ("chat.postEphemeral", {"operation": "answer-interaction", "channel": CHANNEL,
                            "user": "U0BOB00001", "text": "a"}),
]  # fmt: skip
OURS = {
    "invalid_arg_name", "invalid_array_arg", "invalid_arguments", "invalid_charset",
    "invalid_form_data", "invalid_json", "invalid_post_type", "missing_post_type",
    "json_not_object", "upgrade_required", "no_text", "invalid_cursor", "invalid_limit",
    "invalid_ts_latest", "missing_charset", "superfluous_charset",
    "invalid_ts_oldest", "invalid_types",
}  # fmt: skip
"""A request that is wrong in itself: nothing that somebody at the other end could put right."""
ELSEWHERE = {
    "already_archived",
    "already_in_channel",
    "cant_invite_self",
    "name_taken",
    "success",
    "ratelimited",
}
"""What counts as done or is looked up, and what comes with a status of its own: tried below."""


def names(method: str) -> list[str]:
    """Those that the description has an example of."""
    try:
        paths = json.loads(description("slack").read_text())["paths"]
    except CannotServe as reason:
        pytest.skip(str(reason))
    found: set[str] = set()
    for described in paths[f"/{method}"].values():
        for response in described.get("responses", {}).values():
            for content in response.get("content", {}).values():
                found |= content.get("examples", {}).keys()
    return sorted(found - ELSEWHERE)


@pytest.fixture(scope="module")
def warm() -> Iterator[Program]:
    cold = program("integrations/slack-interactive", {}, {"botToken": "xoxb-made-up"})
    with kept(cold) as found:
        yield found


@pytest.fixture
def slack(vendors: Vendors) -> Iterator[Front]:
    found = vendors("slack")
    yield found
    assert found.violations == []


@pytest.fixture
def call(warm: Program, slack: Front) -> Any:
    def ask(given: Any, **more: Any) -> Any:
        more["config"] = {"url": slack.url, **more.get("config", {})}
        return warm.call(given, **more)

    return ask


@pytest.mark.parametrize(("method", "given"), OPERATIONS)
def test_each_name_has_a_code_of_its_own(
    call: Any, slack: Front, method: str, given: dict[str, Any]
) -> None:
    known = names(method)
    assert known
    for name in known:
        slack.reset()
        slack.prefer(f"example={name}", path=f"/{method}$")
        error = call(given)["error"]
        assert slack.violations == [], name
        assert (error["code"] == "REFUSED") == (name in OURS), (name, error)
        if error["code"] == "REFUSED":
            assert name in error["message"]


@pytest.mark.parametrize(("method", "given"), OPERATIONS)
@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "REFUSED"), (401, "KEY_REFUSED"), (403, "KEY_REFUSED"), (500, "UNAVAILABLE"),
     (503, "UNAVAILABLE")],
)  # fmt: skip
def test_other_answers_have_codes_too(
    call: Any, slack: Front, method: str, given: dict[str, Any], status: int, code: str
) -> None:
    slack.answer(status, "<html>", path=f"/{method}$")
    error = call(given)["error"]
    assert error["code"] in (code, "BAD_ANSWER")


@pytest.mark.parametrize(("method", "given"), OPERATIONS)
def test_limits_time_outs_and_broken_connections(
    call: Any, slack: Front, method: str, given: dict[str, Any]
) -> None:
    limited = {"ok": False, "error": "ratelimited"}
    path = f"/{method}$"
    slack.answer(429, limited, path=path, headers={"Retry-After": "7"}, times=1)
    error = call(given)["error"]
    assert (error["code"], error["retryAfterSeconds"]) == ("RATE_LIMITED", 7)
    date = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    slack.answer(429, limited, path=path, headers=date, times=1)
    assert call(given)["error"]["retryAfterSeconds"] == 0
    slack.drop(path=path, times=1)
    assert call(given)["error"]["code"] == "UNREACHABLE"
    slack.hang(path=path, times=1)
    error = call(given, config={"timeoutSeconds": 0.3})["error"]
    assert (error["code"], error["retryAfterSeconds"]) == ("TIMED_OUT", 0.3)
    slack.answer(200, "<html>Log in</html>", path=path, times=1)
    assert call(given)["error"]["code"] == "BAD_ANSWER"


def history(*keys: str) -> dict[str, Any]:
    found = [
        {"type": "message", "text": "…", "ts": TS,
         "metadata": {"event_type": "harmony_approval", "event_payload": {"key": key}}}
        for key in keys
    ]  # fmt: skip
    return {"ok": True, "messages": found, "response_metadata": {"next_cursor": ""}}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_is_not_taken_to_where_an_answer_leads(
    call: Any, slack: Front, status: int
) -> None:
    elsewhere = {"Location": f"{slack.url}/elsewhere"}
    slack.answer(status, "", path="/chat.postMessage$", headers=elsewhere)
    error = call({"operation": "post-message", "channel": CHANNEL, "text": "x"})["error"]
    assert error["code"] == "REFUSED"
    assert "leads elsewhere" in error["message"]
    assert slack.calls(path="elsewhere") == []


@pytest.mark.parametrize("body", [{"ok": True}, "[" * 200_000, '{"ok": true, "ts": NaN', "null"])
def test_an_answer_without_what_was_asked_for(call: Any, slack: Front, body: Any) -> None:
    slack.answer(200, body)
    for given in (
        {"operation": "post-message", "channel": CHANNEL, "text": "x"},
        {"operation": "create-channel", "name": "x"},
        {"operation": "invite", "channel": CHANNEL, "users": ["ann@example.com"]},
        {**ASK, "gate": GATE},
    ):
        assert call(given)["error"]["code"] == "BAD_ANSWER"


def test_a_question_is_asked_once(call: Any, slack: Front) -> None:
    slack.answer(200, {"ok": True, "channel": CHANNEL, "ts": TS}, "POST", "/chat.postMessage$")
    asked = call(
        {**ASK, "gate": {**GATE, "ask": "Restart <!channel>?"}}, context={"incident_id": "INC-1"}
    )
    assert (asked["ts"], asked["found"]) == (TS, False)
    (request,) = slack.calls("POST", "/chat.postMessage$")
    key = request.body["metadata"]["event_payload"]["key"]
    (buttons,) = [one for one in request.body["blocks"] if one["type"] == "actions"]
    assert [one["action_id"] for one in buttons["elements"]] == [
        "approval_approve", "approval_reject",
    ]  # fmt: skip
    value = json.loads(buttons["elements"][0]["value"])
    assert value == {"run": "run-1", "gate": "ask", "digest": "0" * 64, "incident": "INC-1"}
    assert "<!channel>" not in json.dumps(request.body["blocks"])
    slack.answer(200, history(key), path="/conversations.history$")
    again = call({**ASK, "gate": GATE}, attempt=2)
    assert (again["ts"], again["found"]) == (TS, True)
    assert len(slack.calls("POST", "/chat.postMessage$")) == 1


def test_an_escalation_changes_the_question_and_tells_the_new_ones(call: Any, slack: Front) -> None:
    gate = {**NOTICE, "event": "escalated", "approvers": ["incident-manager"]}
    mentions = {"incident-manager": ["U0CAROL001"]}
    call({**ASK, "gate": gate}, config={"mentions": mentions})
    (changed,) = slack.calls("POST", "/chat.update$")
    assert changed.body["ts"] == TS
    (told,) = slack.calls("POST", "/chat.postMessage$")
    assert (told.body["thread_ts"], told.body["reply_broadcast"]) == (TS, True)
    assert "<@U0CAROL001>" in told.body["text"]
    key = told.body["metadata"]["event_payload"]["key"]
    slack.answer(200, history(key), path="/conversations.replies$")
    assert call({**ASK, "gate": gate}, attempt=2)["found"] is True
    assert len(slack.calls("POST", "/chat.postMessage$")) == 1


@pytest.mark.parametrize("name", ["message_not_found", "cant_update_message"])
def test_an_end_is_told_even_where_the_question_is_gone(call: Any, slack: Front, name: str) -> None:
    decision = {
        "decision": "rejected", "approverId": "bob", "source": "cli", "reason": "<!here> wrong",
        "at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    gate = {**NOTICE, "event": "closed", "state": "rejected", "decision": decision}
    assert call({**ASK, "gate": gate})["ts"] == TS
    (changed,) = slack.calls("POST", "/chat.update$")
    shown = json.dumps(changed.body["blocks"])
    assert "actions" not in [one["type"] for one in changed.body["blocks"]]
    assert "bob" in shown
    assert "<!here>" not in shown
    slack.answer(200, {"ok": False, "error": name}, "POST", "/chat.update$")
    slack.answer(200, history(), path="/conversations.history$", times=1)
    slack.answer(200, {"ok": True, "channel": CHANNEL, "ts": "1.2"}, "POST", "/chat.postMessage$")
    assert call({**ASK, "gate": gate})["ts"] == "1.2"
    (posted,) = slack.calls("POST", "/chat.postMessage$")
    key = posted.body["metadata"]["event_payload"]["key"]
    slack.answer(200, history(key), path="/conversations.history$")
    assert call({**ASK, "gate": gate}, attempt=2)["ts"] == TS
    assert len(slack.calls("POST", "/chat.postMessage$")) == 1
