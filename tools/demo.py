"""`make demo`: two runbooks on this machine, on a real Temporal server, one behind a gate.

Everything goes through the command line, as a user would do it; with a terminal you decide at the
gate, without one bob approves.
"""

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
HARMONY = Path(sys.executable).with_name("harmony")
WITHIN = 120.0
"""Seconds that anything here may take."""
AT_TERMINAL = sys.stdin.isatty() and sys.stdout.isatty()


class DemoFailed(Exception):
    """Something did not go as it must; the message says what."""


def say(text: str = "") -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def harmony(*words: str, **options: Any) -> "subprocess.Popen[str]":
    """Start one command of the command line, and show it as one would type it."""
    say(f"$ harmony {shlex.join(words)}")
    return subprocess.Popen(
        [HARMONY, "--project", ROOT, *words], text=True, stdin=subprocess.DEVNULL, **options
    )


def answer_of(*words: str) -> Any:
    """What a command says as JSON; None where it failed."""
    command = [HARMONY, "--project", ROOT, "--json", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=WITHIN, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else None


@contextlib.contextmanager
def server_held() -> Iterator[None]:
    """A worker beside the runs, so that the Temporal UI is still there at the end."""
    worker = subprocess.Popen(
        [HARMONY, "--project", ROOT, "worker"], text=True, stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert worker.stderr is not None
        for line in worker.stderr:
            if line.startswith("Ready"):
                break
        else:
            raise DemoFailed("the worker did not start; try: harmony worker")
        yield
    finally:
        worker.terminate()
        worker.communicate(timeout=WITHIN)


def finished(process: "subprocess.Popen[str]") -> None:
    """Wait for its end; it must have gone well."""
    if process.wait(WITHIN):
        raise DemoFailed(f"that ended with exit status {process.returncode}")


def wait_for_gate(run: str) -> None:
    """Until the run asks."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        view = answer_of("status", run)
        gates = view["gates"].values() if view else ()
        if any(gate["state"] == "pending" for gate in gates):
            return
        time.sleep(0.2)
    raise DemoFailed(f"{run} did not ask anybody within {WITHIN:.0f} s")


def read_only() -> None:
    """A runbook that only reads runs at once."""
    say("\n1. A runbook that only reads asks nobody: alice looks at this host.\n")
    run = f"demo-triage-{int(time.time())}"
    finished(
        harmony("run", "runbook.execute", "-i", "runbook=host-triage", "--severity", "P3",
                "--as", "alice", "--id", run, stdout=subprocess.DEVNULL)
    )  # fmt: skip
    say("\nWhat the blocks said:")
    for block in answer_of("status", run)["outputs"]["blocks"]:
        first = [line for line in block["stdout"].splitlines() if line.strip()][:3]
        say(f"  {block['name']} ({block['milliseconds']} ms)")
        for line in first:
            say(f"    {line[:100]}")


def destructive(scratch: Path) -> str:
    """A runbook that removes waits for somebody else than who started it."""
    say(
        "\n2. A runbook that removes files waits at a gate. Alice starts it, and may not approve it.\n"
    )
    for number in range(3):
        (scratch / f"old-{number}.tar.gz").write_bytes(b"x" * 100_000)
    (scratch / "keep.txt").write_text("not an archive\n")
    parameters = {"FOLDER": str(scratch), "PATTERN": "*.tar.gz", "DAYS": "0"}
    run = f"demo-reclaim-{int(time.time())}"
    process = harmony(
        "run", "runbook.execute", "-i", "runbook=reclaim-space",
        "-i", f"parameters={json.dumps(parameters)}", "--severity", "P2", "--as", "alice",
        "--id", run, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_gate(run)
        say(f"\nIn the folder: {', '.join(sorted(path.name for path in scratch.iterdir()))}")
        say("A second person answers, from another process:\n")
        decide(run)
        process.wait(WITHIN)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(WITHIN)
    return run


def decide(run: str) -> None:
    """Bob answers; with a terminal, you say what."""
    said = input("You are bob now. Approve? [Y/n] ") if AT_TERMINAL else "y"
    if said.strip().lower() in ("", "y", "yes"):
        finished(harmony("approve", run, "ask", "--as", "bob", "--reason", "seen the list"))
    else:
        finished(harmony("reject", run, "ask", "--as", "bob", "--reason", "not today"))


def result(run: str, scratch: Path) -> None:
    """What came of it, and where to look."""
    view = answer_of("status", run)
    left = sorted(path.name for path in scratch.iterdir())
    say(f"\n3. The run {view['status']}. In the folder now: {', '.join(left)}\n")
    finished(harmony("history", run))
    approved = view["steps"]["ask"]["outcome"] == "approved"
    if left != (["keep.txt"] if approved else ["keep.txt", *(f"old-{n}.tar.gz" for n in range(3))]):
        raise DemoFailed("the folder does not hold what it should")


def main() -> int:
    """0 where all went as it must."""
    say("Harmony: two runbooks on this machine, on a Temporal server of their own.")
    try:
        with server_held(), tempfile.TemporaryDirectory(prefix="harmony-demo-") as folder:
            read_only()
            run = destructive(Path(folder))
            result(run, Path(folder))
            say("\nThe Temporal UI link of each run stands above, under its id.")
            if AT_TERMINAL:
                input("It is there until you press Enter. ")
            else:
                say("It is gone with the server now; `harmony worker` brings it back.")
    except (DemoFailed, subprocess.TimeoutExpired, KeyboardInterrupt) as error:
        say(f"\nThe demo stopped: {error or 'interrupted'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
