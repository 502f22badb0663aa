"""The notices of a gate: one message that asks, follows an escalation, and says how it ended."""

from typing import Any

import approval_blocks as blocks
import history
from approval_blocks import Approval
from failure import Failed
from vendor import Refused, Slack

EVENT = "harmony_approval"


def request(
    slack: Slack, given: dict[str, Any], config: dict[str, Any], context: dict[str, Any],
    step: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Say in Slack what the gate's event is: opened (the default), escalated or closed."""
    gate = {"event": "opened", "state": "pending", **given["gate"]}
    approval = Approval(
        run=given.get("run") or step.get("runId", ""),
        gate=gate,
        incident=given.get("incident") or context.get("incident_id") or "",
        severity=context.get("incident_severity") or "",
        mentions=config.get("mentions", {}),
    )
    channel = given.get("channel") or context.get("incident_channel") or config.get("channel")
    if not channel:
        what = "say in which channel to ask: channel, context.incident_channel or config channel"
        raise Failed("CHANNEL_NOT_FOUND", what)
    again = step.get("attempt", 1) > 1
    if gate["event"] == "opened":
        return _opened(slack, approval, channel, look=again)
    channel, ts = _asked_before(slack, approval, channel)
    if gate["event"] == "escalated":
        return _escalated(slack, approval, channel, ts, look=again)
    return _closed(slack, approval, channel, ts)


def pending(slack: Slack, channel: str) -> bool:
    """Whether the channel still shows a question with its buttons."""
    return any(
        event == EVENT and payload.get("state") == "pending"
        for _, event, payload in history.latest(slack, channel)
    )


def _opened(slack: Slack, approval: Approval, channel: str, *, look: bool) -> dict[str, Any]:
    if look and (found := history.find(slack, channel, [approval.key])):
        return {"channel": channel, "ts": found[approval.key], "found": True}
    text, shown = blocks.asking_text(approval), blocks.pending(approval)
    return _post(slack, approval, channel, text, shown, approval.key)


def _asked_before(slack: Slack, approval: Approval, channel: str) -> tuple[str, str]:
    """Where the question stands: as its notice said, else looked up; "" where it never came."""
    notice = approval.gate.get("notice")
    if isinstance(notice, dict) and notice.get("ts") and notice.get("channel"):
        return notice["channel"], notice["ts"]
    return channel, history.find(slack, channel, [approval.key]).get(approval.key, "")


def _escalated(
    slack: Slack, approval: Approval, channel: str, ts: str, *, look: bool
) -> dict[str, Any]:
    """The question says who is asked now, and a message in its thread tells them so."""
    if not ts:
        return _opened(slack, approval, channel, look=False)
    text, shown = blocks.asking_text(approval), blocks.pending(approval)
    _change(slack, approval, channel, ts, text, shown)
    key = f"{approval.key}/{approval.gate.get('deadline', '')}"
    if look and history.find(slack, channel, [key], ts):
        return {"channel": channel, "ts": ts, "found": True}
    slack.post(
        "chat.postMessage",
        channel=channel,
        thread_ts=ts,
        reply_broadcast=True,
        text=blocks.escalated_text(approval),
        link_names=False,
        metadata=history.marked(EVENT, key, **approval.metadata()),
    )
    return {"channel": channel, "ts": ts, "found": False}


def _closed(slack: Slack, approval: Approval, channel: str, ts: str) -> dict[str, Any]:
    text, shown = blocks.closed_text(approval), blocks.closed(approval)
    if ts:
        try:
            _change(slack, approval, channel, ts, text, shown)
        except Refused as refused:
            if refused.code not in {"MESSAGE_NOT_FOUND", "MESSAGE_NOT_EDITABLE"}:
                raise
        else:
            return {"channel": channel, "ts": ts, "found": True}
    key = f"{approval.key}/closed"
    if found := history.find(slack, channel, [key]):
        return {"channel": channel, "ts": found[key], "found": True}
    return _post(slack, approval, channel, text, shown, key)


def _post(
    slack: Slack, approval: Approval, channel: str, text: str, shown: list[dict[str, Any]], key: str
) -> dict[str, Any]:
    answer = slack.post(
        "chat.postMessage",
        channel=channel,
        text=text,
        blocks=shown,
        link_names=False,
        unfurl_links=False,
        metadata=history.marked(EVENT, key, **approval.metadata()),
    )
    return {"channel": answer.get("channel", channel), "ts": answer["ts"], "found": False}


def _change(
    slack: Slack, approval: Approval, channel: str, ts: str, text: str, shown: list[dict[str, Any]]
) -> None:
    slack.post(
        "chat.update",
        channel=channel,
        ts=ts,
        text=text,
        blocks=shown,
        metadata=history.marked(EVENT, approval.key, **approval.metadata()),
    )
