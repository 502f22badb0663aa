"""What Temporal's SDK logs does not reach the terminal but as one sentence of ours."""

import logging

import pytest
from temporalio.client import Client

from engine.temporal import sdk_log


async def test_a_large_payload_leaves_nothing_of_the_sdk_on_stderr(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    large = "x" * 600_000  # more than the 512 KiB that the SDK warns of
    started = await client.start_workflow("none", large, id="large-payload", task_queue="nobody")
    await started.terminate()
    assert capfd.readouterr().err == ""


def test_calls_that_are_repeated_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test.sdk")
    log.addFilter(sdk_log.Plainly())
    for call in ("poll_workflow_task_queue", "poll_activity_task_queue"):
        log.warning("gRPC call %s retried 6 times", call)
    assert caplog.messages == ["Temporal does not answer; it is asked again and again."]
