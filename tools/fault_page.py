"""Writes docs/reference/faults.md from the codes: `python -m tools.fault_page`."""

from pathlib import Path

from engine.language.fault_codes import FAULT_CODES

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "faults.md"

HEAD = """# Fault codes

What `harmony validate` may report. Codes are stable: scripts may filter by them. An error
keeps a blueprint from starting, a warning does not. Each fault comes with file, line, column, the
path in the document, a message and, where there is one, a hint. This page is written from the code
by `python -m tools.fault_page`.

| code | is | meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page, one row a code, in alphabetical order."""
    rows = (
        f"| `{code}` | {entry.severity} | {entry.meaning.replace('|', '&#124;')} |\n"
        for code, entry in sorted(FAULT_CODES.items())
    )
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
