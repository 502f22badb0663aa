"""A case of a capability: what its program is given, and what must come back. And its reading."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.faults import Fault, has_error, in_order
from engine.language import json_schema
from engine.language.capability import Capability
from engine.language.catalog import Catalog
from engine.language.document import Document, Path
from engine.language.loader import load
from engine.language.reading import Reading, meant
from engine.plan import Json

_CASE = (
    "name", "input", "config", "secrets", "context", "output", "error",
)  # fmt: skip
_ERROR = ("code", "message")


@dataclass(frozen=True, slots=True)
class CapabilityCase:
    """One case, as it is written. What is not named in `output` or `error` is not looked at."""

    name: str
    path: Path
    """Where in the file."""
    input: Json
    config: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Made-up values, in place of what harmony.yaml binds."""
    context: Mapping[str, Json] = field(default_factory=dict)
    output: Json = None
    error_code: str | None = None
    error_message: str | None = None
    """A part of the error's message."""


@dataclass(frozen=True, slots=True)
class CapabilityCases:
    """One file of `capabilities/**/cases/`."""

    document: Document
    cases: tuple[CapabilityCase, ...]
    """None where there are faults."""
    faults: tuple[Fault, ...]


def capability_cases(catalog: Catalog, capability: Capability) -> Iterator[CapabilityCases]:
    """The files of cases of a capability, in the order of their names."""
    for path in sorted((capability.folder / "cases").glob("*.yaml")):
        yield _read(load(path, catalog.folder), capability)


def check_capability_cases(catalog: Catalog, capability: Capability) -> tuple[Fault, ...]:
    """The faults of a capability's cases."""
    files = capability_cases(catalog, capability)
    return in_order(fault for file in files for fault in file.faults)


def _read(document: Document, capability: Capability) -> CapabilityCases:
    reading = _CasesReading(document, capability)
    cases = tuple(reading.cases()) if document.readable else ()
    if not document.readable and not document.faults:
        reading.wrong_type(document.value, (), "a mapping with `cases`")
    faults = tuple(reading.faults)
    return CapabilityCases(document, () if has_error(faults) else cases, faults)


class _CasesReading(Reading):
    """Reads one file against the contract."""

    def __init__(self, document: Document, capability: Capability) -> None:
        super().__init__(document)
        self._capability = capability

    def cases(self) -> Iterator[CapabilityCase]:
        whole = self.document.value
        self.keys(whole, (), ("cases",), ("cases",))
        names: set[str] = set()
        for index, entry in enumerate(self.items(whole.get("cases", []), ("cases",))):
            path: Path = ("cases", index)
            written = self.mapping(entry, path)
            if written is None:
                continue
            case = self._case(written, path)
            if case.name in names:
                self.fault("CASE", f"two cases are named '{case.name[:60]}'", (*path, "name"))
            names.add(case.name)
            yield case

    def _case(self, written: Mapping[str, Json], path: Path) -> CapabilityCase:
        self.keys(written, path, _CASE, ("name",))
        if ("output" in written) == ("error" in written):
            self.fault("CASE", "a case has the output or the error that must come back", path)
        self._check_input(written, path)
        code, message = self._error(written, path)
        return CapabilityCase(
            name=self.text(written, "name", path, line=True),
            path=path,
            input=written.get("input", {}),
            config=self._entries(written, "config", path),
            secrets=self._secrets(written, path),
            context=self._entries(written, "context", path),
            output=written.get("output"),
            error_code=code,
            error_message=message,
        )

    def _check_input(self, written: Mapping[str, Json], path: Path) -> None:
        """An input that the contract refuses is a fault, unless the case is about that."""
        given = json_schema.with_defaults(self._capability.input, written.get("input", {}))
        wrong = json_schema.violations(self._capability.input, given, limit=5)
        if wrong and "error" not in written:
            for place, why in wrong:
                self.fault("CASE", f"the contract refuses it: {why}", (*path, "input", *place))

    def _error(self, written: Mapping[str, Json], path: Path) -> tuple[str | None, str | None]:
        """`error: CODE`, or a mapping with the code and a part of the message."""
        if "error" not in written:
            return None, None
        where = (*path, "error")
        if isinstance(written["error"], str):
            return self.text(written, "error", path, line=True), None
        error = self.mapping(written["error"], where) or {}
        self.keys(error, where, _ERROR, ("code",))
        return self.text(error, "code", where), self.text(error, "message", where) or None

    def _secrets(self, written: Mapping[str, Json], path: Path) -> dict[str, str]:
        known = [key.name for key in self._capability.secrets]
        found = {}
        for key, value in self._entries(written, "secrets", path).items():
            where = (*path, "secrets", key)
            if key not in known:
                what = f"{self._capability.id} has no secret '{key[:60]}'"
                self.fault("CASE", what, where, key=True, hint=meant(key, known))
            if isinstance(value, str) and value:
                found[key] = value
            else:
                self.wrong_type(value, where, "text")
        return found

    def _entries(self, written: Mapping[str, Json], key: str, path: Path) -> dict[str, Json]:
        return (self.mapping(written[key], (*path, key)) or {}) if key in written else {}
