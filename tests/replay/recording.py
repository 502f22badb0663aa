"""Records the histories kept here: `python -m tests.replay.recording [KIND …]`.

A history is recorded anew only where a run of that kind was changed on purpose, and never to
make a replay pass: runs that are under way have the old ones.
"""

import asyncio
import os
import re
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from engine.temporal.client import connect
from engine.temporal.embedded import embedded_server
from tests.canned import Canned, World, outcomes, world

KEPT = Path(__file__).parent
P1 = {"incident_severity": "P1"}
P2 = {"incident_severity": "P2"}
Record = Callable[[World], Awaitable[str]]


async def sequence(w: World) -> str:
    return await w.start("flow.sequence")


async def retries(w: World) -> str:
    return await w.start("flow.sequence", {"failures": 2})


async def gates(w: World) -> str:
    run = await w.start("flow.gate", context=P2)
    await w.until_open(run, "ask", "also")
    await w.approve(run, "also", by="nobody")
    await w.approve(run, "also")
    answer = {"decision": "approved", "approverId": "approver"}
    await w.client.get_workflow_handle(run).signal("approval", answer)
    return run


async def escalation(w: World) -> str:
    return await w.start("flow.gate", context=P1)


async def loop(w: World) -> str:
    run = await w.start("flow.loop", {"items": list(range(12))})
    await w.client.get_workflow_handle(run).signal("go-on", {"a": 1})
    await w.until_open(run, "ask")
    await w.approve(run)
    return run


async def child(w: World) -> str:
    run = await w.start("flow.parent")
    for gate in ("one/ask", "each[1]/ask", "each[0]/ask"):
        await w.until_open(run, gate)
        await w.approve(run, gate)
    return run


async def undo(w: World) -> str:
    return await w.start("flow.undo", {"failures": 9})


async def cancelled(w: World) -> str:
    w.canned.open["slow"] = asyncio.Event()
    run = await w.start("flow.undo", {"seconds": 60})
    await w.until(run, lambda view: outcomes(view).get("slow") == "running")
    await w.runs.cancel(run)
    return run


async def out_of_time(w: World) -> str:
    w.canned.open["slow"] = asyncio.Event()
    return await w.start("flow.short")


async def refused(w: World) -> str:
    return await w.start("flow.undo", {"failures": "no"})


async def continued(w: World) -> str:
    w.canned.continue_after = 30
    run = await w.start("flow.beside", {"items": list(range(12))})
    await w.until(run, lambda view: outcomes(view).get("more") == "succeeded")
    await w.approve(run, "child/ask")
    return run


async def recorded(w: World) -> str:
    w.canned.record = True
    run = await w.start("flow.gate", context={**P2, "incident_id": "INC-2026-0001"})
    await w.until_open(run, "ask", "also")
    await w.approve(run, "ask")
    await w.approve(run, "also")
    return run


KINDS: dict[str, Record] = {
    record.__name__: record
    for record in (
        sequence, retries, gates, escalation, loop, child, undo, cancelled, out_of_time, refused,
        continued, recorded,
    )
}  # fmt: skip


async def main(kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_server(Path(folder) / "state") as server:
            client = await connect(server.address)
            for kind in kinds or KINDS:
                async with asyncio.timeout(60), world(client, Canned()) as w:
                    run = await KINDS[kind](w)
                    await w.runs.result(run)
                    await _keep(w, kind, run)


async def _keep(w: World, kind: str, run: str) -> None:
    for old in KEPT.glob(f"{kind}-*.json"):
        old.unlink()
    for number, history in enumerate(await w.histories(run)):
        # Who recorded it, and on which machine, is nobody's business.
        text = re.sub(r'"identity": "[^"]*"', '"identity": "recorder"', history.to_json())
        text = re.sub(r'"stackTrace": "(?:[^"\\\\]|\\\\.)*"', '"stackTrace": ""', text)
        text = text.replace(socket.gethostname(), "recorder")
        (KEPT / f"{kind}-{number}.json").write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)
