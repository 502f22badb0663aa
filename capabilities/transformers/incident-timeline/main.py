"""golden.transformers.incident-timeline: the records of incidents, through the worker's service.

stdin: one JSON document with `input`, `config`, `context`, `step`. stdout: the output or
`{"error": …}`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from asked import Asked
from failure import Failed
from operations import OPERATIONS
from service import Service


def answer(document: dict[str, Any]) -> dict[str, Any]:
    """The output; Failed where there is none."""
    given, context = document["input"], document["context"]
    incident = given.get("incident") or context.get("incident_id")
    if not incident:
        raise Failed("INPUTS", "which incident? give incident, or incident_id in the run's context")
    asked = Asked(
        incident=incident,
        given=given,
        actor=context.get("initiator_id") or "harmony",
        key=document["step"]["idempotencyKey"],
    )
    service = Service(document["config"].get("url"), _token())
    return OPERATIONS[given["operation"]](service, asked)


def _token() -> str:
    try:
        return Path(os.environ["OCS_SECRETS_DIR"], "token").read_text().strip()
    except OSError:
        return ""


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
