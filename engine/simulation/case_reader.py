"""Document → cases of a blueprint, or every fault in how they are written."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, get_args

from engine.language.document import Document, Path
from engine.language.reading import Reading
from engine.plan import Json, Outcome, RunStatus
from engine.run.gate_rules import ANSWERS
from engine.simulation.case import (
    CannedAnswer,
    CannedDecision,
    CannedSignal,
    Case,
    CaseFile,
    Expected,
)

INITIATOR = "initiator"
"""Who starts a case's run, where it does not say."""

KEYS = {
    "case": (
        "name", "inputs", "context", "initiator", "solo", "answers", "decisions", "signals",
        "flags", "cancel", "expect",
    ),
    "answer": ("output", "error", "message", "retryAfter", "takes"),
    "decision": (
        "by", "decision", "after", "reason", "digest", "roles", "agent", "accepted",
    ),
    "signal": ("name", "payload", "after", "child"),
    "expect": (
        "status", "outcomes", "outputs", "calls", "gates", "error", "undone", "notUndone",
    ),
}  # fmt: skip
"""What may be written, by the part of a case it is written in."""

_T = TypeVar("_T")


def read_cases(document: Document) -> CaseFile:
    """The cases of one file; none where it has faults that are errors."""
    reading = _CaseReading(document)
    cases = tuple(reading.cases()) if document.readable else ()
    if not document.readable and not document.faults:
        reading.wrong_type(document.value, (), "a mapping with `cases`")
    return CaseFile(document, () if reading.faults else cases, tuple(reading.faults))


class _CaseReading(Reading):
    """Reads one file of cases."""

    def cases(self) -> Iterator[Case]:
        whole = self.document.value
        self.keys(whole, (), ("cases",), ("cases",))
        names: set[str] = set()
        entries = self.items(whole["cases"], ("cases",)) if "cases" in whole else []
        for index, entry in enumerate(entries):
            path: Path = ("cases", index)
            written = self.mapping(entry, path)
            if written is None:
                continue
            case = self.case(written, path)
            if case.name in names:
                self.fault("CASE", f"two cases are named '{case.name[:60]}'", (*path, "name"))
            names.add(case.name)
            yield case

    def case(self, written: Mapping[str, Json], path: Path) -> Case:
        self.keys(written, path, KEYS["case"], ("name", "expect"))
        cancel = written.get("cancel")
        return Case(
            name=self.text(written, "name", path, line=True),
            path=path,
            inputs=self.entries(written, "inputs", path),
            context=self.entries(written, "context", path),
            initiator=self.text(written, "initiator", path, line=True) or INITIATOR,
            solo=self.flag(written, "solo", path),
            answers=self.by_path(written, "answers", path, self.answer),
            decisions=self.by_path(written, "decisions", path, self.decision),
            signals=tuple(self.signals(written, path)),
            flags=self.flags(written, path),
            cancel_after_ms=None
            if cancel is None
            else self.duration(cancel, (*path, "cancel"), zero=True),
            expected=self.expected(written, path),
        )

    def entries(self, parent: Mapping[str, Json], key: str, path: Path) -> dict[str, Json]:
        """The mapping under a key; an empty one where there is none."""
        if parent.get(key) is None:
            return {}
        return self.mapping(parent[key], (*path, key)) or {}

    def by_path(
        self,
        parent: Mapping[str, Json],
        key: str,
        path: Path,
        read: Callable[[Mapping[str, Json], Path], _T],
    ) -> dict[str, tuple[_T, ...]]:
        """One entry or a list of them under each name."""
        found = {}
        for name, value in self.entries(parent, key, path).items():
            where = (*path, key, name)
            several = isinstance(value, list)
            entries = [
                read(entry, (*where, index) if several else where)
                for index, entry in enumerate(value if isinstance(value, list) else [value])
                if self.mapping(entry, (*where, index) if several else where) is not None
            ]
            found[name] = tuple(entries)
        return found

    def answer(self, written: Mapping[str, Json], path: Path) -> CannedAnswer:
        self.keys(written, path, KEYS["answer"], ())
        if "output" in written and "error" in written:
            self.fault("CASE", "an answer has an output or an error, not both", path)
        return CannedAnswer(
            output=written.get("output"),
            error=self.text(written, "error", path, line=True) or None,
            message=self.text(written, "message", path) or "said by the case",
            retry_after_ms=self.after(written, "retryAfter", path) or None,
            takes_ms=self.after(written, "takes", path),
            is_default="output" not in written and "error" not in written,
        )

    def decision(self, written: Mapping[str, Json], path: Path) -> CannedDecision:
        self.keys(written, path, KEYS["decision"], ("by",))
        decision = written.get("decision", "approved")
        return CannedDecision(
            by=self.text(written, "by", path, line=True),
            decision=self.choice(decision, (*path, "decision"), ANSWERS) or "approved",
            after_ms=self.after(written, "after", path),
            reason=self.text(written, "reason", path) or None,
            digest=self.text(written, "digest", path) or None,
            roles=self.texts(written["roles"], (*path, "roles")) if "roles" in written else None,
            agent=self.flag(written, "agent", path),
            accepted=self.flag(written, "accepted", path) if "accepted" in written else None,
        )

    def signals(self, parent: Mapping[str, Json], path: Path) -> Iterator[CannedSignal]:
        where = (*path, "signals")
        for index, entry in enumerate(self.items(parent.get("signals") or [], where)):
            written = self.mapping(entry, (*where, index))
            if written is None:
                continue
            self.keys(written, (*where, index), KEYS["signal"], ("name",))
            yield CannedSignal(
                name=self.text(written, "name", (*where, index)),
                payload=written.get("payload"),
                after_ms=self.after(written, "after", (*where, index)),
                child=self.text(written, "child", (*where, index)),
            )

    def flags(self, parent: Mapping[str, Json], path: Path) -> dict[str, bool]:
        flags = self.entries(parent, "flags", path)
        return {name: self.flag(flags, name, (*path, "flags")) for name in flags}

    def expected(self, parent: Mapping[str, Json], path: Path) -> Expected:
        where = (*path, "expect")
        written = self.entries(parent, "expect", path)
        self.keys(written, where, KEYS["expect"], ())
        status = written.get("status")
        return Expected(
            status=self.word(status, (*where, "status"), RunStatus),
            outcomes=self.outcomes(written, where),
            outputs=self.entries(written, "outputs", where),
            calls=self.entries(written, "calls", where),
            gates=self.entries(written, "gates", where),
            error=self.text(written, "error", where, line=True) or None,
            undone=self.names(written, "undone", where),
            not_undone=self.names(written, "notUndone", where),
        )

    def outcomes(self, parent: Mapping[str, Json], path: Path) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        for name, value in self.entries(parent, "outcomes", path).items():
            outcome = self.word(value, (*path, "outcomes", name), Outcome)
            if outcome is not None:
                found[name] = outcome
        return found

    def word(self, value: Json, path: Path, choices: object) -> Json:
        """One of the words of a Literal; None where there is nothing."""
        return None if value is None else self.choice(value, path, get_args(choices))

    def names(self, parent: Mapping[str, Json], key: str, path: Path) -> tuple[str, ...] | None:
        return self.texts(parent[key], (*path, key)) if key in parent else None

    def after(self, parent: Mapping[str, Json], key: str, path: Path) -> int:
        """A duration in milliseconds; zero where there is none."""
        if key not in parent:
            return 0
        return self.duration(parent[key], (*path, key), zero=True) or 0
