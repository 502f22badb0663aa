"""golden.operations.runme-runner: runs the blocks of a runbook, one at a time.

stdin: one JSON document with `input`. stdout: one JSON document, the output or `{"error": …}`.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import document
import executor
import parameters
import processes
from failure import Failed

OUTPUT_BYTES = 600_000
"""Of all blocks together, as JSON, so that a step's output stays below its limit of 1 MiB."""
DETAILS_BYTES = 40_000
"""Likewise where a block failed: the engine keeps 64 KiB of an error's details."""
STREAM_BYTES = 65_536
_TAIL = 500
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """The output for an input; Failed where there is none."""
    runbook = document.read(given["document"])
    chosen = _chosen(runbook, given.get("blocks"))
    head = {
        "runbook": given["runbook"],
        "title": runbook.title or given["runbook"],
        "owner": runbook.owner,
        "effect": runbook.effect,
        "parameters": runbook.parameters,
    }
    if given.get("operation") == "describe":
        if "env" in given:
            parameters.checked(runbook.parameters, given["env"])
        return {**head, "blocks": [_not_run(block) for block in chosen]}
    texts = parameters.checked(runbook.parameters, given.get("env") or {})
    return {**head, **_run(runbook, chosen, texts, given.get("blockTimeoutSeconds"))}


def _chosen(runbook: document.Runbook, names: list[str] | None) -> list[document.Block]:
    """The blocks named, in the order named; else all that are not excluded."""
    if names is None:
        chosen = [block for block in runbook.blocks if not block.excluded]
        if not chosen:
            raise Failed("INVALID_RUNBOOK", "the runbook has no block to run")
        return chosen
    known = {block.name: block for block in runbook.blocks}
    if unknown := [name for name in names if name not in known]:
        raise Failed(
            "UNKNOWN_BLOCK", f"no block named {', '.join(unknown)[:200]}; there are: "
            f"{', '.join(known)[:500] or 'none'}",
        )  # fmt: skip
    return [known[name] for name in names]


def _run(
    runbook: document.Runbook, chosen: list[document.Block], texts: dict[str, str],
    block_timeout: float | None,
) -> dict[str, Any]:  # fmt: skip
    processes.adopt_orphans()
    share = OUTPUT_BYTES // (2 * len(chosen))
    with tempfile.TemporaryDirectory(prefix="runbook-") as folder:
        shell = executor.shell_of(runbook)
        bench = executor.Bench(
            runbook=runbook,
            folder=Path(folder).resolve(),
            environment=parameters.environment(os.environ, texts) | _kubeconfig(),
            shell=shell,
            runme=shutil.which("runme"),
            limit=min(STREAM_BYTES, share),
        )
        report = _run_each(bench, chosen, share, block_timeout)
    return {"executor": "runme" if bench.runme else "own", "blocks": report}


def _run_each(
    bench: executor.Bench, chosen: list[document.Block], share: int, block_timeout: float | None
) -> list[dict[str, Any]]:
    total = _seconds(bench.runbook.timeout)
    deadline = None if total is None else time.monotonic() + total
    report = [_not_run(block) for block in chosen]
    for index, block in enumerate(chosen):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        limits = [limit for limit in (left, block_timeout) if limit is not None]
        ended = executor.run(bench, block, min(limits, default=None))
        report[index] = _ended(block, ended, share)
        _say(f"{block.name}: exit code {ended.exit_code} after {ended.milliseconds} ms")
        if ended.timed_out or ended.exit_code:
            raise _failure(report, index, ended)
    return report


def _not_run(block: document.Block) -> dict[str, Any]:
    return {"name": block.name, "language": block.language, "outcome": "not-run"}


def _ended(block: document.Block, ended: processes.Ended, share: int) -> dict[str, Any]:
    stdout, stderr = (_bounded(said, share) for said in (ended.stdout, ended.stderr))
    return {
        "name": block.name,
        "language": block.language,
        "outcome": "failed" if ended.timed_out or ended.exit_code else "succeeded",
        "exitCode": ended.exit_code,
        "stdout": stdout,
        "stderr": stderr,
        "milliseconds": ended.milliseconds,
        "truncated": ended.truncated
        or (stdout, stderr) != (_text(ended.stdout), _text(ended.stderr)),
    }


def _text(said: bytes) -> str:
    return said.decode(errors="replace")


def _bounded(said: bytes, share: int) -> str:
    """As text whose JSON is at most `share` bytes: control characters take six each."""
    text = _text(said)
    while len(json.dumps(text, ensure_ascii=False).encode()) > share:
        text = text[len(text) // 4 + 1 :]
    return text


def _failure(report: list[dict[str, Any]], index: int, ended: processes.Ended) -> Failed:
    """All that ran and did not run is in the details; the sentence holds the end of stderr."""
    name = report[index]["name"]
    said = _text(ended.stderr).strip() or _text(ended.stdout).strip() or "it said nothing"
    said = _end_of(said)
    details = {
        "blocks": [_shortened(block, DETAILS_BYTES // (2 * len(report))) for block in report]
    }
    if ended.timed_out:
        seconds = round(ended.milliseconds / 1000)
        longer = "raise `timeout` in the runbook's frontmatter where it needs longer"
        what = f"block {name} was ended after {seconds} s, {longer}; its last words: {said}"
        return Failed("BLOCK_TIMED_OUT", what, details)
    what = f"block {name} failed with exit code {ended.exit_code}: {said}"
    return Failed("BLOCK_FAILED", what, details)


def _end_of(said: str) -> str:
    """At most `_TAIL` characters, from the beginning of a word."""
    if len(said) <= _TAIL:
        return said
    return "… " + said[-_TAIL:].split(maxsplit=1)[-1]


def _shortened(block: dict[str, Any], share: int) -> dict[str, Any]:
    if block["outcome"] == "not-run":
        return block
    kept = {key: _bounded(block[key].encode(), share) for key in ("stdout", "stderr")}
    truncated = block["truncated"] or any(kept[key] != block[key] for key in kept)
    return {**block, **kept, "truncated": truncated}


def _kubeconfig() -> dict[str, str]:
    path = Path(os.environ.get("OCS_SECRETS_DIR", "/nonexistent")) / "kubeconfig"
    return {"KUBECONFIG": str(path)} if path.is_file() else {}


def _seconds(duration: str) -> float | None:
    """Of `1h30m`; None where none is given."""
    if not duration:
        return None
    match = document.DURATION.fullmatch(duration)
    if match is None:
        raise Failed("INVALID_RUNBOOK", f"harmony.timeout '{duration[:40]}' is not a duration")
    amounts = zip(match.groups(), _UNITS.values(), strict=True)
    return sum(int(number) * unit for number, unit in amounts if number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stop(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def main() -> int:
    """Exit status 0 with an output, 1 with an error document."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        result, status = answer(json.load(sys.stdin)["input"]), 0
    except Failed as failed:
        result, status = failed.document(), 1
    json.dump(result, sys.stdout, ensure_ascii=False)
    return status


if __name__ == "__main__":
    sys.exit(main())
