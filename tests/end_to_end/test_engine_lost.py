"""A Dagger engine that is killed while a step runs in it, and comes back."""

import asyncio
import secrets
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.messages import StartArguments
from engine.project.folder import Project
from engine.temporal.client import Client, Runs
from engine.temporal.worker import serve
from tests.engine import containers, own_engine
from tests.programmable import project
from tests.runners.programs import marked, until

LIMIT = 240
STAYS_AT_FIRST = """
    import json, sys, time
    given = json.load(sys.stdin)
    if given["step"]["attempt"] == 1 and given["input"].get("stays"):
        time.sleep(3600)
    print(json.dumps(given["step"]["attempt"]))
"""
BLUEPRINT = """
blueprint: test.lost
version: 1.0.0
title: A step whose engine is killed, and one after it
owner: sre-platform
steps:
  - {id: first, run: golden.test.program, with: {stays: true}}
  - {id: second, needs: {first: succeeded}, run: golden.test.program}
"""


def killable(folder: Path, mark: str, **operations: Any) -> Project:
    """A project whose programs have this mark in their command line."""
    contract = {
        "operations": {
            "retryPolicy": {
                "maxAttempts": 100, "initialIntervalSeconds": 1, "backoffCoefficient": 1
            },
            **operations,
        },
        "runtime": {"command": ["python3", "program.py", mark]},
    }  # fmt: skip
    files = {"blueprints/test.lost.yaml": BLUEPRINT}
    containers(folder)
    return project(folder, STAYS_AT_FIRST, contract=contract, files=files)


@pytest.mark.timeout(LIMIT)
async def test_an_engine_that_is_killed_and_comes_back(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker all along: an idempotent step is tried again, a later one runs; another that is
    not idempotent is not run again, and says why."""
    queue, mark = f"lost-{uuid4().hex}", secrets.token_hex(8)
    async with asyncio.timeout(LIMIT), own_engine("harmony-lost") as engine:
        for name, value in engine.environment.items():
            monkeypatch.setenv(name, value)
        found = killable(tmp_path, mark)
        stop = asyncio.Event()
        worker = asyncio.create_task(serve(client, found, "dagger", task_queue=queue, stop=stop))
        runs = Runs(client, task_queue=queue)
        try:
            await runs.start("test.lost", StartArguments(), run := f"lost-{uuid4().hex}")
            await until(lambda: bool(marked(mark)), 60)
            engine.kill()
            await until(lambda: not marked(mark), 30)
            await engine.start()
            view = await runs.result(run)
            assert view.status == "succeeded", view
            assert view.steps["first"].attempts >= 2
            assert view.steps["second"].attempts == 1

            killable(tmp_path, mark, isIdempotent=False, effect="write")
            await runs.start("test.lost", StartArguments(), run := f"lost-{uuid4().hex}")
            await until(lambda: bool(marked(mark)), 60)
            engine.kill()
            view = await runs.result(run)
            assert view.status == "failed"
            assert view.error is not None
            assert view.error.code == "RUNNER_LOST", view
            assert view.steps["first"].attempts == 1
        finally:
            stop.set()
            await worker
