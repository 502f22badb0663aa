"""A stand-in for the program `runme`, which cannot be had here: not Runme, but what was seen of it.

It behaves as Runme 3.16 and 3.17 did when they were built and run: `runme run --filename ABS.md
NAME` runs one block; it ends with 0 or 1 alone, and the block's own exit code is in the last line
of stderr. The front matter's `shell`, else $SHELL, runs sh, bash and zsh; other languages run from
a script in the block's folder. It shares no code with the capability.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

INTERPRETERS = {"python": "python3", "js": "node", "javascript": "node", "perl": "perl"}


def main(arguments: list[str]) -> int:
    assert arguments[:2] == ["run", "--filename"], arguments
    assert arguments[3:5] == ["--direnv=false", "--load-env=false"], arguments
    assert os.environ["DO_NOT_TRACK"] == "true"
    assert not [name for name in os.environ if name.startswith("RUNME_")]
    document, name = Path(arguments[2]), arguments[5]
    assert document.is_absolute()
    # Each run of Runme leaves the whole environment in TMPDIR.
    Path(os.environ["TMPDIR"], "env").write_text(repr(dict(os.environ)))
    _, front, body = document.read_text().split("---\n", 2)
    head = yaml.safe_load(front)
    for fence in re.finditer(r"^(`{3,})(\S+) \{(.*?)\}\n(.*?)^\1$", body, re.DOTALL | re.MULTILINE):
        attributes = dict(pair.split("=", 1) for pair in fence[3].split())
        if attributes["name"] == name:
            assert attributes["interactive"] == "false"
            return run(name, fence[2], fence[4], head, attributes, document.parent)
    sys.stderr.write(f'unable to find any script named "{name}"\n')
    return 1


def run(
    name: str, language: str, code: str, head: dict[str, str], attributes: dict[str, str], at: Path
) -> int:
    cwd = at / head["cwd"]
    if program := attributes.get("interpreter") or INTERPRETERS.get(language):
        with tempfile.NamedTemporaryFile("w", dir=cwd, suffix=".script", delete=False) as script:
            script.write(code)
        command = [INTERPRETERS.get(program, program), script.name]
    else:
        shell = head.get("shell") or os.environ["SHELL"]
        setting = "set -e\n" if shell.endswith("/sh") else "set -e -o pipefail\n"
        command = [shell, "-c", setting + code]
    code_of_block = subprocess.run(command, cwd=cwd, check=False).returncode
    if code_of_block:
        said = (
            f'could not execute command: failed to run command "{name}": exit code: {code_of_block}'
        )
        sys.stderr.write(said + "\n")
    return int(code_of_block != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
