"""Faults as commands show them where they are not the result asked for: on stderr."""

from collections.abc import Sequence
from pathlib import Path

from engine.cli import output
from engine.cli.frame import Frame
from engine.errors import DefinitionError, HarmonyError
from engine.faults import Fault
from engine.plan import Json

_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan", "source": "blue"}


def show(faults: Sequence[Fault], folder: Path) -> None:
    """Each fault with its source line, on stderr."""
    if faults:
        from engine.validation.fault_excerpts import as_human

        output.say(as_human(faults, folder, paint))


def paint(text: str, role: str) -> str:
    """`text` in the colour of an error, a warning, a hint or a source line."""
    return output.style(text, fg=_COLOURS[role], bold=role == "error")


def document(faults: Sequence[Fault]) -> dict[str, Json]:
    """As `validate --format json` gives them."""
    from engine.validation.fault_reports import as_json

    return {"faults": as_json(faults)}


def refuse(frame: Frame, error: DefinitionError) -> int:
    """Show the faults that keep a definition from being used; the exit status."""
    try:
        folder = frame.project.folder
    except HarmonyError:
        folder = Path.cwd()
    show(error.faults, folder)
    output.say(output.style(f"harmony: {error}", fg="red"))
    if frame.json and not frame.answered:
        told = {"message": str(error), "exitStatus": error.exit_status}
        output.document(frame, {"error": told, **document(error.faults)})
    return error.exit_status
