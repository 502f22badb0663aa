"""`runbooks/<name>.md` → Runbook: the front matter here, the blocks in runbook_checks."""

import hashlib
import re
from typing import Any

from engine.faults import in_order
from engine.language import runbook_checks, runbook_parser
from engine.language.capability import EFFECTS
from engine.language.document import Document, Path
from engine.language.loader import load_text
from engine.language.outbound import check_outbound
from engine.language.reading import Reading
from engine.language.runbook import Runbook
from engine.plan import Json
from engine.suggestions import suggest

NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_KEYS = ("title", "owner", "effect", "parameters", "allowOutbound", "timeout", "image")
_REQUIRED = ("title", "owner", "effect")
_FIRST_LINE = 2


def read_runbook(data: bytes, name: str, file: str) -> Runbook:
    """The runbook in `data`, with all its faults."""
    if not _is_text(data):
        unreadable = load_text(data, file)
        return Runbook(name=name, document=unreadable, faults=unreadable.faults)
    text = data.decode("utf-8-sig")
    parts = runbook_parser.split(text)
    reading = Reading(_front_matter(parts.front, text, file))
    if not name.isascii() or len(name) > 100 or not NAME.fullmatch(name):
        reading.fault("ID", f"'{name[:60]}' is not a name for a runbook", (),
                      hint="Name the file like host-triage.md.")  # fmt: skip
    fields = _harmony(reading) if reading.document.readable else {}
    blocks = runbook_checks.check(reading, parts.body, parts.first_line)
    return Runbook(
        name=name, text=text, digest=hashlib.sha256(data).hexdigest(), document=reading.document,
        blocks=blocks, faults=in_order(reading.faults), **fields,
    )  # fmt: skip


def _front_matter(front: str | None, text: str, file: str) -> Document:
    if front is not None:
        return load_text(front.encode(), file, first_line=_FIRST_LINE)
    empty = Document(file=file, value=None, places={})
    hint = "Begin with a line ---, then `harmony:` with title, owner and effect, then ---."
    if text.startswith("+++"):
        hint = "Write it in YAML between two lines of ---, not in TOML."
    fault = empty.fault("RUNBOOK_FRONTMATTER", "the runbook has no front matter", hint=hint)
    return Document(file=file, value=None, places={}, faults=(fault,))


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _harmony(reading: Reading) -> dict[str, Any]:
    root: dict[str, Json] = reading.document.value
    if "harmony" not in root:
        near = suggest("harmony", root)
        hint = f"Write `harmony:` where '{near}' stands." if near is not None else None
        reading.fault("RUNBOOK_FRONTMATTER", "the front matter has no `harmony:`", (), hint=hint)
        return {}
    path: Path = ("harmony",)
    part = reading.mapping(root["harmony"], path)
    if part is None:
        return {}
    reading.keys(part, path, _KEYS, _REQUIRED)
    fields: dict[str, Any] = {
        "title": reading.literal(part, "title", path),
        "owner": reading.literal(part, "owner", path),
        "image": reading.text(part, "image", path, line=True) or None,
    }
    if "effect" in part:
        fields["effect"] = (
            reading.choice(part["effect"], (*path, "effect"), EFFECTS) or "destructive"
        )
    if "timeout" in part:
        fields["timeout_ms"] = reading.duration(part["timeout"], (*path, "timeout"))
    if "allowOutbound" in part:
        where: Path = (*path, "allowOutbound")
        fields["allow_outbound"] = reading.texts(part["allowOutbound"], where)
        for index, entry in enumerate(fields["allow_outbound"]):
            check_outbound(reading, entry, (*where, index))
    if "parameters" in part:
        fields["parameters"] = _parameters(reading, part["parameters"], (*path, "parameters"))
    return fields


def _parameters(reading: Reading, value: Json, path: Path) -> dict[str, Json]:
    from engine.language.schema_checks import check_object_schema

    schema = reading.mapping(value, path)
    return schema if schema is not None and check_object_schema(reading, schema, path) else {}
