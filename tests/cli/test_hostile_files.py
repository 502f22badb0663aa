"""Files that mean harm, given to the program: one clear fault, soon, and in little memory."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.language.loader import MAX_FILE_BYTES
from tests.canned import PROJECT

ROOT = Path(__file__).parents[2]
HEAD = b"blueprint: hostile\nversion: 1.0.0\ntitle: T\nowner: o\n"
STEPS = b"steps: [{id: a, set: {x: 1}}]\n"
SECONDS, MEGABYTES = 2, 300

TENFOLD = [b"x%d: &x%d [%s]\n" % (n, n, b", ".join([b"*x%d" % (n - 1)] * 10)) for n in range(1, 12)]


def with_inputs(schema: object) -> bytes:
    return HEAD + b"inputs: " + json.dumps(schema).encode() + b"\n" + STEPS


def with_template(text: str) -> bytes:
    return HEAD + b"steps: [{id: a, set: {x: " + json.dumps(text).encode() + b"}}]\n"


ENDLESS = "{% for i in range(90000) %}{% for j in range(90000) %}x{% endfor %}{% endfor %}"
ALMOST_TOO_LARGE = HEAD + b"steps: [" + b"{}," * ((MAX_FILE_BYTES - 100) // 3) + b"]"

FILES = {
    "alias-bomb": HEAD + b"x0: &x0 [a]\n" + b"".join(TENFOLD) + STEPS,
    "ten-megabytes": HEAD + STEPS + b"# " + b"x" * 10_000_000,
    "almost-too-large": ALMOST_TOO_LARGE,
    "deep-lists": HEAD + b"steps: " + b"[" * 100_000,
    "deep-maps": HEAD + b"steps: " + b"{a: " * 100_000,
    "nul": HEAD + STEPS + b"description: a\0b\n",
    "utf-16": (HEAD + STEPS).decode().encode("utf-16"),
    "latin-1": HEAD + STEPS + b"description: caf\xe9\n",
    "python-tag": HEAD + b"steps: !!python/object/apply:os.system [id]\n",
    "reference-to-a-file": with_inputs({"$ref": "file:///etc/passwd"}),
    "reference-to-the-web": with_inputs({"$ref": "http://127.0.0.1:1/schema"}),
    "pattern-that-explodes": with_inputs(
        {"properties": {"a": {"pattern": "^(a+)+$", "default": "a" * 40 + "!"}}}
    ),
    "choices-that-multiply": with_inputs({"anyOf": [{"enum": [[n]]} for n in range(20_000)]}),
    "escape": with_template("{{ ().__class__.__mro__[1].__subclasses__() }}"),
    "endless-loop": with_template(ENDLESS),
    "giant-text": with_template("{{ 'x' * 10 ** 10 }}"),
    "giant-number": with_template("{{ 9 ** 9 ** 9 }}"),
}


@pytest.mark.parametrize("name", FILES)
def test_one_clear_fault_in_little_time_and_memory(name: str, project: Path) -> None:
    (project / "blueprints" / "hostile.yaml").write_bytes(FILES[name])
    told = measured("validate", "--format", "json", at=project)
    assert told["seconds"] < SECONDS
    assert told["megabytes"] < MEGABYTES
    assert told["status"] == 2, told["err"]
    assert "Traceback" not in told["err"]
    faults = json.loads(told["out"])["faults"]
    assert faults
    assert all(fault["message"] and len(fault["message"]) < 500 for fault in faults)


def measured(*arguments: str, at: Path) -> Any:
    """What `harmony` gave and took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.measured", "--project", str(at), *arguments],
        check=True, capture_output=True, timeout=100, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize(
    "closed", ["blueprints", "capabilities", "capabilities/test", "capabilities/test/echo"]
)
def test_a_folder_that_may_not_be_read_is_a_fault(closed: str, mode: int, project: Path) -> None:
    folder = shutil.copytree(PROJECT, project / "copy") / closed
    folder.chmod(mode)
    try:
        told = as_a_user("validate", "--format", "json", at=project / "copy")
    finally:
        folder.chmod(0o755)
    assert told.returncode == 2, told.stderr
    unread = [f for f in json.loads(told.stdout)["faults"] if f["code"] == "FILE_UNREADABLE"]
    assert closed in {fault["file"] for fault in unread}


def as_a_user(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    """What `harmony` says where permissions count: root is held to them without two abilities."""
    able = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [sys.executable, "-m", "engine.cli.main", "--project", str(at), *arguments]
    return subprocess.run(
        [*(() if os.geteuid() else able), *command],
        check=False, capture_output=True, timeout=100, cwd=ROOT, text=True,
    )  # fmt: skip
