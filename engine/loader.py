"""Text to values: YAML 1.2's core schema, with the place of everything, safe with hostile files.

Built on libyaml's events, in one pass. Unreadable YAML is one fault with its place; what can be
read on from (a doubled key, a tag) is collected.
"""

import math
import re
import stat
from collections.abc import Callable
from pathlib import Path as FilePath

import yaml
from yaml.cyaml import CParser

from engine.document import Document, EntryPlaces, Place, render_path
from engine.fault_codes import FAULT_CODES
from engine.faults import Fault
from engine.plan import Json

MAX_FILE_BYTES = 1_048_576
MAX_NODES_WITH_ALIASES = 50_000
MAX_DEPTH = 100
MAX_FAULTS = 200
"""Of the YAML itself; with more than that a file is something else."""

_CONSTANTS: dict[str, Json] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MAYBE_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LARGEST = 2**63


class _Unreadable(Exception):
    """Reading cannot go on; ends up as the document's one fault."""

    def __init__(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.place, self.hint = code, message, place, hint


def load(path: FilePath, project: FilePath) -> Document:
    """The file's document; a file that cannot or may not be read is one fault of it."""
    file = file_name(path, project)
    try:
        return load_text(read_bytes(path, project), file)
    except _Unreadable as wrong:
        return _unreadable(file, wrong)


def file_name(path: FilePath, project: FilePath) -> str:
    """As faults name it: relative to the project folder, with forward slashes."""
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else path.as_posix()


def load_bytes(path: FilePath, project: FilePath) -> bytes | Document:
    """The bytes of a definition that is not YAML as a whole, or the document with its fault."""
    try:
        return read_bytes(path, project)
    except _Unreadable as wrong:
        return _unreadable(file_name(path, project), wrong)


def read_bytes(path: FilePath, project: FilePath) -> bytes:
    """The contents of a regular file inside the project, at most `MAX_FILE_BYTES`."""
    try:
        if not path.resolve().is_relative_to(project.resolve()):
            raise _Unreadable("FILE_OUTSIDE", "the file is a link out of the project", (1, 1))
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise _Unreadable("FILE_UNREADABLE", "not a regular file", (1, 1))
        if about.st_size > MAX_FILE_BYTES:
            raise _Unreadable("FILE_TOO_LARGE", _too_large(about.st_size), (1, 1))
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _Unreadable("FILE_UNREADABLE", f"cannot be read: {reason}", (1, 1)) from None


def load_text(data: bytes, file: str, *, first_line: int = 1) -> Document:
    """The document in `data`. `first_line` is where the text begins within its file."""
    try:
        if len(data) > MAX_FILE_BYTES:
            raise _Unreadable("FILE_TOO_LARGE", _too_large(len(data)), (1, 1))
        return _Reading(decode(data), file, first_line).read()
    except _Unreadable as wrong:
        return _unreadable(file, wrong)


def decode(data: bytes) -> str:
    """UTF-8, without its byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Unreadable(
            "YAML_ENCODING", "the file is UTF-16, not UTF-8", (1, 1), "Save it as UTF-8."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_in(data[: error.start].decode("utf-8-sig"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _Unreadable("YAML_ENCODING", message, place, "Save it as UTF-8.") from None
    if "\0" in text:
        place = _place_in(text[: text.index("\0")])
        raise _Unreadable(
            "YAML_ENCODING", "the file holds a NUL character", place, "Save it as UTF-8."
        )
    return text


def _place_in(before: str) -> Place:
    """The place right behind the text `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _too_large(size: int) -> str:
    return f"the file has {size:,} bytes; a definition may have {MAX_FILE_BYTES:,}"


def _unreadable(file: str, wrong: _Unreadable) -> Document:
    line, column = wrong.place
    fault = Fault(wrong.code, FAULT_CODES[wrong.code].severity, wrong.message, file, line, column,
                  hint=wrong.hint)  # fmt: skip
    return Document(file=file, value=None, places={}, faults=(fault,), start=wrong.place)


class _Frame:
    """One container while it is being read."""

    __slots__ = ("anchor", "key", "key_place", "nodes", "places", "value")

    def __init__(self, value: Json, anchor: str | None, nodes: int) -> None:
        self.value = value
        self.anchor = anchor
        self.nodes = nodes
        """How many nodes had been read when it began."""
        self.places: EntryPlaces = {}
        self.key: str | None = None
        self.key_place: Place = (0, 0)


class _Reading:
    """Reads one document; an object so that each kind of event is one small method."""

    def __init__(self, text: str, file: str, first_line: int) -> None:
        self.text = text
        self.file = file
        self.offset = first_line
        self.faults: list[Fault] = []
        self.places: dict[int, EntryPlaces] = {}
        self.frames: list[_Frame] = []
        self.anchors: dict[str, tuple[Json, int] | None] = {}
        """The value and its number of nodes; None while it is still being read."""
        self.nodes = 0
        self.aliased = False
        self.documents = 0
        self.root: Json = None
        self.start: Place = (first_line, 1)
        self.dropped: list[Json] = []
        """Kept while reading, so that no `id()` is used twice."""

    def read(self) -> Document:
        parser = CParser(self.text)
        handlers: dict[type, Callable[[yaml.Event], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: self.begin_mapping,
            yaml.SequenceStartEvent: self.begin_list,
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.begin_document,
        }
        try:
            while (event := parser.get_event()) is not None:
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except yaml.YAMLError as error:
            raise self.syntax(error) from None
        finally:
            parser.dispose()
        return Document(self.file, self.root, self.places, tuple(self.faults), self.start)

    def syntax(self, error: yaml.YAMLError) -> _Unreadable:
        place, message = self.start, str(error)
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            place = self.at(mark) if mark else place
            message = ": ".join(part for part in (error.context, error.problem) if part)
        elif isinstance(error, yaml.reader.ReaderError):
            line, column = _place_in(self.text.encode()[: error.position].decode(errors="ignore"))
            place, message = (line + self.offset - 1, column), str(error.reason)
        return _Unreadable("YAML_SYNTAX", message, place)

    def at(self, mark: yaml.Mark) -> Place:
        return mark.line + self.offset, mark.column + 1

    def fault(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        if len(self.faults) >= MAX_FAULTS:
            return
        path = tuple(frame.key if isinstance(frame.value, dict) else len(frame.value)
                     for frame in self.frames)  # fmt: skip
        shown = render_path([part for part in path if part is not None])
        severity = FAULT_CODES[code].severity
        self.faults.append(Fault(code, severity, message, self.file, *place, shown, hint))

    def begin_document(self, event: yaml.Event) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _Unreadable(
                "YAML_DOCUMENTS", "a second document begins here; a file holds one",
                self.at(event.start_mark), "Give it a file of its own.",
            )  # fmt: skip

    def scalar(self, event: yaml.ScalarEvent) -> None:
        self.nodes += 1
        mark = event.start_mark
        place = mark.line + self.offset, mark.column + 1
        if event.tag is not None:
            self.tagged(event.tag, place)
        value: Json = event.value
        plain = event.style is None or event.style == ""
        frame = self.frames[-1] if self.frames else None
        if plain and not (frame and frame.key is None and isinstance(frame.value, dict)):
            value = self.resolve(value, place)
        elif plain and resolves(value):
            self.fault("YAML_KEY", f"the key {value or 'null'} is not text", place,
                       f"Write it in quotes: '{value}'.")  # fmt: skip
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self.add(value, place, plain=plain)

    def resolve(self, text: str, place: Place) -> Json:
        """What a plain scalar means in the core schema."""
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] not in _MAYBE_NUMBER:
            return text
        number = _number(text)
        if number is None:
            return text
        unfit = isinstance(number, int) and not -_LARGEST <= number < _LARGEST
        if unfit or not math.isfinite(number):
            self.fault("YAML_NUMBER", f"{text[:40]} is not a number that JSON can carry", place,
                       "Write it in quotes if it is meant as text.")  # fmt: skip
            return 0
        return number

    def tagged(self, tag: str, place: Place) -> None:
        self.fault("YAML_TAG", f"the tag {tag[:60]} is refused", place,
                   "Write the plain value; text goes in quotes.")  # fmt: skip

    def begin_mapping(self, event: yaml.MappingStartEvent) -> None:
        self.begin(event, {})

    def begin_list(self, event: yaml.SequenceStartEvent) -> None:
        self.begin(event, [])

    def begin(self, event: yaml.CollectionStartEvent, value: Json) -> None:
        place = self.at(event.start_mark)
        if event.tag is not None:
            self.tagged(event.tag, place)
        if len(self.frames) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise _Unreadable("YAML_DEPTH", message, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if self.frames and self.frames[-1].key is None and isinstance(self.frames[-1].value, dict):
            raise _Unreadable(
                "YAML_KEY", "a key must be text, not a list or a mapping", place,
                "A value that begins with {{ is written in quotes." if event.flow_style else None,
            )  # fmt: skip
        before = self.nodes
        self.nodes += 1
        self.add(value, place, plain=False)
        frame = _Frame(value, event.anchor, before)
        self.places[id(value)] = frame.places
        self.frames.append(frame)

    def end(self, _: yaml.Event) -> None:
        frame = self.frames.pop()
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.value, self.nodes - frame.nodes)
        if self.frames and isinstance(self.frames[-1].value, dict):
            self.frames[-1].key = None

    def alias(self, event: yaml.AliasEvent) -> None:
        place = self.at(event.start_mark)
        known = self.anchors.get(event.anchor)
        if known is None:
            inside = event.anchor in self.anchors
            message = (
                f"*{event.anchor} stands inside itself"
                if inside
                else f"no anchor &{event.anchor} above"
            )
            raise _Unreadable("YAML_ALIAS", message, place)
        value, nodes = known
        self.nodes += nodes
        if self.nodes > MAX_NODES_WITH_ALIASES:
            message = f"aliases make the document larger than {MAX_NODES_WITH_ALIASES:,} nodes"
            raise _Unreadable("YAML_ALIAS", message, place)
        frame = self.frames[-1] if self.frames else None
        if (
            frame
            and frame.key is None
            and isinstance(frame.value, dict)
            and not isinstance(value, str)
        ):
            raise _Unreadable("YAML_KEY", "a key must be text", place)
        self.add(value, place, plain=False)
        if isinstance(value, dict | list) and frame and isinstance(frame.value, dict):
            frame.key = None

    def add(self, value: Json, place: Place, *, plain: bool) -> None:
        """Put a value where it belongs: a key, an entry, an item, or the root."""
        if not self.frames:
            self.root, self.start = value, place
            return
        frame = self.frames[-1]
        container = frame.value
        if isinstance(container, list):
            frame.places[len(container)] = (*place, *place)
            container.append(value)
        elif frame.key is None:
            self.begin_entry(frame, value, place, plain=plain)
        else:
            self.set_entry(frame, value, place)

    def begin_entry(self, frame: _Frame, key: str, place: Place, *, plain: bool) -> None:
        frame.key, frame.key_place = key, place
        if plain and key == "<<":
            self.fault("YAML_MERGE", "merge keys are not part of YAML 1.2", place,
                       "Write the entries out, or use an alias for a whole value.")  # fmt: skip
        elif key in frame.value:
            first = frame.places[key]
            self.fault("YAML_DUPLICATE_KEY", f"the key '{key}' is given twice", place,
                       f"The first one is in line {first[0]}; the second would hide it.")  # fmt: skip

    def set_entry(self, frame: _Frame, value: Json, place: Place) -> None:
        key = frame.key
        if key is None or key in frame.value or key == "<<":
            self.dropped.append(value)
        else:
            frame.places[key] = (*frame.key_place, *place)
            frame.value[key] = value
        if not isinstance(value, dict | list):
            frame.key = None


def resolves(text: str) -> bool:
    """Whether plain `text` means something other than itself in the core schema."""
    if text in _CONSTANTS:
        return True
    return text[0] in _MAYBE_NUMBER and _number(text) is not None


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 100 else _LARGEST
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return math.inf
    return None
