"""`make demo-runbook` without a terminal, and what `make demo` is made of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_demo_runs_both_runbooks(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tools.runbook_demo"],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"── memory · exit code 0 · \d+ ms\nmemory +\d+ MiB", ended.stdout)
    assert "alice's answer does not count" in ended.stderr
    assert "5 files, " in ended.stdout
    assert re.search(r"Left in \S+: app\.log\n", ended.stdout)
    assert re.search(r"Temporal UI: http://127\.0\.0\.1:\d+/namespaces/default/\S+\n", ended.stdout)


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        (("demo",), ["runbook_demo", "demo"]),
        (("demo", "-j8"), ["runbook_demo", "demo"]),
        (("demo", "RUNNER=process"), ["runbook_demo", "demo --runner process"]),
        (("demo", "RUNNER=dagger", "GATE=20s"), ["demo --runner dagger --gate 20s"]),
    ],
)
def test_make_demo_plays_both(words: tuple[str, ...], modules: list[str]) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert re.findall(r"-m tools\.(.*\S)", shown.stdout) == modules
