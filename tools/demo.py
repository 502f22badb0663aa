"""`make demo-incident`: one P1 incident, from PagerDuty's webhook to the post-mortem page.

On this machine, on a real Temporal server, against `harmony sandbox`, which plays the vendors. At a
terminal the one who watches clicks Approve in the sandbox's page; without one it is clicked here.
Everything else is done with the program `harmony`, as anybody would; each command is shown.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import yaml

from engine.temporal.guardian import free_ports
from tools.played_archive import CHECK, EXPIRE, Archive
from tools.played_vendors import played_vendors
from tools.stage import (
    AT_TERMINAL,
    ROOT,
    SECONDS,
    DemoFailed,
    Stage,
    heading,
    must,
    pass_on,
    say,
    show,
    until,
)

TITLE = "The archive is full"
PROJECT = ("blueprints", "capabilities", "containers", "runbooks")
CLICKER = "carol"
"""Who answers after the escalation: a manager who may approve."""
ASKED = {"incident-approver": "bob", "incident-manager": CLICKER}
"""Who is mentioned in Slack when a role is asked."""


def main() -> int:
    """Exit status 0 where the incident went through its whole life."""
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with ExitStack() as held:
            demo = Demo(options, held)
            demo.play()
            if AT_TERMINAL:
                input("\nEnter ends this demo, and its sandbox and server with it. ")
    except (DemoFailed, subprocess.TimeoutExpired, httpx.HTTPError) as failed:
        say(f"\nThe demo stopped: {failed}")
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0


def _leave(*_: object) -> None:
    """What was started is stopped on the way out, also for whoever ends the demo from outside."""
    raise DemoFailed("it was told to end")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo-incident", description=__doc__)
    parser.add_argument("--runner", choices=("auto", "process", "dagger"), default="auto")
    gate = os.environ.get("GATE") or ("30s" if AT_TERMINAL else "8s")
    parser.add_argument(
        "--gate", default=gate, help="how long the escalated gate waits each time (GATE=…)"
    )
    return parser.parse_args()


class Demo:
    """The parts that run, and the incident that is played with them."""

    def __init__(self, options: argparse.Namespace, held: ExitStack) -> None:
        self._gate = options.gate
        self._held = held
        self._runner = ("--runner", options.runner)
        self._folder = Path(
            held.enter_context(
                tempfile.TemporaryDirectory(prefix="harmony-demo-", ignore_cleanup_errors=True)
            )
        )
        self._settings = self._folder / "harmony.yaml"
        project = self._folder / "project"
        for part in PROJECT:
            shutil.copytree(ROOT / part, project / part)
        for file in ("policy.yaml", "flags.json"):
            shutil.copy(ROOT / file, project)
        archive = Archive(self._folder / "archive")
        self._archive = held.enter_context(archive.serving(project / "runbooks"))
        [port] = free_ports(1)
        self._sandbox = held.enter_context(played_vendors(port))
        self._bind()
        own = (
            *("--project", str(project), "--env", str(self._settings)),
            *("--state", str(self._folder / "state")),
        )
        self._stage = Stage(own, self._sandbox.variables)
        heading("0. A worker, the server for clicks and alerts, and the vendors, as a sandbox")
        say("The project is a copy of this one, with two runbooks of a service that runs here: an")
        say(f"archive, {archive.used()} % full. Each command has, before its own words:")
        say(f"  {shlex.join(own)}\n")
        worker = ("worker", *self._runner)
        show(worker)
        ready = held.enter_context(self._stage.serving(*worker, ready="Ready:"))
        self._temporal = ready.split()[-1]
        serve = ("serve", "--port", str(port))
        show(serve)
        held.enter_context(self._stage.serving(*serve, ready="Ready"))
        say(f"The vendors' page: {self._sandbox.url}/?as={self._sandbox.people[CLICKER]}")
        self._incident = ""

    def play(self) -> None:
        """The life of the incident; DemoFailed where it went another way."""
        self.initiate()
        self.remediate()
        self.close_out()
        self.post_mortem()
        self.look_back()

    def initiate(self) -> None:
        """PagerDuty's webhook starts the run; nobody is asked before."""
        heading("1. PagerDuty tells of a P1: incident.initiate asks nobody before it acts")
        self._sandbox.post("/sandbox/pagerduty/trigger", {"title": TITLE, "priority": "P1"})
        self._incident = str(until("the incident of the webhook", self._opened))
        say(f"{TITLE} is {self._incident}\n")
        run = f"incident.initiate-{self._incident}"
        until("the end of incident.initiate", lambda: self._status(run) in _ENDED)
        show(("status", run))
        self._stage.harmony("status", run)
        must(self._status(run) == "succeeded", f"{run} did not succeed")
        state = self._sandbox.state()
        channel = next(one for one in state["slack"]["channels"] if one["name"].startswith("inc-"))
        page = state["statuspage"]["incidents"][0]
        say(f"\nSlack: #{channel['name']} · Statuspage: {page['name']} ({page['status']})")

    def remediate(self) -> None:
        """The approver does not answer; who is asked next clicks in Slack."""
        heading("2. A runbook is asked for; the approver does not answer, so a manager is asked")
        say(f"For this step gates wait at most {self._gate}: gates: {{atMost: {self._gate}}}")
        say(f"in {self._settings}; the blueprint, which says 5m for P1, stays as it is.\n")
        self._bind(self._gate)
        given = (
            "-i",
            f"runbook={EXPIRE}",
            "-i",
            'parameters={"DAYS": 14}',
            "-i",
            f"verify={CHECK}",
        )
        before = len(self._archive.files())
        with self._running("incident.remediate", *given, who="alice") as run:
            self._sandbox.escalated()
            self._click()
            ended = run()
        self._bind()
        must(ended["status"] == "succeeded", "incident.remediate did not succeed")
        [*_, decision] = ended["gates"]["ask"]["decisions"]
        say(f"\nApproved by {decision['approverId']}, from {decision['source']}; escalated before.")
        for block in ended["outputs"]["blocks"]:
            say(f"\n── {EXPIRE}, {block['name']} · {block['milliseconds']} ms")
            say((block["stdout"] + block["stderr"]).rstrip("\n"))
        ran_by = ended["steps"]["execute"]["runner"]
        say(f"\nIt ran with the runner {ran_by}. The archive is {self._archive.used()} % full now;")
        say(f"of {before} files {len(self._archive.files())} are left.")

    def close_out(self) -> None:
        """A P1 is closed when somebody approves, here on the command line."""
        heading("3. incident.close-out: bob approves, customers and the channel are told")
        resolution = "resolution=The archive has room again; its files expire earlier from now on."
        with self._running("incident.close-out", "-i", resolution, who="alice") as run:
            self._approve("incident.close-out", "ask")
            must(run()["status"] == "succeeded", "incident.close-out did not succeed")

    def post_mortem(self) -> None:
        """The page is built from the timeline alone; its review closes the incident."""
        heading("4. incident.post-mortem: the page, and its review")
        actions = json.dumps(
            [{"text": "Let archives expire after a week", "owner": "sre-platform"}]
        )
        given = ("-i", f"actionItems={actions}")
        with self._running("incident.post-mortem", *given, who="carol") as run:
            self._approve("incident.post-mortem", "review")
            ended = run()
        must(ended["outputs"]["closed"] is True, "the incident was not closed")

    def look_back(self) -> None:
        """The timeline, whether it is intact, and where to look."""
        heading("5. What happened")
        for command in (
            ("incident", "timeline", self._incident),
            ("incident", "verify", self._incident),
        ):
            show(command)
            ended = self._stage.harmony(*command)
            must(ended.returncode == 0, f"harmony {' '.join(command)} did not succeed")
        pages = self._sandbox.state()["confluence"]["pages"]
        page = next(each for each in pages if self._incident in each["title"])
        say(f"\nThe post-mortem: {page['url']}")
        say(f"The vendors' page: {self._sandbox.url}/")
        say(f"The runs in the Temporal UI: {self._temporal}")

    def _bind(self, gates_at_most: str | None = None) -> None:
        """Write the environment: the vendors are the sandbox, the flags the project's."""
        config = dict(self._sandbox.config)
        slack = config["golden.integrations.slack-interactive"]
        mentions = {role: [self._sandbox.people[name]] for role, name in ASKED.items()}
        config["golden.integrations.slack-interactive"] = {**slack, "mentions": mentions}
        settings: dict[str, Any] = {"config": config}
        if gates_at_most:
            settings["gates"] = {"atMost": gates_at_most}
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(settings))
        fresh.replace(self._settings)

    def _opened(self) -> str | None:
        """The store is asked, not the sandbox: where it waits for too short, a webhook's answer
        is lost, and the webhook counts all the same."""
        listed = self._stage.harmony("incident", "list", "--json", stdout=subprocess.PIPE)
        incidents = json.loads(listed.stdout) if listed.returncode == 0 else []
        return str(incidents[0]["id"]) if incidents else None

    def _status(self, run: str) -> str:
        return str(self._view(run).get("status", ""))

    def _view(self, run: str) -> dict[str, Any]:
        ended = self._stage.harmony(
            "status", run, "--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        view: dict[str, Any] = json.loads(ended.stdout) if ended.returncode == 0 else {}
        return view

    @contextmanager
    def _running(
        self, blueprint: str, *given: str, who: str
    ) -> Iterator[Callable[[], dict[str, Any]]]:
        """A run for the incident; what it gives waits for its end, and gives how it ended."""
        incident = ("--context", f"incident_id={self._incident}")
        command = ("run", blueprint, *incident, *given, "--as", who, *self._runner, "--json")
        show(command)
        with self._stage.start(*command, stderr=subprocess.PIPE) as started:
            told = Thread(target=pass_on, args=(started.stderr,), daemon=True)
            told.start()

            def ended() -> dict[str, Any]:
                document = started.stdout.read() if started.stdout else ""
                started.wait(SECONDS)
                told.join(SECONDS)
                must(bool(document), f"{blueprint} did not run")
                view: dict[str, Any] = json.loads(document)
                return view

            try:
                yield ended
            finally:
                started.terminate()

    def _approve(self, blueprint: str, gate: str) -> None:
        run = f"{blueprint}-{self._incident}"
        until(f"the gate {gate} of {run}", lambda: self._is_asked(run, gate))
        command = ("approve", run, gate, "--as", "bob", "--reason", "seen the graphs")
        show(command)
        must(self._stage.harmony(*command).returncode == 0, f"bob's answer to {gate} did not count")

    def _is_asked(self, run: str, gate: str) -> bool:
        view = self._view(run)
        must(view.get("status") not in _ENDED, f"{run} ended before anybody was asked")
        return bool(view.get("gates", {}).get(gate, {}).get("state") == "pending")

    def _click(self) -> None:
        page = f"{self._sandbox.url}/?as={self._sandbox.people[CLICKER]}"
        if AT_TERMINAL:
            say(f"\nYou are {CLICKER} now. Click Approve within {self._gate} at {page}")
        else:
            say(f"\n{CLICKER} clicks Approve at {page}")
            self._sandbox.click(CLICKER)


_ENDED = frozenset(("succeeded", "failed", "rejected", "timed_out", "cancelled"))


if __name__ == "__main__":
    sys.exit(main())
