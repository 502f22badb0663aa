"""Standard streams as callers leave them, in a process of its own."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import PROJECT


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `$h` is the program."""
    return subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "h": f"{sys.executable} -m engine.cli.main", **variables},
        capture_output=True, timeout=60, cwd=PROJECT, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("$h capability list >&-", 0),
        ("$h valdate >&- 2>&-", 2),
        ("$h plan test.hello -i @- <&-", 2),
        ("$h doctor >&-", 0),
    ],
)
def test_one_that_is_closed_is_no_error(line: str, status: int) -> None:
    ran = shell(line)
    assert ran.returncode == status, ran.stderr
    assert b"Traceback" not in ran.stderr
    assert b"bug" not in ran.stderr


@pytest.mark.parametrize("command", ["capability list", "capability list --json", "doctor"])
def test_what_cannot_be_written_is_said(command: str) -> None:
    ran = shell(f"$h {command} >/dev/full")
    assert ran.returncode == 1
    assert ran.stderr == (b"harmony: the result could not be written: No space left on device\n")


@pytest.mark.parametrize(("encoding", "shown"), [("latin-1", b"? hello"), ("utf-8", "●".encode())])
def test_any_encoding_will_do(encoding: str, shown: bytes) -> None:
    ran = shell("$h plan test.hello", PYTHONUTF8="0", PYTHONIOENCODING=encoding)
    assert ran.returncode == 0, ran.stderr
    assert shown in ran.stdout


def test_an_argument_that_is_no_text_is_refused() -> None:
    ran = shell("$h plan test.hello -i name=$'\\xff'")
    assert ran.returncode == 2
    assert b"is not UTF-8" in ran.stderr
