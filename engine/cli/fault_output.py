"""Faults as a command shows them: for people on stderr, as a document on stdout with --json."""

from engine.cli import output
from engine.cli.frame import Frame
from engine.errors import DefinitionError
from engine.faults import Fault


def refuse(frame: Frame, error: DefinitionError) -> int:
    """Show the faults that keep a definition from being used; the exit status."""
    for fault in error.faults:
        output.say(line(fault))
    output.say(output.style(f"harmony: {error}", fg="red"))
    if frame.json and not frame.answered:
        output.document(
            frame,
            {
                "error": {"message": str(error), "exitStatus": error.exit_status},
                "faults": error.faults,
            },
        )
    return error.exit_status


def line(fault: Fault) -> str:
    """One fault in one line."""
    colour = "red" if fault.severity == "error" else "yellow"
    place = f"{fault.file}:{fault.line}:{fault.column}"
    return (
        output.clean(f"{place}: ")
        + output.style(f"{fault.severity}[{fault.code}]", fg=colour)
        + output.clean(f": {fault.message}")
    )
