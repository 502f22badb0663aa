"""The first moments of the program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("harmony")
SLOW = """
import sys, time
print("importing", file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_ctrl_c_while_python_imports_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(SLOW)
    with subprocess.Popen(
        [PROGRAM, "list"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as begun:
        assert begun.stderr is not None
        assert begun.stderr.readline() == "importing\n"
        begun.send_signal(signal.SIGINT)
        assert begun.wait(30) == -signal.SIGINT
        assert begun.stderr.read() == ""
