"""golden.transformers.post-mortem: an incident's records as a document.

stdin: one JSON document with `input`. stdout: the output or `{"error": …}`.
"""

import json
import re
import sys
from typing import Any

from escaping import text
from failure import Failed
from sections import sections, title
from template import STANDARD, fill


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """{title, markdown, labels}; Failed."""
    incident = given["incident"]
    named = title(incident)
    markdown = fill(given.get("template", STANDARD), text(named), sections(given))
    return {"title": named, "markdown": markdown, "labels": labels(incident)}


def labels(incident: dict[str, Any]) -> list[str]:
    """Lower-case words with hyphens, as Confluence takes them."""
    words = ["post-mortem", incident["id"], incident.get("severity") or ""]
    return [
        label for word in words if (label := re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-"))
    ]


def main() -> int:
    """Exit status 0 with an output, 1 with an error document."""
    try:
        result, status = answer(json.load(sys.stdin)["input"]), 0
    except Failed as failed:
        result, status = {"error": {"code": failed.code, "message": failed.message}}, 1
    sys.stdout.buffer.write(json.dumps(result, ensure_ascii=False).encode(errors="replace"))
    return status


if __name__ == "__main__":
    sys.exit(main())
