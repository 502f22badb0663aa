"""Files to documents: regular files inside the project, at most 1 MiB, UTF-8, read as YAML 1.2.

A file that cannot or may not be read is one fault with its place.
"""

import os
import stat
from pathlib import Path as FilePath

from engine.faults import Fault
from engine.language.document import Document
from engine.language.fault_codes import FAULT_CODES
from engine.language.yaml_reading import Unreadable, YamlReading, place_in

MAX_FILE_BYTES = 1_048_576
_WIDE = (b"\0\1\0\1", b"\1\0\1\0", b"\0\0\0\1", b"\1\0\0\0")


def load(path: FilePath, project: FilePath) -> Document:
    """The file's document; a file that cannot or may not be read is one fault of it."""
    file = file_name(path, project)
    try:
        return load_text(read_bytes(path, project), file)
    except Unreadable as wrong:
        return _unreadable(file, wrong)


def file_name(path: FilePath, project: FilePath) -> str:
    """As faults name it: relative to the project folder, with forward slashes, as text."""
    near = path.relative_to(project) if path.is_relative_to(project) else path
    return os.fsencode(near.as_posix()).decode(errors="replace")


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8, so that a report may hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def load_bytes(path: FilePath, project: FilePath) -> bytes | Document:
    """The bytes of a definition that is not YAML as a whole, or the document with its fault."""
    try:
        return read_bytes(path, project)
    except Unreadable as wrong:
        return _unreadable(file_name(path, project), wrong)


def read_bytes(path: FilePath, project: FilePath) -> bytes:
    """The contents of a regular file inside the project, at most `MAX_FILE_BYTES`."""
    try:
        wrong = _unfit(path, project)
        if wrong is None:
            with path.open("rb") as stream:
                return stream.read(MAX_FILE_BYTES)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        wrong = Unreadable("FILE_UNREADABLE", f"cannot be read: {reason}", (1, 1))
    raise wrong


def _unfit(path: FilePath, project: FilePath) -> Unreadable | None:
    """Why a file is not even opened."""
    if not path.resolve().is_relative_to(project.resolve()):
        return Unreadable("FILE_OUTSIDE", "the file is a link out of the project", (1, 1))
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        return Unreadable("FILE_UNREADABLE", "not a regular file", (1, 1))
    if about.st_size > MAX_FILE_BYTES:
        return Unreadable("FILE_TOO_LARGE", _too_large(about.st_size), (1, 1))
    return None


def load_text(data: bytes, file: str, *, first_line: int = 1) -> Document:
    """The document in `data`. `first_line` is where the text begins within its file."""
    try:
        return YamlReading(decode(data), file, first_line).read()
    except Unreadable as wrong:
        return _unreadable(file, wrong)


def decode(data: bytes) -> str:
    """UTF-8, without its byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_wide(data[:4]):
        message = "the file is UTF-16 or UTF-32, not UTF-8"
        raise Unreadable("YAML_ENCODING", message, (1, 1), "Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = place_in(data[: error.start].decode("utf-8-sig"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise Unreadable("YAML_ENCODING", message, place, "Save it as UTF-8.") from None
    if "\0" in text:
        place = place_in(text[: text.index("\0")])
        raise Unreadable(
            "YAML_ENCODING", "the file holds a NUL character", place, "Save it as UTF-8."
        )
    return text


def _is_wide(start: bytes) -> bool:
    """ASCII with zeros between, as UTF-16 and UTF-32 without a byte order mark begin."""
    return b"\0" in start and bytes(map(bool, start)) in _WIDE


def _too_large(size: int) -> str:
    return f"the file has {size:,} bytes; a definition may have {MAX_FILE_BYTES:,}"


def _unreadable(file: str, wrong: Unreadable) -> Document:
    line, column = wrong.place
    fault = Fault(
        wrong.code,
        FAULT_CODES[wrong.code].severity,
        wrong.message,
        file,
        line,
        column,
        hint=wrong.hint,
    )
    return Document(file=file, value=None, places={}, faults=(fault,), start=wrong.place)


def read_lines(path: FilePath, project: FilePath) -> list[str]:
    """The lines of a definition, for showing them; none where it cannot be read."""
    try:
        text = read_bytes(path, project).decode("utf-8-sig", errors="replace")
    except Unreadable:
        return []
    return [line.removesuffix("\r") for line in text.split("\n")]
