"""`make bench`: every benchmark, or those named, as a table and as JSON in benchmarks/results/."""

import asyncio
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Figure

BENCHMARKS = (
    "compile",
    "process_runner",
    "dagger_runner",
    "image_build",
    "cold_start",
    "hand_written",
    "sequential_step",
    "replay",
    "growth",
    "incidents",
)
RESULTS = Path(__file__).parent / "results"


async def collect(names: list[str]) -> list[Figure]:
    """The figures of each benchmark, one after the other: the machine serves one at a time."""
    figures: list[Figure] = []
    for name in names:
        print(f"benchmarks.{name} …", file=sys.stderr, flush=True)
        figures += await importlib.import_module(f"benchmarks.{name}").figures()
    return figures


def show(figures: list[Figure]) -> None:
    """The table for people."""
    table = Table("figure", "value", "at most", "", "detail")
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        mark = "" if figure.limit is None else ("ok" if figure.reached else "OVER")
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}", limit, mark, figure.detail)
    Console(width=140).print(table)


def keep(figures: list[Figure]) -> Path:
    """The same as JSON, in a file of its own, with how busy the machine was."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    rows = [
        {"name": f.name, "value": f.value, "unit": f.unit, "limit": f.limit, "reached": f.reached,
         "detail": f.detail}
        for f in figures
    ]  # fmt: skip
    machine = {
        "python": platform.python_version(), "machine": platform.platform(),
        "cpus": os.cpu_count(), "load": [round(load, 1) for load in os.getloadavg()],
    }  # fmt: skip
    file.write_text(json.dumps({**machine, "figures": rows}, indent=2) + "\n")
    return file


def main() -> int:
    """0 where every figure is within its limit, else 1."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    figures = asyncio.run(collect(names))
    show(figures)
    print(keep(figures), file=sys.stderr)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
