"""harmony.yaml: how an environment is bound. Types, and the reading of the file."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Literal, TypeAlias

from engine.faults import Fault, in_order
from engine.language.document import Document, Path
from engine.language.reading import DOTTED_ID, Reading, fits
from engine.plan import Json

RunnerName: TypeAlias = Literal["auto", "process", "dagger"]
RUNNERS: tuple[RunnerName, ...] = ("auto", "process", "dagger")
_KEYS = ("config", "secrets", "flags", "gates", "runner")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret's value comes from, at the moment of the step."""

    kind: Literal["env", "file"]
    name: str
    """The variable, or the path of the file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """harmony.yaml, or the file that stands for it."""

    config: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By capability id: what lies over the defaults of its contract."""
    secrets: Mapping[str, Mapping[str, SecretSource]] = field(default_factory=dict)
    """By entry: a capability id, or one with a name behind it (`…statuspage/eu`)."""
    flags_file: FilePath | None = None
    """Feature flags in flagd's format."""
    gates_at_most_ms: int | None = None
    """For rehearsals: no gate waits longer, whatever its blueprint says."""
    runner: RunnerName = "auto"


def read_settings(document: Document, folder: FilePath) -> tuple[Settings, tuple[Fault, ...]]:
    """The settings and their faults; paths in them are relative to `folder`."""
    reading = Reading(document)
    if not document.readable:
        if document.value is not None:
            reading.fault(
                "WRONG_TYPE", "it is a mapping of config, secrets, flags, gates and runner", ()
            )
        return Settings(), tuple(reading.faults)
    root: dict[str, Json] = document.value
    reading.keys(root, (), _KEYS, ())
    runner = reading.choice(root["runner"], ("runner",), RUNNERS) if "runner" in root else "auto"
    settings = Settings(
        config=_config(reading, root.get("config", {})),
        secrets=_secrets(reading, root.get("secrets", {})),
        flags_file=_flags(reading, root["flags"], folder) if "flags" in root else None,
        gates_at_most_ms=_gates(reading, root["gates"]) if "gates" in root else None,
        runner=runner or "auto",
    )
    return settings, in_order(reading.faults)


def _config(reading: Reading, value: Json) -> dict[str, Mapping[str, Json]]:
    found: dict[str, Mapping[str, Json]] = {}
    for name, entry in (reading.mapping(value, ("config",)) or {}).items():
        given = reading.mapping(entry, ("config", name)) or {}
        if _is_entry(reading, name, ("config", name), named=False):
            found[name] = given
    return found


def _secrets(reading: Reading, value: Json) -> dict[str, Mapping[str, SecretSource]]:
    found: dict[str, Mapping[str, SecretSource]] = {}
    for name, entry in (reading.mapping(value, ("secrets",)) or {}).items():
        path = ("secrets", name)
        keys = reading.mapping(entry, path) or {}
        sources = {key: _source(reading, text, (*path, key)) for key, text in keys.items()}
        if _is_entry(reading, name, path, named=True):
            found[name] = {key: source for key, source in sources.items() if source is not None}
    return found


def _is_entry(reading: Reading, name: str, path: Path, *, named: bool) -> bool:
    """Whether it is a capability's id, with a name behind it where that may be."""
    capability, slash, variant = name.partition("/")
    if fits(capability, DOTTED_ID) and (not slash or (named and _ENTRY.fullmatch(variant))):
        return True
    hint = "Write golden.connectors.statuspage" + (" or …statuspage/eu." if named else ".")
    reading.fault("ID", f"'{name[:60]}' is not the id of a capability", path, key=True, hint=hint)
    return False


def _source(reading: Reading, value: Json, path: Path) -> SecretSource | None:
    """`env:NAME` or `file:PATH`; a fault never shows what was written instead."""
    kind, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "env" and _VARIABLE.fullmatch(name):
        return SecretSource("env", name)
    if kind == "file" and name.strip() and "\0" not in name:
        return SecretSource("file", name)
    hint = "Write env:NAME or file:PATH; the value is read at the moment of the step."
    what = (
        "names no variable or file" if colon and kind in ("env", "file") else "is written in plain"
    )
    reading.fault("SECRET", f"the secret '{path[-1]}' {what}", path, hint=hint)
    return None


def _gates(reading: Reading, value: Json) -> int | None:
    gates = reading.mapping(value, ("gates",))
    if gates is None:
        return None
    reading.keys(gates, ("gates",), ("atMost",), ("atMost",))
    return reading.duration(gates["atMost"], ("gates", "atMost")) if "atMost" in gates else None


def _flags(reading: Reading, value: Json, folder: FilePath) -> FilePath | None:
    flags = reading.mapping(value, ("flags",))
    if flags is None:
        return None
    reading.keys(flags, ("flags",), ("file",), ("file",))
    name = reading.text(flags, "file", ("flags",), line=True)
    if not name:
        return None
    path = FilePath(os.path.normpath(folder / name))
    if not path.is_file():
        reading.fault("FILE_UNREADABLE", f"there is no file '{name[:100]}'", ("flags", "file"))
    return path
