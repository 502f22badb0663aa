"""What the Dagger module starts in its container, started here: no engine is needed for it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from harmony import main

ROOT = Path(__file__).parent.parent.parent
INSIDE = Path(main.__file__).with_name("inside.py")
LIMIT = 60.0
RECLAIM = ("-i", "runbook=reclaim-space", "--severity", "P2", "--as", "alice")
SHOWN = ("--runner", "process", "--json")


async def inside(state: Path, *words: str) -> tuple[int, str, str]:
    """Its exit status, stdout and stderr."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, INSIDE, *words, cwd=ROOT,
        env={"PATH": path, "HOME": str(state), "XDG_STATE_HOME": str(state), "LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("answer", "status", "kept"),
    [("approve:bob", 0, False), ("reject:bob:it is: not old", 3, True)],
)
async def test_a_gate_is_answered_when_it_opens(
    tmp_path: Path, answer: str, status: int, kept: bool
) -> None:
    """And the exit status is that of the run."""
    folder = tmp_path / "logs"
    folder.mkdir()
    old = folder / "a.gz"
    old.write_text("x")
    os.utime(old, (0, 0))
    parameters = json.dumps({"FOLDER": str(folder), "PATTERN": "*.gz"})
    command = (
        "harmony",
        "run",
        "runbook.execute",
        *RECLAIM,
        *SHOWN,
        "-i",
        f"parameters={parameters}",
    )
    told = ("--run", "r1", "--answer", f"ask={answer}")
    ended, out, err = await inside(tmp_path, *told, "--", *command, "--id", "r1")
    assert ended == status, err
    assert json.loads(out)["run"] == "r1"
    assert old.exists() == kept


async def test_a_command_without_answers_says_and_ends_as_itself(tmp_path: Path) -> None:
    """Nothing is added to what it writes."""
    ended, out, err = await inside(tmp_path, "--", "harmony", "plan", "no.such")
    assert (ended, out) == (2, "")
    assert err.startswith("harmony: there is no blueprint 'no.such'")


async def test_variables_come_from_a_file(tmp_path: Path) -> None:
    """Quotes and equals signs in a value are kept; comments are not read."""
    file = tmp_path / "variables"
    file.write_text('# comment\n\nHARMONY_A=a=b "c"\nHARMONY_B=\n')
    told = "import os; print(os.environ['HARMONY_A'], repr(os.environ['HARMONY_B']))"
    ended, out, _ = await inside(tmp_path, "--env", str(file), "--", sys.executable, "-c", told)
    assert (ended, out) == (0, "a=b \"c\" ''\n")


@pytest.mark.parametrize("answer", ["ask", "ask=maybe:bob", "ask=approve", "=approve:bob"])
async def test_an_answer_that_cannot_be_read_starts_nothing(tmp_path: Path, answer: str) -> None:
    """And says how one is written."""
    ended, out, err = await inside(tmp_path, "--answer", answer, "--", "echo", "started")
    assert (ended, out) == (2, "")
    assert f"'{answer}' is not GATE=approve|reject:NAME[:WHY]" in err


async def test_a_line_that_is_no_variable_is_refused_without_showing_it(tmp_path: Path) -> None:
    """It may be a secret."""
    file = tmp_path / "variables"
    file.write_text("hunter2\n")
    ended, out, err = await inside(tmp_path, "--env", str(file), "--", "echo", "started")
    assert (ended, out) == (1, "")
    assert "1 line(s) that are not NAME=value" in err
    assert "hunter2" not in err
