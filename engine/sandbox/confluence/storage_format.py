"""Whether a body is in Confluence's storage format: well-formed XHTML with its own elements."""

import html.entities
from xml.parsers import expat

_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{code};">'
    for name, code in html.entities.name2codepoint.items()
    if name not in ("lt", "gt", "amp", "quot")
)
_BEFORE = f"<!DOCTYPE body [{_ENTITIES}]><body>"


def fault_of(value: str) -> str | None:
    """What is wrong, with its place; None where the body is well-formed."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(_BEFORE, False)  # noqa: FBT003
        parser.Parse(f"{value}</body>", True)  # noqa: FBT003
    except (expat.ExpatError, ValueError) as error:
        return f"Error parsing xhtml: {error}"
    return None
