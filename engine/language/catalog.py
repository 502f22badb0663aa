"""All definitions of a project folder, read when they are asked for, kept until they change."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from engine.faults import Fault
from engine.language.blueprint import Blueprint
from engine.language.blueprint_reader import read_blueprint
from engine.language.capability import Capability
from engine.language.contract import read_contract
from engine.language.document import Document
from engine.language.loader import file_name, is_text, load, load_bytes
from engine.language.runbook import Runbook
from engine.language.runbook_reader import read_runbook
from engine.language.versions import in_range
from engine.plan import Json, Plan

MAX_FOLDER_BYTES = 64 * 1024**2
MAX_FOLDER_FILES = 5_000
MAX_MISSED = 10_000

Signature: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Of each file: its path, when it changed, its size, its inode."""

_T = TypeVar("_T")


class _Shelf(Generic[_T]):
    """Definitions of one kind, by id, with the signature they were read under."""

    def __init__(self, signature: Callable[[str], Signature], read: Callable[[str], _T]) -> None:
        self._signature = signature
        self._read = read
        self._kept: dict[str, tuple[Signature, _T]] = {}
        self._missed: set[str] = set()
        """Asked for and not there: their coming is a change too."""

    def get(self, name: str) -> _T | None:
        """The definition, or None where there is no such file."""
        kept = self._kept.get(name)
        if kept is not None:
            return kept[1]
        signature = self._signature(name)
        if not signature:
            if len(self._missed) < MAX_MISSED:
                self._missed.add(name)
            return None
        definition = self._read(name)
        self._kept[name] = signature, definition
        return definition

    def refresh(self) -> bool:
        """Forget what changed on disk; whether anything did."""
        changed = [
            name
            for name, (signature, _) in tuple(self._kept.items())
            if self._signature(name) != signature
        ]
        for name in changed:
            self._kept.pop(name, None)
        come = [name for name in tuple(self._missed) if self._signature(name)]
        self._missed.difference_update(come)
        return bool(changed or come)


class Catalog:
    """The blueprints, capabilities and runbooks of one folder. Never raises for a faulty file:
    each definition has its faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plans: dict[str, Plan] = {}
        """What was compiled; forgotten with any change."""
        self.checked: dict[str, tuple[Fault, ...]] = {}
        """The faults of blueprints that were checked; forgotten with any change."""
        self.outputs: dict[str, Mapping[str, Json] | None] = {}
        """The schemas of what blueprints give as children; forgotten with any change."""
        self._blueprints = _Shelf(self._blueprint_signature, self._read_blueprint)
        self._capabilities = _Shelf(self._capability_signature, self._read_capability)
        self._runbooks = _Shelf(self._runbook_signature, self._read_runbook)

    @classmethod
    def load(cls, project: Path) -> "Catalog":
        """The catalog of a project folder; reads nothing yet."""
        return cls(project)

    def blueprint(self, name: str) -> Blueprint | None:
        """The blueprint with this id."""
        return self._blueprints.get(name) if _is_file_name(name) else None

    def capability(self, name: str, version_range: str | None = None) -> Capability | None:
        """The capability with this id, where its version is in the range."""
        if not _is_file_name(name) or name.count(".") != 2 or ".." in name:
            return None
        found = self._capabilities.get(name)
        if found is None or (version_range and not in_range(found.version, version_range)):
            return None
        return found

    def runbook(self, name: str) -> Runbook | None:
        """The runbook with this name."""
        return self._runbooks.get(name) if _is_file_name(name) else None

    def blueprints(self) -> tuple[str, ...]:
        """The ids of all blueprints, in order."""
        return _stems(self.folder / "blueprints", ".yaml")

    def runbooks(self) -> tuple[str, ...]:
        """The names of all runbooks, in order."""
        return _stems(self.folder / "runbooks", ".md")

    def capabilities(self) -> tuple[str, ...]:
        """The ids of all capabilities, in order."""
        root = self.folder / "capabilities"
        return tuple(
            f"golden.{domain}.{name}"
            for domain in _folders(root)
            for name in _folders(root / domain)
            if os.path.isfile(root / domain / name / "capability.yaml")  # noqa: PTH113 - cannot fail
        )

    def case_files(self) -> tuple[str, ...]:
        """The ids of the blueprints that have cases, in order."""
        return _stems(self.folder / "blueprints" / "cases", ".yaml")

    def refresh(self) -> bool:
        """Forget what changed on disk since it was read; whether anything did. Costs one stat a
        file that was read."""
        shelves = (self._blueprints, self._capabilities, self._runbooks)
        changed = [shelf.refresh() for shelf in shelves]
        if any(changed):
            self.plans.clear()
            self.checked.clear()
            self.outputs.clear()
        return any(changed)

    def blueprint_file(self, name: str) -> Path:
        """Where the blueprint of this id is, or would be."""
        return self.folder / "blueprints" / f"{name}.yaml"

    def case_file(self, name: str) -> Path:
        """Where the cases of the blueprint of this id are, or would be."""
        return self.folder / "blueprints" / "cases" / f"{name}.yaml"

    def runbook_file(self, name: str) -> Path:
        """Where the runbook of this name is, or would be."""
        return self.folder / "runbooks" / f"{name}.md"

    def capability_folder(self, name: str) -> Path:
        """Where the capability of this id is, or would be."""
        _, domain, last = name.split(".")
        return self.folder / "capabilities" / domain / last

    def _blueprint_signature(self, name: str) -> Signature:
        return _signature(self.blueprint_file(name))

    def _runbook_signature(self, name: str) -> Signature:
        return _signature(self.runbook_file(name))

    def _capability_signature(self, name: str) -> Signature:
        folder = self.capability_folder(name)
        if name.split(".", maxsplit=1)[0] != "golden" or not _signature(folder / "capability.yaml"):
            return ()
        return tuple(entry for path in contents(folder) for entry in _signature(path))

    def _read_blueprint(self, name: str) -> Blueprint:
        return read_blueprint(load(self.blueprint_file(name), self.folder), name)

    def _read_runbook(self, name: str) -> Runbook:
        path = self.runbook_file(name)
        data = load_bytes(path, self.folder)
        if isinstance(data, Document):
            return Runbook(name=name, document=data, faults=data.faults)
        return read_runbook(data, name, file_name(path, self.folder))

    def _read_capability(self, name: str) -> Capability:
        folder = self.capability_folder(name)
        document = load(folder / "capability.yaml", self.folder)
        digest, faults = folder_digest(folder, self.folder)
        if faults and not document.faults:
            document = Document(document.file, document.value, document.places, faults)
        return read_contract(document, folder, digest)


def contents(folder: Path) -> Iterator[Path]:
    """The files of a capability that count, in order: not its cases, not compiled Python."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            yield here  # it cannot be read, and whoever reads it will say so
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__" and not (here == folder and entry.name == "cases"):
                    waiting.append(Path(entry.path))
            else:
                yield Path(entry.path)


def folder_digest(folder: Path, project: Path) -> tuple[str, tuple[Fault, ...]]:
    """SHA-256 over the paths and contents of the files, and the faults of those not read."""
    inside, root = project.resolve(), hashlib.sha256()
    faults: list[Fault] = []
    size = 0
    files = sorted(path.relative_to(folder).as_posix() for path in contents(folder))
    if len(files) > MAX_FOLDER_FILES:
        message = f"the folder has more than {MAX_FOLDER_FILES:,} files"
        return "", (_file_fault("FILE_TOO_LARGE", message, folder / "capability.yaml", project),)
    for name in files:
        path = folder / name
        wrong = _unfit(path, inside) if is_text(name) else ("FILE_NAME", "its name is not UTF-8")
        if wrong is not None:
            faults.append(_file_fault(*wrong, path, project))
            continue
        size += path.stat().st_size
        if size > MAX_FOLDER_BYTES:
            message = f"the folder has more than {MAX_FOLDER_BYTES >> 20} MiB"
            return "", (_file_fault("FILE_TOO_LARGE", message, path, project),)
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        mode = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
        root.update(f"{name}\0{mode}\0{content}\n".encode())
    return root.hexdigest(), tuple(faults)


def _unfit(path: Path, inside: Path) -> tuple[str, str] | None:
    """Why a file of a capability cannot be part of it."""
    try:
        if not path.resolve().is_relative_to(inside):
            return "FILE_OUTSIDE", "the file is a link out of the project"
        if not path.is_file() or not os.access(path, os.R_OK):
            what = "folder" if path.is_dir() else "file"
            return "FILE_UNREADABLE", f"not a {what} that can be read"
    except (OSError, RuntimeError):
        return "FILE_UNREADABLE", "the link leads nowhere"
    return None


def _file_fault(code: str, message: str, path: Path, project: Path) -> Fault:
    return Fault(code, "error", message, file_name(path, project))


def _signature(path: Path) -> Signature:
    try:
        about = path.stat()
    except PermissionError:  # there or not: whoever loads it says so
        return ((str(path), 0, 0, 0),)
    except (OSError, ValueError):
        return ((str(path), 0, 0, 0),) if path.is_symlink() else ()
    return ((str(path), about.st_mtime_ns, about.st_size, about.st_ino),)


def _is_file_name(name: str) -> bool:
    return bool(name) and len(name) <= 200 and name[0] != "." and not set(name) & set("/\\\0")


def _stems(folder: Path, suffix: str) -> tuple[str, ...]:
    try:
        names = [entry.name for entry in os.scandir(folder) if is_text(entry.name)]
    except OSError:
        return ()
    return tuple(
        sorted(
            name.removesuffix(suffix) for name in names if name.endswith(suffix) and name[0] != "."
        )
    )


def _folders(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(
            sorted(
                entry.name
                for entry in os.scandir(folder)
                if entry.is_dir() and entry.name[0] not in "._" and is_text(entry.name)
            )
        )
    except OSError:
        return ()
