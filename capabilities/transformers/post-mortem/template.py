"""A template: Markdown with places such as [[summary]], each of a section on a line of its own."""

import re

from failure import Failed

PLACE = re.compile(r"\[\[\s*([^\[\]\n]*?)\s*\]\]")
STANDARD = """# [[title]]

## Summary
[[summary]]

## Impact
[[impact]]

## Timeline
[[timeline]]

## Metrics
[[metrics]]

## Decisions
[[decisions]]

## What ran
[[runs]]

## Action items
[[actions]]
"""


def fill(template: str, title: str, sections: dict[str, str]) -> str:
    """The document; what is filled in is never read for places again.

    `title` may stand anywhere in a line. Failed: UNKNOWN_PLACE, or PLACE_NOT_ALONE where a
    section shares its line.
    """
    lines: list[str] = []
    for number, line in enumerate(template.splitlines(), 1):
        names = PLACE.findall(line)
        for name in names:
            _check(name, line, number, sections)
        if names and names[0] in sections:
            lines += ["", sections[names[0]], ""]
        else:
            lines.append(PLACE.sub(lambda _: title, line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _check(name: str, line: str, number: int, sections: dict[str, str]) -> None:
    if name != "title" and name not in sections:
        known = ", ".join(f"[[{each}]]" for each in ("title", *sections))
        raise Failed(
            "UNKNOWN_PLACE", f"line {number} of the template has [[{name}]]; use one of {known}"
        )
    if name in sections and not PLACE.fullmatch(line.rstrip()):
        raise Failed(
            "PLACE_NOT_ALONE",
            f"line {number} of the template has more than [[{name}]]; put it on a line of its own",
        )
