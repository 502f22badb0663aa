"""A sandbox, and the connectors' programs pointed at it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from engine.sandbox.server import Sandbox, running
from engine.sandbox.settings import Settings
from tests.sandbox.described import faults
from tests.sandbox.recording import Recorder
from tests.vendors.prism_server import CannotServe
from tests.vendors.program import Program, kept, program

Call = Callable[..., dict[str, Any]]
FOLDERS = {
    "statuspage": "connectors/statuspage",
    "pagerduty": "connectors/pagerduty",
    "confluence": "connectors/confluence",
    "slack": "integrations/slack-interactive",
}
PREFIXES = {
    "/slack/api": "slack",
    "/statuspage/v1": "statuspage",
    "/pagerduty": "pagerduty",
    "/confluence": "confluence",
}
LESS_THAN_TOLD = 'type: "user" is not one of "user_reference"'
"""PagerDuty gives whole users where `include[]=users` asks for them; its description says less."""
NOT_DESCRIBED = ("/pagerduty-events/", "/confluence/wiki/rest/api/content/search")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(Settings(slow_seconds=3)) as found:
        yield found


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False, timeout=30) as found:
        yield found


@pytest.fixture
def recorder(sandbox: Sandbox) -> Iterator[Recorder]:
    """Every answer that went through it is as its vendor's description says."""
    with Recorder(sandbox.url).running() as found:
        yield found
    wrong: list[str] = []
    for answer in found.answers:
        prefix = next((each for each in PREFIXES if answer.path.startswith(f"{each}/")), None)
        if prefix is None or answer.path.startswith(NOT_DESCRIBED):
            continue
        try:
            wrong += faults(
                PREFIXES[prefix], answer.method, answer.path.removeprefix(prefix), answer.status,
                answer.body,
            )  # fmt: skip
        except CannotServe as reason:
            pytest.skip(f"the answers were not held against the descriptions: {reason}")
    assert [fault for fault in wrong if LESS_THAN_TOLD not in fault] == []


@pytest.fixture
def calls(sandbox: Sandbox, recorder: Recorder) -> Iterator[Callable[[str], Call]]:
    """By vendor: its connector's program, through the recorder."""
    wiring = sandbox.wiring.document()
    with ExitStack() as stack:

        def start(vendor: str, **config: Any) -> Call:
            folder = FOLDERS[vendor]
            cold = program(folder, {}, {})
            given = wiring["config"][f"golden.{folder.replace('/', '.')}"] | config
            given = json.loads(json.dumps(given).replace(sandbox.url, recorder.url))
            keys = cold.contract["schemas"]["secrets"]["properties"]
            secrets = {
                key: wiring["variables"][about["x-env"]]
                for key, about in keys.items()
                if about.get("x-env") in wiring["variables"]
            }
            ready = Program(cold.folder, cold.contract, given, secrets)
            return stack.enter_context(kept(ready)).call

        yield start
