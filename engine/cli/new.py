"""`harmony new`: skeletons that validate clean and whose cases pass."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

from engine.cli import output
from engine.cli.arguments import system_user
from engine.cli.frame import Frame, harmony_command, harmony_group
from engine.errors import RunRefused
from engine.project.policy import APPROVE, Policy

_WORD = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_LATER_WORD = "[a-z0-9]+(?:-[a-z0-9]+)*"
_BLUEPRINT = re.compile(rf"{_WORD}(?:\.{_LATER_WORD})*", re.ASCII)
_CAPABILITY = re.compile(rf"(?:golden\.)?(?!golden\.)({_WORD})\.({_WORD})", re.ASCII)
_RUNBOOK = re.compile(_WORD, re.ASCII)
_LONGEST = 100
_owner = click.option(
    "--owner", metavar="TEAM", default="sre", show_default=True, help="The owning team."
)


@harmony_command("blueprint")
@click.argument("name")
@_owner
def blueprint_command(frame: Frame, name: str, owner: str) -> None:
    """A blueprint with a gate, and its cases: blueprints/NAME.yaml."""
    _checked(_BLUEPRINT, name, "a blueprint's id is dotted lower-case words, like disk.relieve")
    words = {**_words(name, owner), "APPROVER": _approver(frame.project.policy)}
    folder = frame.project.folder / "blueprints"
    _write(frame, words, {
        folder / f"{name}.yaml": "blueprint.yaml",
        folder / "cases" / f"{name}.yaml": "blueprint_cases.yaml",
    }, [f"harmony graph {name}", f"harmony test blueprints/{name}.yaml"])  # fmt: skip


@harmony_command("capability")
@click.argument("name")
@_owner
def capability_command(frame: Frame, name: str, owner: str) -> None:
    """A capability in Python, and its cases: capabilities/DOMAIN/NAME/.

    It runs in the project's image `python`, else in one of its own.

    NAME is DOMAIN.NAME, like connectors.ticket; `golden.` may stand before it.
    """
    match = _checked(
        _CAPABILITY, name, "a capability's name is DOMAIN.NAME, like connectors.ticket"
    )
    domain, last = match.groups()
    shared = (frame.project.containers / "python" / "Containerfile").is_file()
    image = "python" if shared else "."
    words = {**_words(last, owner), "DOMAIN": domain, "NAME": last, "IMAGE": image}
    folder = frame.project.folder / "capabilities" / domain / last
    wanted = {
        folder / "capability.yaml": "capability.yaml",
        folder / "main.py": "capability_main.py.txt",
        folder / "cases" / f"{last}.yaml": "capability_cases.yaml",
    }
    if not shared:
        wanted[folder / "Containerfile"] = "containerfile.txt"
    _write(frame, words, wanted, [f"harmony capability run golden.{domain}.{last} -i name=Ada",
        f"harmony test capabilities/{domain}/{last}"])  # fmt: skip


@harmony_command("runbook")
@click.argument("name")
@_owner
def runbook_command(frame: Frame, name: str, owner: str) -> None:
    """A runbook with two blocks that run anywhere: runbooks/NAME.md."""
    _checked(_RUNBOOK, name, "a runbook's name is lower-case words with hyphens, like disk-report")
    path = frame.project.folder / "runbooks" / f"{name}.md"
    _write(frame, _words(name, owner), {path: "runbook.md"}, [f"harmony runbook run {name}"])


command = harmony_group(
    "new", blueprint_command, capability_command, runbook_command,
    help="Write a working skeleton with a passing case.",
)  # fmt: skip


def _checked(pattern: re.Pattern[str], name: str, rule: str) -> re.Match[str]:
    match = pattern.fullmatch(name) if len(name) <= _LONGEST else None
    if match is None:
        raise RunRefused(f"'{name[:_LONGEST]}' is no name here: {rule}")
    return match


def _words(name: str, owner: str) -> dict[str, str]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]*", owner):
        raise RunRefused(f"'{owner[:_LONGEST]}' is no team's name: use letters, digits, . _ -")
    title = " ".join(re.split(r"[.-]", name)).capitalize()
    return {"ID": name, "TITLE": title, "OWNER": owner}


def _approver(policy: Policy) -> str:
    """A role of the policy that may approve, else the usual one."""
    able = [name for name, role in policy.roles.items() if APPROVE in role.scopes]
    return next(iter((*able, *policy.roles)), "incident-approver")


def _write(
    frame: Frame, words: Mapping[str, str], wanted: Mapping[Path, str], then: list[str]
) -> None:
    """Write all of them, or none where one is there."""
    root = frame.project.folder
    for path in wanted:
        if path.exists() or path.is_symlink():
            raise RunRefused(f"{path.relative_to(root)} is there already; nothing was written")
        if not _inside(path, root):
            raise RunRefused(f"{path.parent.relative_to(root)} leads out of the project")
    for path, skeleton in wanted.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(_filled(skeleton, words))
        except OSError as error:
            why = error.strerror or str(error)
            raise RunRefused(
                f"{path.relative_to(root)} cannot be written by {system_user()}: {why}"
            ) from error
    _told(frame, [str(path.relative_to(root)) for path in wanted], then)


def _inside(path: Path, root: Path) -> bool:
    existing = next(folder for folder in path.parents if folder.exists())
    return existing.resolve().is_relative_to(root)


def _filled(skeleton: str, words: Mapping[str, str]) -> str:
    text = files("engine.cli.skeletons").joinpath(skeleton).read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"@@{name}@@", value)
    return text


def _told(frame: Frame, written: list[str], then: list[str]) -> None:
    if frame.json:
        output.document(frame, {"written": written, "next": then})
        return
    for name in written:
        output.result(name)
    output.say("Try it:")
    for line in then:
        output.say(f"  {line}")
