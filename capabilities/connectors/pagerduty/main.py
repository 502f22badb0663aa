"""golden.connectors.pagerduty: incidents, notes, who is on call, events.

stdin: one JSON document with `input`, `config`, `step`. stdout: the output or `{"error": …}`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import events
from client import Client
from failure import Failed
from operations import OPERATIONS


def answer(document: dict[str, Any]) -> dict[str, Any]:
    """The output; Failed where there is none."""
    given, config = document["input"], document["config"]
    step_key = document["step"]["idempotencyKey"]
    if given["operation"] == "trigger-event":
        return events.send(config, _secret("routingKey"), given, step_key)
    with Client(config, _secret("apiKey")) as client:
        return OPERATIONS[given["operation"]](client, given, step_key)


def _secret(name: str) -> str:
    """Empty where it is not bound."""
    file = Path(os.environ["OCS_SECRETS_DIR"], name)
    return file.read_text().strip() if file.is_file() else ""


def main() -> int:
    """Exit status 0 with an output, 1 with an error document."""
    try:
        result, status = answer(json.load(sys.stdin)), 0
    except Failed as failed:
        result, status = failed.document(), 1
    sys.stdout.buffer.write(json.dumps(result, ensure_ascii=False).encode(errors="replace"))
    return status


if __name__ == "__main__":
    sys.exit(main())
