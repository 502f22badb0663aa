"""Each operation of golden.integrations.slack-interactive, against Slack's description."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.program import Program, program

CHANNEL = "C0INC20260001"
TS = "1503435956.000247"
"""What the description gives for each message."""
ODD = [
    "quotes \" and ' and `",
    "lines\nof\r\ntext\n\n\nfar apart",
    "🔥🧑‍🚒 fire 🇩🇪",
    "<b>html</b> &amp; <script>alert(1)</script>",
    "<!channel> <@U012AB3CD> <https://evil.example|your bank>",
    "ä" * 4_000,
    "\x00\x07\x1b[31m bell \u202e txet",
    '{"json": ["\\u0000", null]}',
]


@pytest.fixture
def slack(vendors: Vendors) -> Front:
    return vendors("slack")


@pytest.fixture
def capability(slack: Front) -> Program:
    folder = "integrations/slack-interactive"
    return program(folder, {"url": slack.url}, {"botToken": "xoxb-made-up"})


def message(ts: str, key: str = "", **more: Any) -> dict[str, Any]:
    marked = {"event_type": "harmony_message", "event_payload": {"key": key}}
    return {
        "type": "message",
        "text": "…",
        "ts": ts,
        **({"metadata": marked} if key else {}),
        **more,
    }


def marked_up(value: Any) -> Iterator[str]:
    """The texts in which Slack looks for markup."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from marked_up(item)
    elif isinstance(value, dict) and value.get("type") != "plain_text":
        yield from marked_up(list(value.values()))


def page(*messages: dict[str, Any], cursor: str = "") -> dict[str, Any]:
    return {"ok": True, "messages": list(messages), "response_metadata": {"next_cursor": cursor}}


def taken(
    slack: Front, *channels: dict[str, Any], times: int = 1, method: str = "users.conversations"
) -> None:
    slack.prefer("example=name_taken", "POST", "conversations.create", times=times)
    slack.answer(200, {"ok": True, "user_id": "U0BOT", "url": "", "team": ""}, path="auth.test")
    slack.answer(200, {"ok": True, "channels": list(channels)}, "POST", method)
    slack.answer(200, {"ok": True, "channels": []}, "POST", r"conversations(\.list)?$")


def test_a_channel_is_named_after_its_incident(slack: Front, capability: Program) -> None:
    context = {"incident_id": "INC-2026-0001", "incident_title": "DB <down> — Zürich, 100%!"}
    given = {"operation": "create-channel", "topic": "P1: <!here> & more"}
    made = capability.call(given, context=context)
    assert (made["channel"], made["created"], made["archived"]) == ("C0EAQDV4Z", True, False)
    (created,) = slack.calls("POST", "conversations.create")
    assert created.body == {"name": "inc-2026-0001-db-down-zurich-100", "is_private": False}
    (topic,) = slack.calls("POST", "conversations.setTopic")
    assert topic.body["topic"] == "P1: &lt;!here&gt; &amp; more"
    assert slack.violations == []


def test_a_create_that_is_retried_finds_the_channel(slack: Front, capability: Program) -> None:
    ours = {"id": "C0OURS", "name": "inc-2026-0001-db-down", "creator": "U0BOT"}
    other = {"id": "C0OTHER", "name": "general", "creator": "U0BOT"}
    taken(slack, other, ours)
    given = {"operation": "create-channel", "incident": "INC-2026-0001", "title": "DB down"}
    made = capability.call(given, attempt=2)
    assert (made["channel"], made["name"], made["created"]) == (
        "C0OURS", "inc-2026-0001-db-down", False,
    )  # fmt: skip
    assert slack.calls(path="conversations.list") == []
    assert slack.violations == []


def test_a_name_that_others_took_gets_a_suffix(slack: Front, capability: Program) -> None:
    taken(slack, {"id": "C0OTHER", "name": "inc-1", "creator": "U0SOMEBODY"})
    made = capability.call({"operation": "create-channel", "name": "inc-1"})
    assert made["created"]
    asked = [request.body["name"] for request in slack.calls("POST", "conversations.create")]
    assert asked == ["inc-1", "inc-1-2"]


def test_nine_names_that_others_took_are_enough(slack: Front, capability: Program) -> None:
    taken(slack, times=9)
    made = capability.call({"operation": "create-channel", "name": "inc-1"})
    assert made["error"]["code"] == "NAME_TAKEN"


def test_an_archived_channel_is_found_among_all(slack: Front, capability: Program) -> None:
    """The app is no longer in it."""
    first = {"ok": True, "channels": [], "response_metadata": {"next_cursor": "more"}}
    slack.answer(200, first, "POST", "conversations.list", times=1)
    ours = {"id": "C0OURS", "name": "inc-1", "creator": "U0BOT", "is_archived": True}
    taken(slack, ours, method="conversations.list")
    given = {"operation": "create-channel", "name": "Inc 1", "topic": "not set on an archived one"}
    made = capability.call(given)
    assert (made["channel"], made["archived"]) == ("C0OURS", True)
    _, second = slack.calls("POST", "conversations.list")
    assert second.body["cursor"] == "more"
    assert slack.calls("POST", "setTopic") == []
    assert slack.violations == []


def test_of_very_many_channels_only_so_many_are_looked_through(
    slack: Front, capability: Program
) -> None:
    """Slack allows that often in a minute."""
    endless = {"ok": True, "channels": [], "response_metadata": {"next_cursor": "more"}}
    slack.answer(200, endless, "POST", "conversations.list")
    taken(slack)
    made = capability.call({"operation": "create-channel", "name": "inc-1"})
    assert made["created"]
    assert len(slack.calls("POST", "conversations.list")) == 20
    assert slack.violations == []


def test_people_are_invited_by_id_and_by_address(slack: Front, capability: Program) -> None:
    person = {"ok": True, "user": {"id": "W0FOUND", "name": "ann"}}
    slack.answer(200, person, "POST", "users.lookupByEmail")
    slack.prefer("example=already_in_channel", "POST", "conversations.invite", times=1)
    slack.prefer("example=success", "POST", "conversations.invite", times=1)
    slack.prefer("example=user_is_restricted", "POST", "conversations.invite", times=1)
    users = ["U0ONE", "ann@example.com", "U0THREE", "U0ONE"]
    answer = capability.call({"operation": "invite", "channel": CHANNEL, "users": users})
    assert answer["already"] == ["U0ONE"]
    assert answer["invited"] == ["W0FOUND"]
    assert answer["refused"] == [{"user": "U0THREE", "reason": "user_is_restricted"}]
    assert slack.violations == []


def test_where_nobody_can_be_invited_the_step_fails(slack: Front, capability: Program) -> None:
    slack.prefer("example=user_not_found", "POST", "conversations.invite")
    answer = capability.call({"operation": "invite", "channel": CHANNEL, "users": ["U0ONE"]})
    assert answer["error"]["code"] == "USER_NOT_FOUND"
    assert answer["error"]["details"] == {
        "method": "conversations.invite", "error": "user_not_found",
    }  # fmt: skip


@pytest.mark.parametrize("example", ["success", "already_archived"])
def test_a_channel_is_archived_once(slack: Front, capability: Program, example: str) -> None:
    slack.prefer(f"example={example}", "POST", "conversations.archive")
    answer = capability.call({"operation": "archive-channel", "channel": CHANNEL})
    assert answer["archived"]
    assert slack.violations == []


@pytest.mark.parametrize("text", ODD)
def test_odd_text_comes_through_and_pings_nobody(
    slack: Front, capability: Program, text: str
) -> None:
    given = {"operation": "post-message", "channel": CHANNEL, "text": text}
    posted = capability.call({**given, "title": text, "fields": {"Severity": "P1", "odd": text}})
    assert posted["ts"] == TS
    assert "error" not in capability.call({**given, "operation": "update-message", "ts": TS})
    context = {"incident_id": "INC-2026-0001", "incident_title": text}
    assert "error" not in capability.call({"operation": "create-channel"}, context=context)
    for request in slack.calls("POST", "chat"):
        assert not [said for said in marked_up(request.body) if "<!" in said or "<@" in said]
    assert slack.violations == []


def test_a_long_text_goes_on_in_its_thread(slack: Front, capability: Program) -> None:
    lines = "\n".join(f"line {number}: {'x' * 60}" for number in range(150))
    posted = capability.call({"operation": "post-message", "channel": CHANNEL, "text": lines})
    first, *others = slack.calls("POST", "chat.postMessage")
    assert len(posted["parts"]) == 1 + len(others) == 3
    assert posted["leftOut"] == 0
    assert "thread_ts" not in first.body
    assert {request.body["thread_ts"] for request in others} == {TS}
    texts = [request.body["text"].rsplit("\n", 1) for request in (first, *others)]
    assert [mark for _, mark in texts] == ["(1/3)", "(2/3)", "(3/3)"]
    assert "\n".join(text for text, _ in texts) == lines
    assert all(len(request.body["text"]) <= 4_000 for request in (first, *others))


def test_a_text_beyond_ten_parts_says_how_much_is_missing(
    slack: Front, capability: Program
) -> None:
    given = {"operation": "post-message", "channel": CHANNEL, "text": "word " * 20_000}
    posted = capability.call(given)
    assert len(posted["parts"]) == 10
    last = slack.calls("POST", "chat.postMessage")[-1].body["text"]
    assert last.endswith(f"… ({posted['leftOut']:,} characters left out)")
    assert posted["leftOut"] > 50_000


def test_a_first_attempt_posts_without_looking(slack: Front, capability: Program) -> None:
    capability.call({"operation": "post-message", "channel": CHANNEL, "text": "hello"})
    (posted,) = slack.requests
    assert posted.body["metadata"]["event_payload"] == {"key": "key-1"}
    assert posted.body["link_names"] is False


def test_a_retried_post_finds_what_is_there(slack: Front, capability: Program) -> None:
    slack.answer(200, page(message("1.1"), cursor="next"), "POST", "history", times=1)
    slack.answer(200, page(message("2.2", "key-1")), "POST", "history", times=1)
    given = {"operation": "post-message", "channel": CHANNEL, "text": "hello"}
    answer = capability.call(given, attempt=2)
    assert (answer["ts"], answer["found"]) == ("2.2", True)
    assert slack.calls("POST", "chat.postMessage") == []
    first, second = slack.calls("POST", "conversations.history")
    assert first.body["include_all_metadata"] == "true"
    assert second.body["cursor"] == "next"
    assert slack.violations == []


def test_a_retried_post_adds_only_the_parts_that_are_missing(
    slack: Front, capability: Program
) -> None:
    slack.answer(200, page(message("1.1", "key-1")), "POST", "history")
    slack.answer(200, page(message("1.2", "key-1#2")), "POST", "replies")
    given = {"operation": "post-message", "channel": CHANNEL, "text": "word " * 2_000}
    answer = capability.call(given, attempt=2)
    assert answer["parts"] == ["1.1", "1.2", TS]
    (posted,) = slack.calls("POST", "chat.postMessage")
    assert posted.body["thread_ts"] == "1.1"
    assert posted.body["metadata"]["event_payload"] == {"key": "key-1#3"}


def test_a_key_holds_for_other_runs_too(slack: Front, capability: Program) -> None:
    slack.answer(200, page(message("3.3", "INC-1/opened")), "POST", "history")
    given = {
        "operation": "post-message",
        "channel": CHANNEL,
        "text": "hello",
        "key": "INC-1/opened",
    }
    assert capability.call(given, key="of another run")["ts"] == "3.3"


def test_a_search_has_an_end(slack: Front, capability: Program) -> None:
    pages = page(*(message(f"{number}.0") for number in range(200)), cursor="always")
    slack.answer(200, pages, "POST", "history")
    given = {"operation": "post-message", "channel": CHANNEL, "text": "hello"}
    assert not capability.call(given, attempt=2)["found"]
    assert len(slack.calls("POST", "history")) == 5


def test_a_reply_in_a_thread_is_looked_up_there(slack: Front, capability: Program) -> None:
    slack.answer(200, page(message("5.5")), "POST", "replies")
    given = {"operation": "post-message", "channel": CHANNEL, "text": "hello", "thread": "1.1"}
    assert capability.call({**given, "broadcast": True}, attempt=2)["ts"] == TS
    (posted,) = slack.calls("POST", "chat.postMessage")
    assert (posted.body["thread_ts"], posted.body["reply_broadcast"]) == ("1.1", True)
    assert slack.violations == []


def test_an_update_takes_away_what_blocks_there_were(slack: Front, capability: Program) -> None:
    given = {"operation": "update-message", "channel": CHANNEL, "ts": "1.1", "text": "x" * 5_000}
    capability.call(given)
    (updated,) = slack.calls("POST", "chat.update")
    assert updated.body["blocks"] == []
    assert updated.body["text"].endswith("characters left out)")
    assert len(updated.body["text"]) <= 4_000
    assert slack.violations == []


def test_a_form_is_opened(slack: Front, capability: Program) -> None:
    ask = [
        {"id": "reason", "label": "Why?", "lines": 3, "optional": True},
        {"id": "impact", "label": "Impact", "options": ["none", "minor"]},
    ]
    given = {
        "operation": "open-modal", "trigger": "1.2.abc", "callback": "approval_reason",
        "title": "A title that is far too long for Slack", "text": "<!channel>", "ask": ask,
        "privateData": {"run": "r"},
    }  # fmt: skip
    assert capability.call(given)["view"] == "VMHU10V25"
    (opened,) = slack.calls("POST", "views.open")
    view = opened.body["view"]
    assert len(view["title"]["text"]) <= 24
    assert view["private_metadata"] == '{"run":"r"}'
    assert view["blocks"][0]["text"]["text"] == "&lt;!channel&gt;"
    assert [block["element"]["type"] for block in view["blocks"][1:]] == [
        "plain_text_input", "static_select",
    ]  # fmt: skip
    assert slack.violations == []


def test_a_form_that_is_open_will_do(slack: Front, capability: Program) -> None:
    slack.answer(200, {"ok": False, "error": "duplicate_external_id"}, "POST", "views.open")
    given = {"operation": "open-modal", "trigger": "1.2.abc", "callback": "c", "title": "t"}
    assert capability.call(given, attempt=2)["found"]


def test_a_click_is_answered_privately(slack: Front, capability: Program) -> None:
    slack.answer(200, "ok", "POST", "/actions/")
    url = f"{slack.url.removesuffix('/api')}/actions/T1/2/abc"
    given = {"operation": "answer-interaction", "responseUrl": url, "text": "too late, <!here>"}
    assert capability.call(given)["by"] == "response_url"
    (answered,) = slack.calls("POST", "/actions/")
    assert answered.body == {
        "text": "too late, &lt;!here&gt;", "response_type": "ephemeral", "replace_original": False,
    }  # fmt: skip


def test_a_response_url_that_expired_is_made_up_for(slack: Front, capability: Program) -> None:
    slack.answer(404, '{"ok":false,"error":"expired_url"}', "POST", "/actions/")
    url = f"{slack.url.removesuffix('/api')}/actions/T1/2/abc"
    given = {"operation": "answer-interaction", "responseUrl": url, "text": "too late"}
    assert capability.call(given)["error"]["code"] == "RESPONSE_URL_EXPIRED"
    answer = capability.call({**given, "channel": CHANNEL, "user": "U0ONE"})
    assert answer["by"] == "ephemeral"
    (posted,) = slack.calls("POST", "chat.postEphemeral")
    assert posted.body["user"] == "U0ONE"
