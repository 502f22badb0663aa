"""The program of golden.operations.runme-runner, called as runners call it.

The cases under tests/runbooks/program hold for its own executor and for the program `runme`. Where
there is none, they run with a stand-in for it (tests/runbooks/runme_stand_in.py), which shows that
the program is called and understood as it was seen to behave, not that Runme still behaves so.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.language.runbook_reader import read_runbook

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "capabilities/operations/runme-runner"
DATA = Path(__file__).parent / "runbooks"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted((DATA / "program").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text())
]
EXECUTORS = ("own", "stand-in for runme", *(["runme"] if shutil.which("runme") else []))
SECONDS = 30


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def environment(executor: str, tmp_path: Path) -> dict[str, str]:
    """As a runner gives it, and with `runme` on the PATH for all but the own executor."""
    programs = tmp_path / "bin"
    programs.mkdir()
    path = [str(programs), str(Path(sys.executable).parent), os.defpath]
    if executor == "runme":
        path.append(str(Path(str(shutil.which("runme"))).parent))
    elif executor == "stand-in for runme":
        stand_in = programs / "runme"
        text = (DATA / "runme_stand_in.py").read_text()
        stand_in.write_text(f"#!{sys.executable}\n{text}")
        stand_in.chmod(0o755)
    private = tmp_path / "private"
    secrets = tmp_path / "secrets"
    private.mkdir()
    secrets.mkdir()
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(private),
        "TMPDIR": str(private),
        "LANG": "C.UTF-8",
        "OCS_SECRETS_DIR": str(secrets),
    }


def start(document: str, environment: dict[str, str], **given: Any) -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "main.py"],
        cwd=FOLDER,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdin
    json.dump({"input": {"runbook": "case", "document": document, **given}}, program.stdin)
    program.stdin.close()
    program.stdin = None
    return program


def call(document: str, environment: dict[str, str], **given: Any) -> dict[str, Any]:
    with start(document, environment, **given) as program:
        stdout, stderr = program.communicate(timeout=SECONDS)
    answer: dict[str, Any] = json.loads(stdout)
    assert program.returncode == int("error" in answer), stderr
    return answer


def assert_like(expected: Any, actual: Any, where: str = "") -> None:
    """`actual` holds what is expected; an object may have more fields."""
    if isinstance(expected, dict) and "atMost" in expected:
        assert len(actual["stdout"]) <= expected["atMost"]
        assert actual["stdout"].startswith(expected.get("begins", ""))
        assert actual["stdout"].endswith(expected.get("ends", ""))
        assert actual["truncated"] is expected["truncated"]
    elif isinstance(expected, dict):
        for key, value in expected.items():
            assert_like(value, actual[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(actual), where
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            assert_like(one, other, f"{where}[{index}]")
    elif where.endswith(".message"):
        assert expected in actual
    else:
        assert expected == actual, where


def running(mark: str) -> list[str]:
    """The commands of all processes that name `mark`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in command:
            found.append(command)
    return found


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not come"
        os.sched_yield()


@pytest.mark.parametrize("case", CASES)
def test_cases(case: dict[str, Any], executor: str, environment: dict[str, str]) -> None:
    before = time.monotonic()
    answer = call(case["document"], environment, **case.get("input", {}))
    assert_like({"error": case["error"]} if "error" in case else case["output"], answer)
    assert time.monotonic() - before < case.get("seconds", SECONDS)
    if "error" not in answer and case.get("input", {}).get("operation") != "describe":
        assert answer["executor"] == ("own" if executor == "own" else "runme")
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


@pytest.mark.parametrize("case", CASES)
def test_engine_and_program_read_the_same_blocks(case: dict[str, Any]) -> None:
    read = read_runbook(case["document"].encode(), "case", "runbooks/case.md")
    answer = call(case["document"], dict(os.environ), operation="describe")
    if "error" in answer:
        if answer["error"]["code"] == "INVALID_RUNBOOK":
            assert not read.healthy
        return
    assert [block["name"] for block in answer["blocks"]] == [
        block.name for block in read.blocks if not block.excluded
    ]
    assert [block["language"] for block in answer["blocks"]] == [
        block.language for block in read.blocks if not block.excluded
    ]


def test_sigterm_ends_all_that_was_started(environment: dict[str, str], tmp_path: Path) -> None:
    mark = f"86{os.getpid()}"
    document = f"""
```sh {{name=one interactive=false}}
sleep {mark} &
(setsid sleep {mark} &)
(trap '' TERM; exec sleep {mark}) &
: > {tmp_path}/started
sleep {mark}
```
"""
    with start(document, environment) as program:
        wait_for(tmp_path / "started")
        program.send_signal(signal.SIGTERM)
        assert program.wait(SECONDS) == 143
    assert running(f"sleep {mark}") == []
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_a_time_out_ends_what_does_not_want_to(environment: dict[str, str]) -> None:
    mark = f"87{os.getpid()}"
    document = f"""
```sh {{name=one interactive=false}}
trap '' TERM
(setsid sleep {mark} &)
while true; do sleep {mark}; done
```
"""
    answer = call(document, environment, blockTimeoutSeconds=0.3)
    assert answer["error"]["code"] == "BLOCK_TIMED_OUT"
    assert running(f"sleep {mark}") == []


def test_a_kubeconfig_is_found_through_its_variable(environment: dict[str, str]) -> None:
    Path(environment["OCS_SECRETS_DIR"], "kubeconfig").write_text("apiVersion: v1\n")
    document = '```sh {name=one interactive=false}\ncat "$KUBECONFIG"\n```\n'
    assert call(document, environment)["blocks"][0]["stdout"] == "apiVersion: v1\n"


def test_many_chatty_blocks_fit_into_a_steps_output(environment: dict[str, str]) -> None:
    shout = "head -c 100000 /dev/zero | tr '\\0' '\\1'"
    fences = [
        f"```sh {{name=b{number} interactive=false}}\n{shout}; {shout} >&2\n```\n"
        for number in range(40)
    ]
    answer = call("\n".join(fences), environment)
    assert len(answer["blocks"]) == 40
    assert len(json.dumps(answer)) < 1_048_576
    failed = call(
        "\n".join([*fences, "```sh {name=last interactive=false}\nfalse\n```\n"]), environment
    )
    assert len(failed["error"]["details"]["blocks"]) == 41
    assert len(json.dumps(failed["error"]["details"])) < 65_536
