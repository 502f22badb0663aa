"""Files that look like definitions and lie where nothing is read, and folders that cannot be."""

import os
from collections.abc import Iterator
from pathlib import Path

from engine.faults import Fault
from engine.language.loader import file_name, is_text

_MOST = 100
_SUFFIXES = (".yaml", ".yml")
_LISTED = (
    "blueprints/*.yaml", "blueprints/cases/*.yaml", "runbooks/*.md", "capabilities/*",
    "capabilities/*/*",
)  # fmt: skip
"""What the catalog lists."""
_FOLDERS = (
    "blueprints", "blueprints/cases", "runbooks", "capabilities", "capabilities/*",
    "capabilities/*/*",
)  # fmt: skip
"""Where it looks."""


def stray_files(folder: Path) -> Iterator[tuple[Path, Fault]]:
    """Each with its fault; at most a hundred."""
    for path in sorted(_closed(folder))[:_MOST]:
        message = "a folder that cannot be read"
        yield path, Fault("FILE_UNREADABLE", "error", message, file_name(path, folder))
    for path, hint in sorted(_found(folder))[:_MOST]:
        message = "nothing reads this file"
        yield path, Fault("FILE_NAME", "error", message, file_name(path, folder), hint=hint)


def _closed(folder: Path) -> Iterator[Path]:
    for pattern in _FOLDERS:
        for path in folder.glob(pattern):
            # Path's own fails below a folder that may not be entered; that one is named then.
            if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112
                yield path


def _found(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in _yaml(folder / "blueprints", depth=1):
        below = path.relative_to(folder / "blueprints").parts
        if len(below) == 1 and path.suffix == ".yml":
            yield path, f"Name it {path.stem}.yaml."
        elif len(below) == 2 and (below[0] != "cases" or path.suffix == ".yml"):
            yield path, "A blueprint is blueprints/<id>.yaml, its cases blueprints/cases/<id>.yaml."
    for path in _yaml(folder / "capabilities", depth=2):
        below = path.relative_to(folder / "capabilities").parts
        if path.stem == "capability" and (len(below) != 3 or path.suffix == ".yml"):
            yield path, "A contract is capabilities/<domain>/<name>/capability.yaml."
    for pattern in _LISTED:
        for path in folder.glob(pattern):
            if not is_text(path.name):
                yield path, "Its name is not UTF-8; an id is lower-case ASCII words."


def _yaml(folder: Path, *, depth: int) -> Iterator[Path]:
    """YAML files in the folder and at most `depth` folders further down."""
    for pattern in ("/".join(["*"] * level) for level in range(1, depth + 2)):
        for path in folder.glob(pattern):
            if path.suffix in _SUFFIXES and not path.name.startswith("."):
                yield path
