"""`run` with `with`, `config` and `secrets` → WrittenCall."""

import re
from collections.abc import Mapping
from typing import Any

from engine.language.blueprint import WrittenCall
from engine.language.document import Path
from engine.language.reading import DOTTED_ID, Reading
from engine.plan import Json

_RANGE = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,2}")


def read_call(reading: Reading, value: Json, path: Path) -> WrittenCall | None:
    """`{run, with, config, secrets}` of an `undo` or a `notify`."""
    call = reading.mapping(value, path)
    if call is None:
        return None
    reading.keys(call, path, ("run", "with", "config", "secrets"), ("run",))
    return read_call_of(reading, call, path) if "run" in call else None


def read_call_of(reading: Reading, parent: Mapping[str, Json], path: Path) -> WrittenCall | None:
    """The call of a mapping that holds `run`, whatever else it holds."""
    value = parent["run"]
    if not isinstance(value, str):
        reading.wrong_type(value, (*path, "run"), "the id of a capability")
        return None
    name, at, wanted = value.partition("@")
    form = "golden.operations.runme-runner or golden.operations.runme-runner@1.2"
    name = reading.identifier(name, (*path, "run"), DOTTED_ID, form)
    if at and not _RANGE.fullmatch(wanted):
        reading.fault(
            "VERSION",
            f"'@{wanted[:60]}' is not a range of versions",
            (*path, "run"),
            hint="Write @1, @1.2 or @1.2.3.",
        )
        wanted = ""
    fields: dict[str, Any] = {}
    if "with" in parent:
        fields["with_"] = reading.mapping(parent["with"], (*path, "with")) or {}
    if "config" in parent:
        fields["config"] = reading.mapping(parent["config"], (*path, "config")) or {}
    if "secrets" in parent:
        fields["secrets"] = _secrets(reading, parent["secrets"], (*path, "secrets"))
    return WrittenCall(path=path, capability=name, range=wanted or None, **fields) if name else None


def _secrets(reading: Reading, value: Json, path: Path) -> dict[str, str]:
    given = reading.mapping(value, path) or {}
    found = {key: reading.text(given, key, path, line=True) for key in given}
    return {key: entry for key, entry in found.items() if entry}
