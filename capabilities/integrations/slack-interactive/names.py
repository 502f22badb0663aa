"""Names of channels as Slack allows them: lower-case ASCII letters, digits, - and _, at most 80."""

import re
import unicodedata

LONGEST = 80
SUFFIXES = 9
_OTHERS = re.compile(r"[^a-z0-9_]+")


def of_incident(incident: str, title: str) -> str:
    """`inc-2026-0001-db-down`; "" where neither holds a letter or digit."""
    return _shortened("-".join(part for part in (_slug(incident), _slug(title)) if part))


def valid(name: str) -> str:
    """The nearest valid name; "" where there is none."""
    return _shortened(_slug(name))


def candidates(name: str) -> list[str]:
    """The name, then `name-2` to `name-9` for where others have taken it."""
    more = (f"-{number}" for number in range(2, SUFFIXES + 1))
    return [name, *(_shortened(name, LONGEST - len(end)) + end for end in more)]


def _slug(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", letters.lower()).strip("-_")


def _shortened(name: str, longest: int = LONGEST) -> str:
    """At the end of a word where it has one in the last third."""
    if len(name) <= longest:
        return name
    cut = name[:longest]
    at = cut.rfind("-") if name[longest] != "-" else longest
    return cut[: at if at > longest * 2 // 3 else longest].strip("-_")
