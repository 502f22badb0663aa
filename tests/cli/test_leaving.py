"""What else shares the process writes to its stdout, and only Harmony's words come out there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.canned import PROJECT

NOISY = """
import os, sys
from engine.cli.main import main
from engine.errors import ServiceUnavailable
from engine.temporal import connection

async def connect(*_, **__):
    os.write(1, b"WARN temporalio_sdk_core: as the SDK's core writes it\\n")
    raise ServiceUnavailable("away")

connection.connect = connect
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "words",
    [["doctor"], ["list"], ["status", "x"], ["start", "flow.sequence"], ["run", "flow.sequence"]],
    ids=lambda words: words[0],
)
def test_json_on_stdout_is_harmonys_alone(words: list[str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOISY, "--project", PROJECT, *words, "--json"],
        env={**os.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1", "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 4, ran.stderr
    assert isinstance(json.loads(ran.stdout), dict)
    assert "WARN temporalio_sdk_core" in ran.stderr
