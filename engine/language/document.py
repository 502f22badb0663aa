"""A definition file as plain values, with the place of every key and value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.faults import Fault
from engine.language.fault_codes import FAULT_CODES
from engine.plan import Json

Path: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys of mappings and indexes of lists, outermost first."""

Place: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""

EntryPlaces: TypeAlias = dict[str | int, tuple[int, int, int, int]]
"""For each entry of one container: line and column of its key, then of its value."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$")


def render_path(path: Sequence[str | int]) -> str:
    """The path as people write it: `steps[2].with.text`, odd keys as `["a b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and _PLAIN.issuperset(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it."""

    file: str
    """Relative to the project folder, with forward slashes."""
    value: Json
    """Shared parts (aliases) are one object; nobody may change it."""
    places: Mapping[int, EntryPlaces]
    """By `id()` of each container within `value`."""
    faults: tuple[Fault, ...] = ()
    """What is wrong with the YAML itself; `value` is None where it could not be read."""
    start: Place = (1, 1)
    """Where the document's value begins."""

    @property
    def readable(self) -> bool:
        """Whether there is a mapping to look into."""
        return isinstance(self.value, dict)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` (or its key) is; the nearest one around it, if it is not."""
        place, container = self.start, self.value
        for part in path:
            entry = self.places.get(id(container), {}).get(part)
            if entry is None:
                break
            place = entry[:2] if key and part is path[-1] else entry[2:]
            container = container[part]
        return place

    def fault(
        self,
        code: str,
        message: str,
        path: Path = (),
        *,
        key: bool = False,
        hint: str | None = None,
    ) -> Fault:
        """A fault at the value at `path`, or at its key."""
        line, column = self.place(path, key=key)
        return Fault(
            code=code,
            severity=FAULT_CODES[code].severity,
            message=message,
            file=self.file,
            line=line,
            column=column,
            path=render_path(path),
            hint=hint,
        )
