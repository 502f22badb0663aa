"""What `harmony validate` looks for in a runbook, besides the mapping under `harmony:`."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from engine.language import block_checks, runbook_parser
from engine.language.document import Path
from engine.language.reading import Reading
from engine.language.runbook import SHELLS, Block, reserved
from engine.plan import Json

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check(reading: Reading, body: str, first_line: int) -> tuple[Block, ...]:
    """The blocks of a runbook that run; `reading`, of its front matter, collects the faults."""
    root: Mapping[str, Json] = reading.document.value if reading.document.readable else {}
    parameters = _declared(root)
    _for_runme(reading, root)
    _parameters(reading, parameters)
    found = runbook_parser.fences(body, first_line)
    if not found:
        hint = "Add a fence such as ```sh {name=look interactive=false}."
        reading.fault("RUNBOOK_EMPTY", "no block of this runbook runs", (), hint=hint)
    reading.faults += block_checks.faults(found, reading.document.file, parameters)
    return tuple(block for block in found if block.runs)


def _for_runme(reading: Reading, root: Mapping[str, Json]) -> None:
    """`shell` and `cwd`, which Runme reads itself."""
    if "shell" in root:
        shell = root["shell"]
        plain = PurePosixPath(shell).name if isinstance(shell, str) else shell
        known = (plain, f"/bin/{plain}", f"/usr/bin/{plain}")
        reading.choice(plain if shell in known else shell, ("shell",), SHELLS)
    cwd = root.get("cwd", "")
    if not isinstance(cwd, str):
        reading.wrong_type(cwd, ("cwd",), "text")
    elif block_checks.leaves(cwd):
        message = f"cwd '{cwd[:60]}' is outside of the runbook's folder"
        reading.fault("RUNBOOK_CWD", message, ("cwd",), hint="It is refused when the runbook runs.")


def _parameters(reading: Reading, names: Mapping[str, Json]) -> None:
    """Parameters become environment variables, of which some mean something to programs."""
    for name in names:
        path: Path = ("harmony", "parameters", "properties", name)
        if not _VARIABLE.fullmatch(name):
            message = f"'{name[:60]}' is not the name of an environment variable"
            reading.fault("ID", message, path, key=True, hint="Write it like DAYS.")
        elif reserved(name):
            message = f"'{name[:60]}' means something to the programs that run"
            reading.fault("ID", message, path, key=True, hint="Take another name.")


def _declared(root: Mapping[str, Json]) -> Mapping[str, Json]:
    place: Json = root
    for key in ("harmony", "parameters", "properties"):
        place = place.get(key) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else {}
