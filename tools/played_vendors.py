"""A running `harmony sandbox`, as the demo looks at it and acts in it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tools.stage import Stage, must, until


@contextmanager
def played_vendors(port: int) -> Iterator["Sandbox"]:
    """The vendors, whose clicks and webhooks go to this port."""
    here = f"http://127.0.0.1:{port}"
    ways = (
        "--interactions",
        f"{here}/slack/interactions",
        "--webhooks",
        f"{here}/webhooks/pagerduty",
    )
    command = ("sandbox", "--port", "0", *ways, "--json")
    with Stage().start(*command, stderr=subprocess.DEVNULL) as played:
        try:
            text = ""
            for line in played.stdout or ():
                text += line
                if line.startswith("}") or (line.startswith("{") and line.rstrip().endswith("}")):
                    break
            must(bool(text), "the sandbox did not start")
            yield Sandbox(json.loads(text))
        finally:
            played.terminate()


class Sandbox:
    """A running sandbox, as its wiring describes it."""

    def __init__(self, wiring: dict[str, Any]) -> None:
        self.url: str = wiring["url"]
        self.variables: dict[str, str] = wiring["variables"]
        self.config: dict[str, dict[str, Any]] = wiring["config"]
        self.people: dict[str, str] = wiring["people"]

    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        answer = httpx.get(f"{self.url}/sandbox/state", timeout=10, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def post(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        """Do something with it; what it answers."""
        answer = httpx.post(f"{self.url}{path}", json=given, timeout=10, trust_env=False)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    def escalated(self) -> None:
        """Wait until those who are asked next are asked, in the thread of the question."""
        until("the escalation", lambda: any("thread_ts" in one for one in self._messages()))

    def click(self, who: str) -> None:
        """Press Approve on the question that is open."""
        channel, message = next(
            (channel, message)
            for channel in self.state()["slack"]["channels"]
            for message in channel["messages"]
            if any(block["type"] == "actions" for block in message.get("blocks", ()))
        )
        button = {"block_id": "approval", "action_id": "approval_approve"}
        where = {"user": self.people[who], "channel": channel["id"], "ts": message["ts"]}
        self.post("/sandbox/slack/click", {**where, **button})

    def _messages(self) -> list[dict[str, Any]]:
        return [one for channel in self.state()["slack"]["channels"] for one in channel["messages"]]
