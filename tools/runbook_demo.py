"""`make demo-runbook`: a runbook that reads, then one that removes files, behind a gate that
somebody else approves. On this machine, on a real Temporal server, in a scratch folder; with a
terminal or not.

Everything is done with the program `harmony`, as anybody would; each command is shown.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

from tools.stage import AT_TERMINAL, SECONDS, DemoFailed, Stage, heading, pass_on, say, show

_MONTH = 30 * 86_400
_MOST_LINES = 12
"""Of what one block said: a busy host says a lot."""
ON_THIS_HOST = ("--runner", "process")
"""A container would look at itself, and have none of the host's files to remove."""
STAGE = Stage()


def main() -> int:
    """Exit status 0 where both runs went as they should."""
    try:
        with (
            STAGE.serving("worker", *ON_THIS_HOST, ready="Ready:") as ready,
            tempfile.TemporaryDirectory(prefix="harmony-demo-") as scratch,
        ):
            went_well = look() and clean(Path(scratch), ready.split()[-1])
            if went_well and AT_TERMINAL:
                input("\nEnter ends this demo, and its server with it. ")
    except (DemoFailed, subprocess.TimeoutExpired) as failed:
        say(f"\nThe demo stopped: {failed}")
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0 if went_well else 1


def look() -> bool:
    """A runbook that only reads: nobody is asked."""
    heading("1. A runbook that reads runs at once")
    parameters = json.dumps({"TOP": 3})
    command = runs("host-triage", parameters, "P3")
    show(command)
    ended = STAGE.harmony(*command, stdout=subprocess.PIPE)
    print_blocks(json.loads(ended.stdout))
    return ended.returncode == 0


def clean(scratch: Path, address: str) -> bool:
    """A runbook that destroys: alice starts it, bob approves it."""
    heading("2. A runbook that removes files waits until somebody else approves")
    old, new = fill(scratch)
    run = f"demo-{uuid4().hex[:8]}"
    parameters = json.dumps({"FOLDER": str(scratch), "PATTERN": "*.log.gz"})
    verify = ("-i", "verify=disk-pressure", "-i", f"verifyParameters={scratch_only(scratch)}")
    command = (*runs("reclaim-space", parameters, "P2"), *verify, "--id", run)
    say(f"{len(old)} old archives and {new.name} are in {scratch}\n")
    show(command)
    with STAGE.start(*command, stderr=subprocess.PIPE) as started:
        try:
            Thread(target=pass_on, args=(started.stderr,), daemon=True).start()
            approved = answer(run)
            document = started.stdout.read() if started.stdout else ""
            started.wait(SECONDS)
        finally:
            started.terminate()
    print_blocks(json.loads(document))
    show(("history", run))
    STAGE.harmony("history", run)
    left = sorted(path.name for path in scratch.iterdir())
    say(f"\nLeft in {scratch}: {', '.join(left)}")
    say(f"The run in the Temporal UI: {address}/namespaces/default/workflows/{run}")
    say("The server ends when nobody uses it; `harmony worker` starts it again, with its runs.")
    expected = [new.name] if approved else sorted(file.name for file in (*old, new))
    return started.returncode == (0 if approved else 3) and left == expected


def fill(scratch: Path) -> tuple[list[Path], Path]:
    """Archives that a month has gone over, and a log of today."""
    old = [scratch / f"app-{number}.log.gz" for number in range(1, 6)]
    for file in old:
        file.write_bytes(os.urandom(1_000_000))
        os.utime(file, (time.time() - _MONTH, time.time() - _MONTH))
    new = scratch / "app.log"
    new.write_text("what is written today stays\n")
    return old, new


def answer(run: str) -> bool:
    """Wait for the gate; alice, who started the run, may not answer it, and bob may."""
    deadline = time.monotonic() + SECONDS
    while gate(run).get("state") != "pending":
        if time.monotonic() > deadline:
            raise DemoFailed(f"the gate of {run} did not open")
        time.sleep(0.2)
    say("\nFrom another process, alice tries to approve it herself, then bob answers:")
    decide("approve", run, "--as", "alice")
    said = input("You are bob now. Approve? [Y/n] ") if AT_TERMINAL else "yes"
    approved = said.strip().lower() in {"", "y", "yes"}
    if approved:
        decide("approve", run, "--as", "bob", "--reason", "the archives are copied elsewhere")
    else:
        decide("reject", run, "--as", "bob", "--reason", "not today")
    return approved


def decide(verb: str, run: str, *options: str) -> None:
    """Answer the gate, and show what comes back."""
    show((verb, run, "ask", *options))
    STAGE.harmony(verb, run, "ask", *options)


def gate(run: str) -> dict[str, Any]:
    """The run's gate, as `harmony status` has it; empty where there is none yet."""
    ended = STAGE.harmony(
        "status", run, "--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    document = json.loads(ended.stdout) if ended.returncode == 0 else {}
    found: dict[str, Any] = document.get("gates", {}).get("ask", {})
    return found


def runs(runbook: str, parameters: str, severity: str) -> tuple[str, ...]:
    """The command that has alice run a runbook."""
    return (
        "run", "runbook.execute", "-i", f"runbook={runbook}", "-i", f"parameters={parameters}",
        "--severity", severity, "--as", "alice", "--json", *ON_THIS_HOST,
    )  # fmt: skip


def scratch_only(scratch: Path) -> str:
    """Parameters of a runbook that looks below the scratch folder."""
    return json.dumps({"FOLDER": str(scratch), "TOP": 5})


def print_blocks(document: dict[str, Any]) -> None:
    """What the runbook's blocks said."""
    for block in document["outputs"]["blocks"] or ():
        if block["outcome"] != "not-run":
            say(
                f"\n── {block['name']} · exit code {block['exitCode']} · {block['milliseconds']} ms"
            )
            lines = (block["stdout"] + block["stderr"]).splitlines()
            say("\n".join(lines[:_MOST_LINES]))
            if len(lines) > _MOST_LINES:
                say(f"… {len(lines) - _MOST_LINES} more lines")


if __name__ == "__main__":
    sys.exit(main())
