"""golden.connectors.statuspage: a public incident, and the state of components.

stdin: one JSON document with `input`, `config`, `step`. stdout: the output or `{"error": …}`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from client import Client
from failure import Failed
from operations import OPERATIONS


def answer(document: dict[str, Any]) -> dict[str, Any]:
    """The output; Failed where there is none."""
    key = Path(os.environ["OCS_SECRETS_DIR"], "apiKey").read_text().strip()
    given = document["input"]
    with Client(document["config"], key) as client:
        return OPERATIONS[given["operation"]](client, given, document["step"]["idempotencyKey"])


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
