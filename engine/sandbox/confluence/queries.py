"""The part of Confluence's query language that the sandbox knows: terms joined by `and`."""

import re

_TERM = re.compile(r'\s*(type|space|label|title)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([\w-]+))\s*')
_AND = re.compile(r"and\b", re.IGNORECASE)


def terms_of(cql: str) -> set[tuple[str, str]] | None:
    """Field and value of each term; None where it is more than such terms."""
    found: set[tuple[str, str]] = set()
    at = 0
    while term := _TERM.match(cql, at):
        field, quoted, plain = term.groups()
        found.add((field, plain or re.sub(r"\\(.)", r"\1", quoted or "")))
        at = term.end()
        if at == len(cql):
            return found
        if not (joined := _AND.match(cql, at)):
            return None
        at = joined.end()
    return None
