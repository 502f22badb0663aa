"""What a worker tells of its steps: spans to a real OTLP receiver, numbers to Prometheus."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Status
from temporalio.client import Client

from engine.errors import RunRefused
from engine.messages import RunView, StartArguments
from engine.temporal.client import Runs
from engine.temporal.connection import connect
from engine.temporal.spans import NoSpans, spans_of
from engine.temporal.step_metrics import runtime_at
from engine.temporal.worker import serve
from tests.http_servers import serving
from tests.programmable import project

SOURCE = """
import json, sys
given = json.load(sys.stdin)
if given["input"].get("how") == "fails":
    print(json.dumps({"error": {"code": "BROKEN", "message": "it broke"}}))
    sys.exit(1)
print(json.dumps({}))
"""
BLUEPRINT = """
blueprint: test.one
version: 1.0.0
title: One step
owner: tests
inputs: {type: object, properties: {how: {type: string, default: ''}}}
steps:
  - id: only
    run: golden.test.program
    with: {how: "{{ inputs.how }}"}
"""
CAUSE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Receiver:
    """Takes OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.taken: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.put((self.path, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        with serving(self._server):
            yield self

    def spans(self) -> list[tuple[ResourceSpans, Any]]:
        """All that came so far, each with whose it is."""
        found = []
        while not self.taken.empty():
            path, body = self.taken.get()
            assert path == "/v1/traces"
            for of_one in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [(of_one, span) for scope in of_one.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


@asynccontextmanager
async def served(
    client: Client, folder: Path, say: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Runs]:
    """A whole worker, as the command starts it."""
    files = {"blueprints/test.one.yaml": BLUEPRINT}
    contract = {"operations": {"errorMap": {"BROKEN": "FATAL"}}}
    found = project(folder, SOURCE, contract=contract, files=files)
    queue, stop = f"watched-{uuid4().hex}", asyncio.Event()
    serving = asyncio.create_task(
        serve(client, found, "process", task_queue=queue, stop=stop, say=say)
    )
    try:
        yield Runs(client, task_queue=queue)
    finally:
        stop.set()
        await serving


async def played(runs: Runs, how: str, **context: Any) -> RunView:
    run = f"test.one-{uuid4().hex[:8]}"
    await runs.start("test.one", StartArguments(inputs={"how": how}, context=context), run)
    return await runs.result(run)


async def test_each_attempt_is_a_span_with_what_golden_context_says(
    client: Client, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    context = {
        "trace_id": CAUSE, "incident_id": "INC-2026-0001", "incident_severity": "P1",
        "incident_channel": "C1", "impacted_services": ["pay", "web"],
    }  # fmt: skip
    async with served(client, tmp_path) as runs:
        well = await played(runs, "", **context)
        await played(runs, "fails", trace_id="ticket 7")
    [(whose, good), (_, bad)] = sorted(receiver.spans(), key=lambda one: one[1].end_time_unix_nano)
    said = texts(good.attributes)
    assert good.name == bad.name == "capability.execute"
    assert good.trace_id.hex() == CAUSE
    assert good.end_time_unix_nano > good.start_time_unix_nano
    assert {
        "golden.incident_id": "INC-2026-0001",
        "golden.incident_severity": "P1",
        "golden.incident_channel": "C1",
        "golden.initiator_id": well.initiator,
        "golden.cost_center": "unassigned",
        "golden.run_id": well.run,
        "golden.step": "only",
        "golden.outcome": "succeeded",
    }.items() <= said.items()
    [services] = [one.value for one in good.attributes if one.key == "golden.impacted_services"]
    assert [one.string_value for one in services.array_value.values] == ["pay", "web"]
    assert texts(whose.resource.attributes)["service.name"] == "harmony"
    assert (bad.status.code, bad.status.message) == (
        Status.STATUS_CODE_ERROR,
        "BROKEN: it broke",
    )
    assert texts(bad.attributes)["golden.outcome"] == "BROKEN"
    assert bad.trace_id.hex() not in ("0" * 32, CAUSE)


def texts(attributes: Any) -> dict[str, str]:
    """Those that are text."""
    return {one.key: one.value.string_value for one in attributes}


async def test_a_receiver_that_refuses_holds_nothing_up_and_is_told_of_once(
    client: Client, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = 403
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    said: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.timeout(60), served(client, tmp_path, said.put_nowait) as runs:
        for _ in range(3):
            assert (await played(runs, "")).status == "succeeded"
            await asyncio.to_thread(receiver.taken.get, True, 30)
        assert "runner process" in await said.get()
        refused = f"{receiver.url} does not take spans; they are dropped until it does."
        assert await said.get() == refused
    assert said.empty()


async def test_prometheus_reads_what_a_worker_counts(client: Client, tmp_path: Path) -> None:
    port = 20_000 + uuid4().int % 10_000
    watched = await connect(
        client.service_client.config.target_host, runtime=runtime_at(f"127.0.0.1:{port}")
    )
    async with served(watched, tmp_path) as runs, httpx.AsyncClient(trust_env=False) as http:
        await played(runs, "")
        await played(runs, "fails")
        text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("harmony_step")]
    for outcome in ("succeeded", "BROKEN"):
        [line] = [one for one in lines if f'outcome="{outcome}"' in one and "attempts_total" in one]
        assert 'capability="golden.test.program"' in line
        assert line.endswith(" 1")
    assert any("duration_seconds_bucket" in line and 'le="3600"' in line for line in lines)
    assert "temporal_workflow_completed_total" in text
    with pytest.raises(RunRefused, match=f"127.0.0.1:{port}"):
        runtime_at(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["9464", "localhost:9464", "127.0.0.1:99999", ""])
def test_numbers_need_an_address_and_a_port(address: str) -> None:
    with pytest.raises(RunRefused, match=r"such as 127\.0\.0\.1:9464"):
        runtime_at(address)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_no_spans_are_made_where_nobody_asks(environment: dict[str, str]) -> None:
    warnings: list[str] = []
    assert isinstance(spans_of(environment, warnings.append), NoSpans)
    assert warnings == []


def test_a_protocol_that_is_not_spoken_is_said() -> None:
    warnings: list[str] = []
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    assert isinstance(spans_of(environment, warnings.append), NoSpans)
    assert warnings == ["No spans are sent: the protocol grpc is not spoken; http/protobuf is"]
