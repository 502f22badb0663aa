"""A run in lines, for people: what has ended, what it waits for, who must do what by when.

A line is a tuple of pieces, each a text and a colour, so that the plain and the live output say
the same. Everything that comes from a run is cleaned of what could steer a terminal.
"""

import shlex
from collections.abc import Iterator
from typing import TypeAlias

from engine.cli import output
from engine.cli.frame import program
from engine.cli.shown import between, clock, one_line, until, value
from engine.messages import Decision, GateView, RunView, StepView

Piece: TypeAlias = tuple[str, str | None]
"""A text and its colour's name, None for none."""
Line: TypeAlias = tuple[Piece, ...]

EXIT_STATUS = {"succeeded": 0, "failed": 1, "rejected": 3, "timed_out": 3, "cancelled": 130}

_MARKS: dict[str, Piece] = {
    "succeeded": ("✓", "green"),
    "approved": ("✓", "green"),
    "failed": ("✗", "red"),
    "rejected": ("✗", "red"),
    "timed_out": ("✗", "yellow"),
    "cancelled": ("✗", "yellow"),
    "skipped": ("-", "bright_black"),
    "unreached": ("-", "bright_black"),
    "pending": ("·", "bright_black"),
    "running": ("▸", "cyan"),
    "waiting": ("?", "yellow"),
}


def words(line: Line) -> str:
    """A line as coloured text; the colours go where there is no terminal."""
    return "".join(output.style(text, fg=colour) if colour else text for text, colour in line)


def status_word(status: str) -> Piece:
    """A status or outcome as a word in its colour."""
    return status.replace("_", " "), _MARKS[status][1]


def heading(view: RunView) -> Line:
    """Which run it is, of what, how it stands and whose it is."""
    whose = f"  started by {output.clean(view.initiator)}" if view.initiator else ""
    return (
        (output.clean(view.run), "bright_white"),
        (f"  {view.blueprint} {view.version}".rstrip() + "  ", None),
        status_word(view.status),
        (f"{whose}{', solo' if view.solo else ''}", None),
    )


def open_gates(view: RunView) -> dict[str, GateView]:
    """The gates that wait for an answer; none where the run has ended."""
    if view.status != "running":
        return {}
    return {path: gate for path, gate in view.gates.items() if gate.state == "pending"}


def step_line(key: str, step: StepView, *, waits: bool, width: int = 0) -> Line:
    """One step with its mark, its outcome, how long it took and what there is to know of it."""
    state = "waiting" if waits else step.outcome
    word, colour = status_word(state)
    facts = list(_facts(step))
    detail = f"  {', '.join(facts)}" if facts else ""
    why = one_line(step.error.code + ": " + step.error.message) if step.error else step.reason
    return (
        _MARKS[state],
        (f" {key.ljust(width)}  ", None),
        (word.ljust(9), colour),
        (detail, "bright_black"),
        (f"  {one_line(why)}" if why else "", colour if step.error else "bright_black"),
    )


def _facts(step: StepView) -> Iterator[str]:
    # A loop counts the attempts of all its items; they tell nothing of how it went.
    if step.attempts > 1 and not isinstance(step.output, list):
        yield f"{step.attempts} attempts"
    if step.started_at and step.outcome not in ("skipped", "unreached"):
        yield between(step.started_at, step.finished_at)


def step_lines(view: RunView) -> list[Line]:
    """Every step, in the order of the blueprint."""
    width = max((len(key) for key in view.steps), default=0)
    waiting = open_gates(view)
    return [
        step_line(key, step, waits=key in waiting, width=width) for key, step in view.steps.items()
    ]


def gate_lines(run: str, path: str, gate: GateView) -> list[Line]:
    """What a gate asks, whom, until when, and the commands that answer it."""
    had = len({d.approver_id.strip().casefold() for d in gate.decisions if d.accepted})
    people = "" if gate.count == 1 else f", {gate.count} people must approve and {had} did"
    who = output.clean(", ".join(gate.approvers))
    answer = f"{shlex.quote(run)} {shlex.quote(path)}"
    first, *more = value(gate.ask).strip().splitlines() or [""]
    return [
        (("? ", "yellow"), (f"{path}: ", "yellow"), (first, "bright_white")),
        *(((f"  {line}", "bright_white"),) for line in more),
        ((f"  answer by {until(gate.deadline)}; one of: {who}{people}", None),),
        ((f"  {program()} approve {answer} --as NAME", "cyan"),),
        ((f"  {program()} reject {answer} --as NAME --reason WHY", "cyan"),),
    ]


def waiting_line(path: str, gate: GateView) -> Line:
    """An open gate in one line: who is asked, and the time left."""
    who = one_line(", ".join(gate.approvers))
    return (("? ", "yellow"), (f"{path} waits for {who} until {until(gate.deadline)}", "yellow"))


def decision_line(path: str, decision: Decision) -> Line:
    """One answer to a gate: who, what, when, from where, why, and whether it counted."""
    who = one_line(decision.approver_id)
    if not who:
        return ((f"{path}: ", None), (f"{one_line(decision.reason or '')}", "yellow"),
                (f" ({clock(decision.at)})", None))  # fmt: skip
    why = f": {one_line(decision.reason)}" if decision.reason else ""
    note = "" if decision.accepted else f" - refused: {one_line(decision.note or '')}"
    colour = _MARKS.get(decision.decision, ("", None))[1] if decision.accepted else "yellow"
    return (
        (f"{path}: ", None),
        (f"{who} {one_line(decision.decision)}", colour),
        (f"{why}{note} ({decision.source}, {clock(decision.at)})", None),
    )


def undoing_line(what: str) -> Line:
    """What is being undone just now."""
    mark, colour = _MARKS["running"]
    return (mark, colour), (f" undoing {what}", None)


def ending(view: RunView) -> list[Line]:
    """Why a run ended so, or is to end so; what was undone, what could not be, and what is now."""
    lines: list[Line] = []
    if view.error is not None:
        lines.append(((f"{view.error.code}: {one_line(view.error.message, 500)}", "red"),))
    if view.undoing:
        lines.append(undoing_line(view.undoing))
    if view.undone:
        lines.append(((f"undone: {', '.join(view.undone)}", None),))
    lines += [
        ((f"NOT undone: {entry.get('step')}: {one_line(str(entry.get('reason')))}", "red"),)
        for entry in view.not_undone
    ]
    return lines + [((f"warning: {one_line(text)}", "yellow"),) for text in view.warnings]


def output_lines(view: RunView) -> list[str]:
    """The run's outputs, one name each; further lines of a text are set in."""
    return [
        f"{name}: {value(data)}".replace("\n", "\n  ").rstrip()
        for name, data in view.outputs.items()
    ]
