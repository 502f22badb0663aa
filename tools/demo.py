"""`make demo`: a runbook that reads, then one that removes files, behind a gate that somebody else
approves. On this machine, on a real Temporal server, in a scratch folder; with a terminal or not.

Everything is done with the program `harmony`, as anybody would; each command is shown.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parent.parent
HARMONY = Path(sys.executable).with_name("harmony")
SECONDS = 120
"""After which a command that has not ended is given up."""
AT_TERMINAL = sys.stdin.isatty() and sys.stderr.isatty()
_MONTH = 30 * 86_400
_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TEMPORAL_", "HARMONY_"))
}
"""The demo stays on this machine, whatever cluster is set."""


class DemoFailed(Exception):
    """Something did not go as it must; the message says what."""


def main() -> int:
    """Exit status 0 where both runs went as they should."""
    try:
        with worker() as address, tempfile.TemporaryDirectory(prefix="harmony-demo-") as scratch:
            went_well = look() and clean(Path(scratch), address)
            if went_well and AT_TERMINAL:
                input("\nEnter ends the demo, and the server with it. ")
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
    ended = harmony(*command, stdout=subprocess.PIPE)
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
    with start(*command, stderr=subprocess.PIPE) as started:
        try:
            Thread(target=pass_on, args=(started.stderr,), daemon=True).start()
            approved = answer(run)
            document = started.stdout.read() if started.stdout else ""
            started.wait(SECONDS)
        finally:
            started.terminate()
    print_blocks(json.loads(document))
    show(("history", run))
    harmony("history", run)
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
    harmony(verb, run, "ask", *options)


def pass_on(lines: Iterable[str]) -> None:
    """Show what a command says, line by line: a live view would draw over what is typed."""
    for line in lines:
        sys.stderr.write(line)
        sys.stderr.flush()


def gate(run: str) -> dict[str, Any]:
    """The run's gate, as `harmony status` has it; empty where there is none yet."""
    ended = harmony("status", run, "--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    document = json.loads(ended.stdout) if ended.returncode == 0 else {}
    found: dict[str, Any] = document.get("gates", {}).get("ask", {})
    return found


@contextmanager
def worker() -> Iterator[str]:
    """Holds the server for as long as the demo takes; gives the address of its UI."""
    with start("worker", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as serving:
        try:
            lines = iter(serving.stderr or ())
            address = address_in(lines)
            reading = Thread(target=list, args=(lines,), daemon=True)
            reading.start()
            yield address
        finally:
            serving.terminate()
        reading.join(10)


def address_in(lines: Iterator[str]) -> str:
    """The address in the line with which a worker says that it is ready."""
    said = ""
    for line in lines:
        said += line
        if line.startswith("Ready:"):
            return line.split()[-1]
    raise DemoFailed(f"the worker did not start: {said}")


def runs(runbook: str, parameters: str, severity: str) -> tuple[str, ...]:
    """The command that has alice run a runbook."""
    return (
        "run", "runbook.execute", "-i", f"runbook={runbook}", "-i", f"parameters={parameters}",
        "--severity", severity, "--as", "alice", "--json",
    )  # fmt: skip


def scratch_only(scratch: Path) -> str:
    """Parameters of a runbook that looks below the scratch folder."""
    return json.dumps({"FOLDER": str(scratch), "TOP": 5})


def start(*command: str, **streams: Any) -> subprocess.Popen[str]:
    """Start `harmony`; its stdout is kept, and stderr shown, where nothing else is said."""
    streams = {"stdout": subprocess.PIPE, **streams}
    return subprocess.Popen([HARMONY, *command], cwd=ROOT, env=_ENVIRONMENT, text=True, **streams)


def harmony(*command: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run `harmony` to its end."""
    return subprocess.run(
        [HARMONY, *command], cwd=ROOT, env=_ENVIRONMENT, text=True, timeout=SECONDS, check=False,
        **streams,
    )  # fmt: skip


def print_blocks(document: dict[str, Any]) -> None:
    """What the runbook's blocks said."""
    for block in document["outputs"]["blocks"] or ():
        if block["outcome"] != "not-run":
            say(
                f"\n── {block['name']} · exit code {block['exitCode']} · {block['milliseconds']} ms"
            )
            say((block["stdout"] + block["stderr"]).rstrip("\n"))


def show(command: tuple[str, ...]) -> None:
    """The command, as one would type it."""
    say(f"$ harmony {shlex.join(command)}")


def heading(text: str) -> None:
    """Mark what comes next."""
    say(f"\n{text}\n{'=' * len(text)}")


def say(text: str) -> None:
    """Tell the user, at once and in order with what the commands say."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
