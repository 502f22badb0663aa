"""What a page says about who made it: anchors that readers do not see, and words in its history.

An anchor is part of the text, so page and mark come into being in the same request.
"""

import hashlib
import re
from xml.etree.ElementTree import Element, SubElement, tostring

_INCIDENT = "harmony-incident-"
_STEP = "harmony-step-"
_MARK = re.compile(rf">\s*((?:{_INCIDENT}|{_STEP})[A-Za-z0-9._-]+)\s*</ac:parameter>")


def of(incident: str | None, step_key: str) -> list[str]:
    """The marks of a page that this step makes."""
    named = [f"{_INCIDENT}{incident}"] if incident else []
    return [*named, f"{_STEP}{_digest(step_key)}"]


def within(storage: str) -> list[str]:
    """The marks of a page that has this text."""
    return list(dict.fromkeys(_MARK.findall(storage)))


def incident_of(found: list[str]) -> str | None:
    """The project's own id."""
    named = (mark for mark in found if mark.startswith(_INCIDENT))
    return next((mark.removeprefix(_INCIDENT) for mark in named), None)


def as_storage(wanted: list[str]) -> str:
    """The paragraph that holds them."""
    paragraph = Element("p")
    for mark in wanted:
        macro = SubElement(paragraph, "ac:structured-macro", {"ac:name": "anchor"})
        SubElement(macro, "ac:parameter", {"ac:name": ""}).text = mark
    return tostring(paragraph, encoding="unicode")


def message(step_key: str) -> str:
    """What the page's history says of a version that this step wrote."""
    return f"harmony {_digest(step_key)}"


def _digest(step_key: str) -> str:
    return hashlib.sha256(step_key.encode()).hexdigest()[:32]
