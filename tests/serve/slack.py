"""What Slack sends, signed as Slack signs, for the tests."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def signature(timestamp: str, body: bytes, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def signed(payload: Any, timestamp: int) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of one delivery."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": signature(str(timestamp), body),
    }


def click(
    member: str = "UBOB",
    action: str = "approval_approve",
    *,
    run: str = "r-1",
    gate: str = "ask",
    digest: str | None = "d1",
    tell: str | None = "https://hooks.slack.test/tell",
    trigger: str | None = None,
) -> dict[str, Any]:
    """The payload of a click on a button of an approval."""
    value = json.dumps({"run": run, "gate": gate, "digest": digest, "incident": "INC-2026-0001"})
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": member, "name": "someone"},
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
        "actions": [
            {"type": "button", "action_id": action, "block_id": "approval", "value": value}
        ],
    }
    if tell is not None:
        payload["response_url"] = tell
    if trigger is not None:
        payload["trigger_id"] = trigger
    return payload
