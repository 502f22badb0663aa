"""What is wrong in a definition: a fault, with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; lines and columns count from 1."""

    code: str
    """Stable, documented, one entry each in docs/reference/faults.md."""
    severity: Literal["error", "warning"]
    message: str
    file: str
    """Relative to the project folder, with forward slashes."""
    line: int = 1
    column: int = 1
    path: str = ""
    """Where in the document, like `steps[2].with.text`; empty for the document itself."""
    hint: str | None = None


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Sorted by file, line, column, code; each once."""
    return tuple(sorted(set(faults), key=lambda f: (f.file, f.line, f.column, f.code, f.message)))


def has_error(faults: Iterable[Fault]) -> bool:
    """Whether any of them is more than a warning."""
    return any(fault.severity == "error" for fault in faults)
