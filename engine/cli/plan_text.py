"""The outlook of `harmony plan` as people read it."""

from collections.abc import Iterable, Iterator
from shutil import get_terminal_size
from textwrap import wrap

from engine import durations
from engine.cli.outlook import ForecastStep, Gate, Outlook
from engine.cli.output import clean, style

_SIGNS = {
    "runs": ("●", "green"),
    "depends": ("◐", "yellow"),
    "skipped": ("○", "bright_black"),
    "unreached": ("○", "bright_black"),
}


def lines(outlook: Outlook) -> Iterator[str]:
    """The whole page."""
    yield style(clean(f"{outlook.blueprint} {outlook.version}"), bold=True) + clean(
        f"  {outlook.title}"
    )
    severity = outlook.context.get("incident_severity")
    at = f", at {severity}" if severity else ""
    yield f"if every call succeeds and every gate is approved{at}:"
    yield ""
    yield from _steps(outlook.steps, "  ")
    yield ""
    for title, entries in _sections(outlook):
        yield style(title, bold=True)
        yield from (f"  {clean(entry)}" for entry in entries or ["none"])
    yield style("digest", bold=True)
    yield f"  {outlook.digest}"


def _steps(steps: Iterable[ForecastStep], indent: str) -> Iterator[str]:
    found = tuple(steps)
    width = max((len(step.key) for step in found), default=0)
    for step in found:
        sign, colour = _SIGNS[step.verdict]
        name = clean(step.key.ljust(width))
        yield f"{indent}{style(sign, fg=colour)} {name}  {clean(_doing(step))}"
        inner = indent + " " * (width + 4)
        if step.reason is not None:
            word = "may not run" if step.verdict == "depends" else step.verdict
            yield from _wrapped(f"{word}: {step.reason}", inner)
        if step.gate is not None:
            for line in _gate(step.gate):
                yield from _wrapped(line, inner)
        if step.undo is not None and step.verdict in ("runs", "depends"):
            yield f"{inner}undo: {clean(step.undo)}"
        yield from _steps(step.steps, indent + "    ")


def _wrapped(text: str, indent: str) -> list[str]:
    wide = max(get_terminal_size().columns - len(indent), 40)
    return [indent + line for line in wrap(clean(text), wide, subsequent_indent="  ")]


def _doing(step: ForecastStep) -> str:
    words = [step.kind if step.kind != "run" else ""]
    words += [step.runs or "", f"runbook {step.runbook}" if step.runbook else ""]
    words += [
        f"[{step.effect}]" if step.effect else "",
        f"for {step.items} items" if step.items else "",
    ]
    return " ".join(word for word in words if word)


def _gate(gate: Gate) -> Iterator[str]:
    yield gate.ask
    many = f"{gate.count} of " if gate.count > 1 else ""
    own = "" if gate.initiator_may_approve else ", not who started it"
    yield f"answered by {many}{' or '.join(gate.approvers)}{own}, within {_limit(gate.timeout_ms)}"
    for roles in gate.escalates_to:
        yield f"then by {' or '.join(roles)}, within {_limit(gate.timeout_ms)}"


def _limit(timeout_ms: int | None) -> str:
    return (
        "no time: this severity has no timeout"
        if timeout_ms is None
        else durations.render(timeout_ms)
    )


def _sections(outlook: Outlook) -> Iterator[tuple[str, list[str]]]:
    yield "who", list(_who(outlook))
    yield "secrets", [f"{s.capability}  {s.key}  {s.source}" for s in outlook.secrets]
    yield "hosts", list(outlook.hosts)
    yield "runbooks", [f"{name}  {digest[:12]}" for name, digest in outlook.runbooks.items()]
    yield "cannot be undone", list(outlook.not_undoable)
    yield "longest", [durations.render(outlook.max_duration_ms)]


def _who(outlook: Outlook) -> Iterator[str]:
    if outlook.open_policy:
        yield f"{outlook.initiator}: there is no policy.yaml, so everyone has every role"
        return
    yield f"{outlook.initiator} may {'' if outlook.may_start else 'not '}start it"
    for step, scopes in outlook.lacking_scopes.items():
        yield f"{step} would be refused: {outlook.initiator} lacks {', '.join(scopes)}"
