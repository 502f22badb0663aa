"""The pinned packages: they fit every Python that the project says it takes."""

import re
from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
OLDEST = "3.11.0"


def pinned() -> list[str]:
    """The names in constraints.txt that are installed here; the rest are for other systems."""
    found = re.findall(
        r"^([A-Za-z0-9._-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    there = {re.sub(r"[-_.]+", "-", each.name).lower() for each in metadata.distributions()}
    return [name for name in found if name in there]


def test_each_takes_the_oldest_python() -> None:
    """Debian 12 has 3.11.2; one that wants 3.11.5 would stop `make` there."""
    wanted = {name: metadata.metadata(name)["Requires-Python"] for name in pinned()}
    assert len(wanted) > 50
    assert not [
        f"{name} {said}"
        for name, said in wanted.items()
        if said and not SpecifierSet(said).contains(OLDEST)
    ]


def test_no_index_is_named() -> None:
    """Where packages come from is each machine's own."""
    assert "://" not in (ROOT / "constraints.txt").read_text()
