"""Evaluates every hostile template in a process of its own, and tells what came of it as JSON."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from engine.errors import ExpressionFailed
from engine.expressions import evaluate

CASES = yaml.safe_load((Path(__file__).parent / "hostile.yaml").read_text())


def text_of(case: dict[str, Any]) -> str:
    """The template, put together where it is too long to be written down."""
    if "repeat" in case:
        before, part, times, after = case["repeat"]
        return f"{before}{part * times}{after}"
    return str(case["text"])


def names() -> dict[str, Any]:
    """Data that makes a harmless template costly."""
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    rows = [{"a": n, "b": f"n{n}", "c": {"d": [n]}} for n in range(100_000)]
    return {
        "inputs": {"big": "x" * 1_000_000, "many": list(range(100_000)), "rows": rows, "deep": deep}
    }


def main() -> None:
    """One line a case, then the most memory that was used, in MB."""
    known = names()
    for case in CASES["cases"]:
        started = time.process_time()
        try:
            said = {"gives": evaluate(text_of(case), known)}
        except ExpressionFailed as failure:
            said = {"fails": str(failure)}
        seconds = time.process_time() - started
        sys.stdout.write(json.dumps({**said, "seconds": seconds}) + "\n")
    # Not ru_maxrss: that begins with what the process had before it became this program.
    status = Path("/proc/self/status").read_text()
    used = int(status.split("VmHWM:")[1].split()[0]) / 1024
    sys.stdout.write(json.dumps({"megabytes": used}) + "\n")


if __name__ == "__main__":
    main()
