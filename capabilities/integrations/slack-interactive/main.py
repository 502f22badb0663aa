"""golden.integrations.slack-interactive: channels, messages and approvals in Slack.

stdin: one JSON document with `input`, `config`, `context`, `step`; the bot token is in the folder
of secrets. stdout: one JSON document, the output or `{"error": …}`.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import approval
import channels
import interactions
import posting
from failure import Failed
from vendor import Slack

URL = "https://slack.com/api"


def answer(document: dict[str, Any]) -> dict[str, Any]:
    """The output for what stdin holds; Failed where there is none."""
    given, config = document["input"], document.get("config") or {}
    context, step = document.get("context") or {}, document.get("step") or {}
    url = config.get("url", URL)
    slack = Slack(url, _token(), config.get("timeoutSeconds", 10))
    operation = given["operation"]
    match operation:
        case "create-channel":
            done = channels.create(slack, given, context)
        case "invite":
            done = channels.invite(slack, given)
        case "archive-channel":
            done = channels.archive(slack, given)
        case "post-message":
            done = posting.post(slack, given, step)
        case "update-message":
            done = posting.update(slack, given)
        case "request-approval":
            done = approval.request(slack, given, config, context, step)
        case "open-modal":
            done = interactions.open_modal(slack, given, step)
        case _:
            done = interactions.answer(slack, given, url)
    return {"operation": operation, "channel": "", "ts": "", **done}


def _token() -> str:
    path = Path(os.environ.get("OCS_SECRETS_DIR", "/nonexistent")) / "botToken"
    return path.read_text().strip() if path.is_file() else ""


def main() -> int:
    """Exit status 0 with an output, 1 with an error document."""
    logging.disable(logging.CRITICAL)
    try:
        result, status = answer(json.load(sys.stdin)), 0
    except Failed as failed:
        result, status = failed.document(), 1
    json.dump(result, sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
