"""Binds a step's secrets: from where harmony.yaml says, at the moment of the step."""

import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from engine.errors import SecretMissing
from engine.language.capability import Capability, SecretKey
from engine.project.settings import SecretSource

Entries = Mapping[str, Mapping[str, SecretSource]]
"""`secrets` of harmony.yaml: a capability's id, or `id/alias` → key → its source."""

MAX_BYTES = 1024**2


def bind_secrets(
    capability: Capability,
    chosen: Mapping[str, str],
    entries: Entries,
    environment: Mapping[str, str],
    folder: Path,
    own: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The value of each key that has one. Relative paths are seen from `folder`.

    `chosen` is the step's own mapping of keys to entries, `own` what the worker itself gives.
    SecretMissing where a required key has no value, or a key that is written down anywhere leads
    to none.
    """
    unknown = sorted(chosen.keys() - {key.name for key in capability.secrets})
    if unknown:
        raise SecretMissing(f"{capability.id} has no secret '{unknown[0]}'")
    found = {}
    for key in capability.secrets:
        if key.name in own:
            found[key.name] = own[key.name]
            continue
        written = _written(capability, key, chosen, entries)
        source = written or (SecretSource("env", key.env) if key.env else None)
        value = None if source is None else _read(source, environment, folder)
        if value:
            found[key.name] = value
        elif key.required or written is not None:
            raise SecretMissing(_sentence(capability, key, source))
    return found


def _written(
    capability: Capability, key: SecretKey, chosen: Mapping[str, str], entries: Entries
) -> SecretSource | None:
    """What the step or harmony.yaml says of this key, if anything."""
    if key.name not in chosen:
        return entries.get(capability.id, {}).get(key.name)
    entry = chosen[key.name]
    source = entries.get(entry, {}).get(key.name)
    if source is None:
        raise SecretMissing(
            f"the step takes the secret '{key.name}' from '{entry}', and harmony.yaml binds no "
            f"such key there"
        )
    return source


def _read(source: SecretSource, environment: Mapping[str, str], folder: Path) -> str | None:
    if source.kind == "env":
        return environment.get(source.name)
    return _read_file(folder / source.name)


def _read_file(path: Path) -> str | None:
    """The file as it is, to the last line break: some programs want it."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
            return None
        return path.read_bytes().decode("utf-8")
    except (OSError, ValueError):
        return None


def _sentence(capability: Capability, key: SecretKey, source: SecretSource | None) -> str:
    what = f"the secret '{key.name}' of {capability.id}"
    if source is None:
        return (
            f"{what} is not bound; say in harmony.yaml where it comes from, as in "
            f"secrets: {{{capability.id}: {{{key.name}: env:NAME}}}}"
        )
    if source.kind == "env":
        return f"{what} has no value: the variable {source.name} is not set where the worker runs"
    return (
        f"{what} has no value: the file {source.name} is not there for the worker, or cannot be "
        f"read as text, is empty, or has more than 1 MiB"
    )
