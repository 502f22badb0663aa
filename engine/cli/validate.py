"""`harmony validate`: every fault of the project's files."""

from collections.abc import Sequence
from pathlib import Path

import click

from engine.cli import output
from engine.cli.frame import Frame, harmony_command
from engine.faults import Fault, has_error

FORMATS = ("human", "json", "github", "sarif")
_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan", "source": "blue"}


@harmony_command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="human (default), json, github for annotations, sarif for code scanning.",
)
def command(frame: Frame, paths: Sequence[Path], form: str | None) -> int:
    """Report every fault of blueprints, capabilities, runbooks and cases, in one go.

    Warnings alone do not fail.
    """
    from engine.check import check

    project = frame.project
    faults = check(project, paths or None)
    form = form or ("json" if frame.json else "human")
    if form == "human":
        _human(faults, project.folder)
    else:
        _for_programs(frame, faults, form, _prefix(project.folder))
    return 2 if has_error(faults) else 0


def _human(faults: Sequence[Fault], folder: Path) -> None:
    from engine.fault_excerpts import as_human
    from engine.fault_reports import in_words

    if faults:
        output.result(as_human(faults, folder, _paint) + "\n")
    output.say(f"{in_words(faults)}.")


def _paint(text: str, role: str) -> str:
    return output.style(text, fg=_COLOURS[role], bold=role == "error")


def _for_programs(frame: Frame, faults: Sequence[Fault], form: str, prefix: str) -> None:
    from engine import fault_reports

    if form == "json":
        output.document(frame, {"faults": fault_reports.as_json(faults)})
    elif form == "sarif":
        from importlib.metadata import version

        log = fault_reports.as_sarif(faults, version("harmony-incidents"), prefix)
        output.document(frame, log)
    elif faults:
        frame.answered = True
        output.result(fault_reports.as_github(faults, prefix))


def _prefix(folder: Path) -> str:
    """From the working folder, which is the repository's in CI, to the project."""
    here = Path.cwd()
    if not folder.is_relative_to(here) or folder == here:
        return ""
    return folder.relative_to(here).as_posix() + "/"
