"""golden.connectors.confluence: pages in a space of Confluence Cloud.

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
from space import Space


def answer(document: dict[str, Any]) -> dict[str, Any]:
    """The output; Failed where there is none."""
    token = Path(os.environ["OCS_SECRETS_DIR"], "apiToken").read_text().strip()
    given, config = document["input"], document["config"]
    with Client(config, token) as client:
        space = Space(client, given.get("spaceKey", config["spaceKey"]), config.get("parentId"))
        return OPERATIONS[given["operation"]](space, given, document["step"]["idempotencyKey"])


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
