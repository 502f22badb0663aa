"""Steps as a worker runs them: real programs, a real server."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from engine.errors import RunnerUnavailable
from engine.messages import Actor, RunView, StartArguments, StepAnswer
from engine.project.folder import Project
from engine.runners.base import Executed, Execution, Runner
from engine.runners.process import ProcessRunner
from engine.steps.flags import Flags
from engine.temporal import worker
from engine.temporal.activities import Activities
from engine.temporal.client import Runs
from tests.programmable import ID, call_of, project
from tests.runners.programs import marked, until

BLUEPRINT = f"""
blueprint: test.one
version: 1.0.0
title: One step
owner: sre
inputs: {{type: object, properties: {{how: {{type: string, default: ""}}}}}}
steps:
  - id: only
    run: {ID}
    with: {{how: "{{{{ inputs.how }}}}"}}
    timeout: 1m
    retry: {{attempts: 2, first: 10ms}}
outputs: {{only: "{{{{ steps.only.output }}}}"}}
"""
OBJECT = {"schemas": {"output": {"type": "object"}}}


@dataclass
class Served:
    """A worker of this test's own, and what starts its runs."""

    client: Client
    runs: Runs
    stop: asyncio.Event
    ended: "asyncio.Task[None]"

    async def start(self, how: str = "", **start: Any) -> str:
        run = f"test.one-{uuid4().hex[:8]}"
        await self.runs.start("test.one", StartArguments(inputs={"how": how}, **start), run)
        return run

    async def run(self, **start: Any) -> RunView:
        return await self.runs.result(await self.start(**start))

    async def everything_kept(self, run: str) -> bytes:
        """All that the server has of a run."""
        history = await self.client.get_workflow_handle(run).fetch_history()
        return b"".join(event.SerializeToString() for event in history.events)


@contextlib.asynccontextmanager
async def served(
    client: Client, found: Project, runner: Runner | None = None, *, allow_solo: bool = True
) -> AsyncIterator[Served]:
    queue = f"test-{uuid4().hex}"
    stop = asyncio.Event()
    programs = runner or ProcessRunner(grace_seconds=1.0)
    flags = Flags(found.settings.flags_file, {})
    activities = Activities(found, programs, flags, allow_solo=allow_solo)
    serving = asyncio.create_task(
        worker.run_until(stop, worker.workers(client, activities.all, task_queue=queue))
    )
    try:
        yield Served(client, Runs(client, task_queue=queue), stop, serving)
    finally:
        stop.set()
        await serving
        await programs.close()


def given(folder: Path, source: str, contract: Any = None, files: Any = None) -> Project:
    return project(
        folder, source, contract={**OBJECT, **(contract or {})},
        files={"blueprints/test.one.yaml": BLUEPRINT, **(files or {})},
    )  # fmt: skip


async def test_a_step_runs_its_program(client: Client, tmp_path: Path) -> None:
    source = "import json, sys; print(json.dumps(json.load(sys.stdin)['step']))"
    async with served(client, given(tmp_path, source)) as here:
        run = await here.start()
        view = await here.runs.result(run)
    assert view.status == "succeeded", view
    assert view.steps["only"].runner == "process"
    step = view.outputs["only"]
    assert (step["runId"], step["stepId"], step["attempt"]) == (run, "only", 1)
    assert step["deadline"].endswith("Z")
    assert any("policy" in warning.lower() for warning in view.warnings), view.warnings


async def test_a_retryable_error_is_tried_again_with_the_same_key(
    client: Client, tmp_path: Path
) -> None:
    source = """
        import json, sys
        step = json.load(sys.stdin)["step"]
        if step["attempt"] == 1:
            print(json.dumps({"error": {"code": "BUSY", "message": step["idempotencyKey"]}}))
            sys.exit(1)
        print(json.dumps(step))
    """
    contract = {"operations": {"errorMap": {"BUSY": "RETRYABLE"}}}
    async with served(client, given(tmp_path, source, contract)) as here:
        view = await here.run()
    assert view.status == "succeeded", view
    assert (view.steps["only"].attempts, view.outputs["only"]["attempt"]) == (2, 2)


@pytest.mark.parametrize("how", ["output", "error"])
async def test_no_secret_reaches_the_server(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    source = """
        import json, os, pathlib, sys
        token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()
        print(token, file=sys.stderr)
        if json.load(sys.stdin)["input"]["how"] == "error":
            sys.exit(token)
        print(json.dumps({"token": token}))
    """
    monkeypatch.setenv("TOKEN", value := secrets.token_hex(12))
    secret = {"secrets": {"required": ["token"], "properties": {"token": {"x-env": "TOKEN"}}}}
    contract = {"schemas": {**OBJECT["schemas"], **secret}}
    async with served(client, given(tmp_path, source, contract)) as here:
        run = await here.start(how)
        view = await here.runs.result(run)
        kept = await here.everything_kept(run)
    assert view.status == ("succeeded" if how == "output" else "failed"), view
    assert b"***" in kept
    assert value.encode() not in kept


async def test_cancelling_a_run_ends_its_program(client: Client, tmp_path: Path) -> None:
    mark = secrets.token_hex(8)
    source = f"""
        import subprocess, time
        subprocess.Popen(["python3", "-c", "import time; time.sleep(600)", "{mark}"],
                         start_new_session=True)
        time.sleep(600)
    """
    async with served(client, given(tmp_path, source)) as here:
        run = await here.start()
        await until(lambda: bool(marked(mark)))
        await here.runs.cancel(run)
        view = await here.runs.result(run)
        assert marked(mark) == []
    assert (view.status, view.steps["only"].outcome) == ("cancelled", "cancelled")


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_worker_that_stops_ends_what_does_not_end_in_time(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idempotent: bool
) -> None:
    monkeypatch.setattr(worker, "DRAIN", timedelta(seconds=0.5))
    mark = secrets.token_hex(8)
    source = f"""
        import json, subprocess, sys
        if json.load(sys.stdin)["step"]["attempt"] == 1:
            subprocess.run(["python3", "-c", "import time; time.sleep(600)", "{mark}"])
        print("{{}}")
    """
    found = given(tmp_path, source, {"operations": {"isIdempotent": idempotent}})
    async with served(client, found) as here:
        run = await here.start()
        await until(lambda: bool(marked(mark)))
    assert marked(mark) == []
    queue = here.runs._task_queue
    stop = asyncio.Event()
    runner = ProcessRunner()
    again = worker.workers(client, Activities(found, runner, Flags(None, {})).all, task_queue=queue)
    serving = asyncio.create_task(worker.run_until(stop, again))
    view = await here.runs.result(run)
    stop.set()
    await serving
    await runner.close()
    step = view.steps["only"]
    if idempotent:
        assert (view.status, step.attempts) == ("succeeded", 2), view
        return
    assert view.status == "failed"
    assert step.error is not None
    assert (step.error.code, step.attempts) == ("WORKER_STOPPED", 1)
    assert "effect is unknown" in step.error.message


class Away:
    """A runner whose backend comes back after the first call."""

    name = "away"
    calls = 0

    async def run(self, execution: Execution) -> Executed:
        assert execution.command
        self.calls += 1
        if self.calls == 1:
            raise RunnerUnavailable("the engine is away")
        return Executed(exit_code=0, stdout=b"{}", stderr=b"")

    async def close(self) -> None:
        """It holds nothing."""


async def test_a_runner_that_is_away_is_tried_again(client: Client, tmp_path: Path) -> None:
    contract = {"operations": {"isIdempotent": False}}
    away = Away()
    async with served(client, given(tmp_path, "", contract), away) as here:
        view = await here.run()
    assert view.status == "succeeded", view
    assert (away.calls, view.steps["only"].attempts) == (2, 1)  # only one that started


async def test_who_may_not_start_it_gets_a_failed_run_with_the_reason(
    client: Client, tmp_path: Path
) -> None:
    files = {
        "policy.yaml": {"roles": {"starter": {"scopes": ["test:run"]}}},
        "blueprints/test.one.yaml": BLUEPRINT + "roles: [starter]\n",
    }
    async with served(client, given(tmp_path, "", files=files)) as here:
        view = await here.run(actor=Actor(name="mallory"))
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.code == "NOT_ALLOWED"
    assert "mallory may not start test.one" in view.error.message


async def test_a_worker_without_solo_refuses_solo_runs(client: Client, tmp_path: Path) -> None:
    async with served(client, given(tmp_path, "print('{}')"), allow_solo=False) as here:
        view = await here.run(solo=True)
        other = await here.run()
    assert view.error is not None
    assert view.error.code == "SOLO_REFUSED"
    assert other.status == "succeeded"


async def test_a_step_beats_while_it_runs(tmp_path: Path) -> None:
    runner = ProcessRunner()
    found = given(tmp_path, "import time; time.sleep(2.5); print('{}')")
    activities = Activities(found, runner, Flags(None, {}))
    beats: list[tuple[Any, ...]] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    answer = await environment.run(activities.run_step, call_of(found))
    await runner.close()
    assert isinstance(answer, StepAnswer)
    assert beats == [(), ()]


async def test_standing_and_flags_are_looked_up(tmp_path: Path) -> None:
    policy = {"roles": {"approver": {"scopes": []}}, "people": {"ann": {"roles": ["approver"]}}}
    off = {"state": "ENABLED", "variants": {"off": False}, "defaultVariant": "off"}
    flags = {"flags": {"quiet": off}}
    found = given(tmp_path, "", files={"policy.yaml": policy, "flags.json": flags})
    activities = Activities(
        found, ProcessRunner(), Flags(found.settings.flags_file, {}, lambda _: None)
    )
    environment = ActivityEnvironment()
    assert (await environment.run(activities.standing_of, "ann")).roles == ("approver",)
    assert (await environment.run(activities.standing_of, "bob")).roles == ()
    policy["people"] = {"bob": {"roles": ["approver"]}}
    rewrite(tmp_path / "policy.yaml", json.dumps(policy))
    assert (await environment.run(activities.standing_of, "bob")).roles == ("approver",)
    assert not await environment.run(activities.flag_is_on, "quiet")
    assert await environment.run(activities.flag_is_on, "other")


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)
