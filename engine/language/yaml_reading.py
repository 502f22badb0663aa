"""One pass over libyaml's events: values, the place of each, and what YAML 1.2 refuses."""

from collections.abc import Callable
from typing import Any

import yaml
from yaml._yaml import CParser

from engine.faults import Fault
from engine.language.document import Document, EntryPlaces, Place, render_path
from engine.language.fault_codes import FAULT_CODES
from engine.language.yaml_scalars import is_json_number, value_of
from engine.plan import Json

MAX_NODES_WITH_ALIASES = 50_000
MAX_DEPTH = 100
MAX_FAULTS = 200
"""Of the YAML itself; with more than that a file is something else."""


class Unreadable(Exception):
    """Reading cannot go on; ends up as the document's one fault."""

    def __init__(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.place, self.hint = code, message, place, hint


def place_in(before: str) -> Place:
    """The place right behind the text `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


class _Frame:
    """One container while it is being read."""

    __slots__ = ("anchor", "drops", "is_mapping", "key", "key_place", "nodes", "places", "value")

    def __init__(self, value: Json, anchor: str | None, nodes: int) -> None:
        self.value = value
        self.is_mapping = isinstance(value, dict)
        self.anchor = anchor
        self.nodes = nodes
        """How many nodes had been read when it began."""
        self.places: EntryPlaces = {}
        self.key: str | None = None
        self.key_place: Place = (0, 0)
        self.drops = False
        """The entry being read is left out: it has its fault."""

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a key."""
        return self.is_mapping and self.key is None


class YamlReading:
    """Reads one document; an object so that each kind of event is one small method."""

    def __init__(self, text: str, file: str, first_line: int) -> None:
        self._text = text
        self._file = file
        self._offset = first_line
        self._faults: list[Fault] = []
        self._places: dict[int, EntryPlaces] = {}
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Json, int] | None] = {}
        """The value and its number of nodes; None while it is still being read."""
        self._nodes = 0
        self._documents = 0
        self._root: Json = None
        self._start: Place = (first_line, 1)
        self._dropped: list[Json] = []
        """Kept while reading, so that no `id()` is used twice."""

    def read(self) -> Document:
        """The document; Unreadable where reading cannot go on."""
        parser = CParser(self._text)
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin_mapping,
            yaml.SequenceStartEvent: self._begin_list,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._begin_document,
        }
        try:
            while (event := parser.get_event()) is not None:
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except yaml.YAMLError as error:
            raise self._syntax(error) from None
        finally:
            parser.dispose()
        return Document(self._file, self._root, self._places, tuple(self._faults), self._start)

    def _syntax(self, error: yaml.YAMLError) -> Unreadable:
        place, message = self._start, str(error)
        if isinstance(error, yaml.MarkedYAMLError):
            ended = "end of stream" in (error.problem or "")
            mark = (error.context_mark if ended else None) or error.problem_mark
            place = self._at(mark) if mark else place
            message = ": ".join(part for part in (error.context, error.problem) if part)
        elif isinstance(error, yaml.reader.ReaderError):
            line, column = place_in(self._text.encode()[: error.position].decode(errors="ignore"))
            place, message = (line + self._offset - 1, column), str(error.reason)
        return Unreadable("YAML_SYNTAX", message, place, self._syntax_hint(message, place))

    def _syntax_hint(self, message: str, place: Place) -> str | None:
        """What an author probably meant, by the character that stands there."""
        lines = self._text.split("\n")
        line, column = place[0] - self._offset, place[1] - 1
        there = lines[line][column : column + 1] if line < len(lines) else ""
        if there == "\t":
            return "Indent with spaces; YAML takes no tabs."
        if there in ("@", "`", "%"):
            return f"A value that begins with {there} is written in quotes."
        if "mapping values are not allowed" in message:
            return "Text that holds ': ' is written in quotes; else look at the indentation."
        return None

    def _at(self, mark: Any) -> Place:
        return mark.line + self._offset, mark.column + 1

    def _fault(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        if len(self._faults) >= MAX_FAULTS:
            return
        path = [
            frame.key if frame.is_mapping else len(frame.value) - (frame is not self._frames[-1])
            for frame in self._frames
        ]
        shown = render_path([part for part in path if part is not None])
        severity = FAULT_CODES[code].severity
        self._faults.append(Fault(code, severity, message, self._file, *place, shown, hint))

    def _begin_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise Unreadable(
                "YAML_DOCUMENTS",
                "a second document begins here; a file holds one",
                self._at(event.start_mark),
                "Give it a file of its own.",
            )

    def _scalar(self, event: Any) -> None:
        self._nodes += 1
        mark = event.start_mark
        place = mark.line + self._offset, mark.column + 1
        if event.tag is not None:
            self._tagged(event.tag, place)
        value: Json = event.value
        plain = event.tag is None and not event.style
        frame = self._frames[-1] if self._frames else None
        if plain and not (frame and frame.wants_key):
            value = self._resolve(value, place)
        elif plain and not isinstance(value_of(value), str):
            self._fault(
                "YAML_KEY",
                f"the key {value or 'null'} is not text",
                place,
                f"Write it in quotes: '{value}'.",
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, place, plain=plain)

    def _resolve(self, text: str, place: Place) -> Json:
        """What a plain scalar means in the core schema."""
        value = value_of(text)
        if type(value) in (int, float) and not is_json_number(value):
            self._fault(
                "YAML_NUMBER",
                f"{text[:40]} is not a number that JSON can carry",
                place,
                "Write it in quotes if it is meant as text.",
            )
            return 0
        return value

    def _tagged(self, tag: str, place: Place) -> None:
        self._fault(
            "YAML_TAG",
            f"the tag {tag[:60]} is refused",
            place,
            "Write the plain value; text goes in quotes.",
        )

    def _begin_mapping(self, event: Any) -> None:
        self._begin(event, {})

    def _begin_list(self, event: Any) -> None:
        self._begin(event, [])

    def _begin(self, event: Any, value: Json) -> None:
        place = self._at(event.start_mark)
        if event.tag is not None:
            self._tagged(event.tag, place)
        if len(self._frames) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise Unreadable("YAML_DEPTH", message, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if self._frames and self._frames[-1].wants_key:
            raise Unreadable(
                "YAML_KEY",
                "a key must be text, not a list or a mapping",
                place,
                "A value that begins with {{ is written in quotes." if event.flow_style else None,
            )
        before = self._nodes
        self._nodes += 1
        self._add(value, place, plain=False)
        frame = _Frame(value, event.anchor, before)
        self._places[id(value)] = frame.places
        self._frames.append(frame)

    def _end(self, _: Any) -> None:
        frame = self._frames.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.value, self._nodes - frame.nodes)
        if self._frames and self._frames[-1].is_mapping:
            self._frames[-1].key = None

    def _alias(self, event: Any) -> None:
        place = self._at(event.start_mark)
        known = self._anchors.get(event.anchor)
        if known is None:
            inside = event.anchor in self._anchors
            message = (
                f"*{event.anchor} stands inside itself"
                if inside
                else f"no anchor &{event.anchor} above"
            )
            raise Unreadable("YAML_ALIAS", message, place)
        value, nodes = known
        self._nodes += nodes
        if self._nodes > MAX_NODES_WITH_ALIASES:
            message = f"aliases make the document larger than {MAX_NODES_WITH_ALIASES:,} nodes"
            raise Unreadable("YAML_ALIAS", message, place)
        frame = self._frames[-1] if self._frames else None
        if frame and frame.wants_key and not isinstance(value, str):
            raise Unreadable("YAML_KEY", "a key must be text", place)
        self._add(value, place, plain=False)
        if isinstance(value, dict | list) and frame and frame.is_mapping:
            frame.key = None

    def _add(self, value: Json, place: Place, *, plain: bool) -> None:
        """Put a value where it belongs: a key, an entry, an item, or the root."""
        if not self._frames:
            self._root, self._start = value, place
            return
        frame = self._frames[-1]
        container = frame.value
        if isinstance(container, list):
            frame.places[len(container)] = (*place, *place)
            container.append(value)
        elif frame.key is None:
            self._begin_entry(frame, value, place, plain=plain)
        else:
            self._set_entry(frame, value, place)

    def _begin_entry(self, frame: _Frame, key: str, place: Place, *, plain: bool) -> None:
        frame.key, frame.key_place = key, place
        frame.drops = False
        if plain and key == "<<":
            frame.drops = True
            self._fault(
                "YAML_MERGE",
                "merge keys are not part of YAML 1.2",
                place,
                "Write the entries out, or use an alias for a whole value.",
            )
        elif key in frame.value:
            frame.drops = True
            first = frame.places[key]
            self._fault(
                "YAML_DUPLICATE_KEY",
                f"the key '{key[:60]}' is given twice",
                place,
                f"The first one is in line {first[0]}; the second would hide it.",
            )

    def _set_entry(self, frame: _Frame, value: Json, place: Place) -> None:
        key = frame.key
        if key is None or frame.drops:
            self._dropped.append(value)
        else:
            frame.places[key] = (*frame.key_place, *place)
            frame.value[key] = value
        if not isinstance(value, dict | list):
            frame.key = None
