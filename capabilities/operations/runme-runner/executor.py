"""Runs one block: with the `runme` program where it is found, else by itself."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import processes
from document import INTERPRETERS, SHELLS, Block, Runbook
from failure import Failed

_SETTINGS = {"bash": ("-e", "-o", "pipefail"), "zsh": ("-e", "-o", "pipefail")}
_RUNME_SAYS = re.compile(
    rb"(?:\A|\n)could not execute command: failed to run command \"[^\n]*\": exit code: (\d+)\s*\Z"
)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and with what the blocks run."""

    runbook: Runbook
    folder: Path
    """The work folder; nothing of the document's choosing lies outside."""
    environment: Mapping[str, str]
    shell: str
    runme: str | None
    """The `runme` program, or None for the own executor."""
    limit: int
    """Bytes kept of each stream."""


def shell_of(runbook: Runbook) -> str:
    """The program for shell blocks: what the front matter names, else bash, else sh."""
    for name in (runbook.shell,) if runbook.shell else ("bash", "sh"):
        if path := shutil.which(name):
            return path
    raise Failed("INTERPRETER_NOT_FOUND", f"{runbook.shell or 'sh'} is not installed here")


def run(bench: Bench, block: Block, timeout: float | None) -> processes.Ended:
    """Run a block to its end or the time-out (seconds)."""
    cwd = _place(bench, block)
    suffix, command = _command(bench, block)
    with tempfile.TemporaryDirectory() as private:
        if bench.runme:
            return _run_with_runme(bench, block, timeout, Path(private))
        script = (cwd if suffix else Path(private)) / f".block-{os.getpid()}{suffix}"
        script.write_text(block.code)
        try:
            ended = processes.run(
                [*command, str(script)], cwd=cwd, environment=bench.environment,
                timeout=timeout, limit=bench.limit,
            )  # fmt: skip
        finally:
            script.unlink(missing_ok=True)
    told = ended.stderr.replace(str(script).encode(), block.name.encode())
    return replace(ended, stderr=told)


def _place(bench: Bench, block: Block) -> Path:
    place = bench.folder
    for part in (bench.runbook.cwd, block.cwd):
        place = (place / part).resolve()
        if not place.is_relative_to(bench.folder):
            raise Failed(
                "INVALID_RUNBOOK",
                f"block {block.name}: cwd '{part[:100]}' is outside the work folder",
            )
    place.mkdir(parents=True, exist_ok=True)
    return place


def _command(bench: Bench, block: Block) -> tuple[str, list[str]]:
    """The script's suffix (none for a shell), and the program with its options."""
    wanted = block.interpreter or block.language
    if wanted in INTERPRETERS:
        program = shutil.which(INTERPRETERS[wanted])
    elif block.interpreter in SHELLS:
        program = shutil.which(block.interpreter)
    else:
        program = bench.shell
    if program is None:
        raise Failed("INTERPRETER_NOT_FOUND", f"block {block.name}: {wanted} is not installed here")
    if wanted in INTERPRETERS:
        return {"node": ".js"}.get(INTERPRETERS[wanted], f".{wanted}"), [program]
    return "", [program, *_SETTINGS.get(Path(program).name, ("-e",))]


def _run_with_runme(
    bench: Bench, block: Block, timeout: float | None, private: Path
) -> processes.Ended:
    """Runme is shown only what was checked: one block, its folder, its shell."""
    shown = bench.folder / f".runbook-{os.getpid()}.md"
    shown.write_text(_rendered(bench, block))
    options = ("--direnv=false", "--load-env=false")
    environment = {
        **bench.environment, "SHELL": bench.shell, "TMPDIR": str(private), "DO_NOT_TRACK": "true",
    }  # fmt: skip
    try:
        ended = processes.run(
            [str(bench.runme), "run", "--filename", str(shown), *options, block.name],
            cwd=bench.folder, environment=environment, timeout=timeout, limit=bench.limit,
        )  # fmt: skip
    finally:
        shown.unlink(missing_ok=True)
    said = _RUNME_SAYS.search(ended.stderr) if ended.exit_code == 1 else None
    if said is None:
        return ended
    kept = ended.stderr[: said.start()]
    return replace(ended, exit_code=int(said[1]), stderr=kept + b"\n" if kept else b"")


def _rendered(bench: Bench, block: Block) -> str:
    """A document that holds this block alone."""
    ticks = max((len(run) for run in re.findall("`+", block.code)), default=0)
    fence = "`" * max(3, ticks + 1)
    attributes = f"name={block.name} interactive=false"
    if block.interpreter:
        attributes += f" interpreter={block.interpreter}"
    place = _place(bench, block).relative_to(bench.folder)
    head = f"---\nshell: {bench.shell}\ncwd: {str(place)!r}\n---\n\n"
    return f"{head}{fence}{block.language} {{{attributes}}}\n{block.code}{fence}\n"
