"""Completion, in a real bash."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT, Harmony

_ASK = """
source <(harmony completion bash)
COMP_WORDS=({words} "$1")
COMP_CWORD={number}
_harmony_completion harmony
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def _complete(tmp_path: Path, words: str, begun: str) -> list[str]:
    program = tmp_path / "harmony"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m engine.cli.main "$@"\n')
    program.chmod(0o755)
    script = _ASK.format(words=words, number=len(words.split()))
    ran = subprocess.run(
        ["bash", "-c", script, "-", begun],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
             "PYTHONPATH": str(PROJECT.parents[1])},
        capture_output=True, text=True, timeout=60, cwd=PROJECT, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.parametrize(
    ("words", "begun", "found"),
    [
        ("harmony", "val", ["validate"]),
        ("harmony graph", "test.h", ["test.hello"]),
        ("harmony capability show", "golden.test.e", ["golden.test.echo"]),
        ("harmony runbook run", "s", ["say"]),
        ("harmony schema", "bl", ["blueprint"]),
        ("harmony graph test.hello --format", "m", ["mermaid"]),
    ],
)
def test_bash_completes(tmp_path: Path, words: str, begun: str, found: list[str]) -> None:
    assert _complete(tmp_path, words, begun) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(harmony: Harmony, shell: str) -> None:
    ran = harmony("completion", shell)
    assert ran.status == 0
    assert f"_HARMONY_COMPLETE={shell}_complete" in ran.out
