"""The table of docs/incident-lifecycle.md: what it says one sees is what is said.

That nobody answers, and that a key is wrong, is tried on a real server in test_people.
"""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.vendors.program import program

PAGE = (Path(__file__).parent.parent.parent / "docs" / "incident-lifecycle.md").read_text()
HANGS = """---
shell: sh
harmony: {title: It hangs, owner: sre-platform, effect: write}
---
```sh {name=wait interactive=false}
sleep 600
```
"""


class _Lacking(BaseHTTPRequestHandler):
    """Slack, for an app that has not the scope."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"ok": False, "error": "missing_scope", "needed": "channels:manage"})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def lacking() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lacking) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        serving.join(10)


def is_in_the_table(sentence: str) -> bool:
    """Whether the page quotes it."""
    return sentence in PAGE


def test_a_slack_app_that_may_not_make_channels(lacking: str) -> None:
    slack = program("integrations/slack-interactive", {"url": lacking}, {"botToken": "xoxb-1"})
    given = {"operation": "create-channel", "incident": "INC-2026-0001"}
    error = slack.call(given)["error"]
    assert error["code"] == "MISSING_SCOPE"
    assert is_in_the_table(error["message"]), error


def test_a_runbook_that_hangs() -> None:
    runner = program("operations/runme-runner", {}, {})
    given = {"runbook": "hangs", "document": HANGS, "blockTimeoutSeconds": 0.5}
    error = runner.call(given)["error"]
    assert error["code"] == "BLOCK_TIMED_OUT"
    sentence = re.sub(r"after \d+ s", "after 120 s", error["message"])
    assert is_in_the_table(sentence.partition(": ")[0]), error


def test_a_post_mortem_without_events() -> None:
    given = {"incident": {"id": "INC-2026-0001", "title": "x"}, "events": [], "approvals": []}
    document = program("transformers/post-mortem", {}, {}).call(given)["markdown"]
    assert "\nNo events are recorded.\n" in document
    assert is_in_the_table("No events are recorded.")


@pytest.mark.parametrize(
    "said",
    [
        "nobody answered in time, and the incident is escalated. Look who is on call",
        "Statuspage refused the API key: rotate STATUSPAGE_API_KEY",
    ],
)
def test_what_is_tried_on_a_server_is_in_the_table_too(said: str) -> None:
    assert is_in_the_table(said)
