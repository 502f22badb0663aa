"""`harmony validate`: every fault of the project's files."""

from collections.abc import Sequence
from pathlib import Path

import click

from engine import VERSION
from engine.cli import output
from engine.cli.fault_output import document, paint
from engine.cli.frame import Frame, harmony_command
from engine.errors import RunRefused
from engine.faults import Fault, has_error
from engine.project.folder import Project, find_project

FORMATS = ("human", "json", "github", "sarif")


@harmony_command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="human (default), json, github for annotations, sarif for code scanning.",
)
def command(frame: Frame, paths: Sequence[Path], form: str | None) -> int:
    """Report every fault of blueprints, capabilities, runbooks, cases and settings, in one go.

    A PATH is a file or folder of the project; without one it is all of it. Exit status 2 where
    there is an error; warnings alone are 0.
    """
    from engine.validation.check import check

    project = _project(frame, paths)
    for path in paths:
        _refuse_outside(path, project.folder)
    faults = check(project, paths or None)
    form = form or ("json" if frame.json else "human")
    if form == "human":
        _human(faults, project.folder)
    else:
        _for_programs(frame, faults, form, _prefix(project.folder))
    return 2 if has_error(faults) else 0


def _project(frame: Frame, paths: Sequence[Path]) -> Project:
    """That of --project or the working folder, else the one that the first path lies in."""
    try:
        return frame.project
    except RunRefused:
        if frame.project_option is not None or not paths or not paths[0].exists():
            raise
        return Project(find_project(paths[0].absolute().parent), env_file=frame.env_option)


def _refuse_outside(path: Path, folder: Path) -> None:
    if path.exists() and not path.is_symlink() and not path.resolve().is_relative_to(folder):
        raise RunRefused(f"'{path}' is outside the project {folder}; use --project")


def _human(faults: Sequence[Fault], folder: Path) -> None:
    from engine.validation.fault_excerpts import as_human
    from engine.validation.fault_reports import in_words

    if faults:
        output.result(as_human(faults, folder, paint) + "\n")
    output.say(f"{in_words(faults)}.")


def _for_programs(frame: Frame, faults: Sequence[Fault], form: str, prefix: str) -> None:
    from engine.validation import fault_reports

    if form == "json":
        output.document(frame, document(faults))
    elif form == "sarif":
        log = fault_reports.as_sarif(faults, VERSION, prefix)
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
