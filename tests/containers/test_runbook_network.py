"""A runbook that calls a host: refused, named, and what to write where it may."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from tests.engine import need_engine
from tests.runners.world import world_on_loopback

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)
RUNBOOK = """---
shell: sh
harmony:
  title: Calls a host
  owner: sre-platform
  effect: read
  parameters:
    type: object
    properties:
      URL: {{type: string}}
  {outbound}
---

# Calls a host

```sh {{name=call interactive=false}}
curl -sS --max-time 20 "$URL"
```
"""


async def _run(
    capsys: pytest.CaptureFixture[str], folder: Path, url: str, outbound: str = ""
) -> dict[str, Any]:
    """A runbook that has this line in its front matter, in a project of its own."""
    need_engine()
    runner = "capabilities/operations/runme-runner"
    skipped = shutil.ignore_patterns("__pycache__", ".mypy_cache")
    for name in (runner, "containers/runbook"):
        shutil.copytree(ROOT / name, folder / name, ignore=skipped, dirs_exist_ok=True)
    for name in ("blueprints", "runbooks"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "runbooks" / "call.md").write_text(RUNBOOK.format(outbound=outbound))
    arguments = ("runbook", "run", "call", "-i", f"URL={url}", "--runner", "dagger")
    shared = ("--project", str(folder), "--state", str(folder / "state"), "--json", "--yes")
    capsys.readouterr()
    await asyncio.to_thread(main, (*arguments, *shared))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


async def test_a_host_that_is_not_declared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = await _run(capsys, tmp_path, "https://telemetry.example.org/")
    message = found["error"]["message"]
    assert "no access to telemetry.example.org: it has no network" in message
    assert "declare what else it needs in allowOutbound (capability)" in message
    assert "harmony.allowOutbound (runbook)" in message


async def test_the_same_with_the_host_declared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with world_on_loopback() as world:
        outbound = f'allowOutbound: ["127.0.0.1:{world.port}"]'
        found = await _run(capsys, tmp_path, world.url("metrics"), outbound)
        assert found["output"]["blocks"][0]["stdout"] == "answer 1"
        assert world.asked == ["metrics"]
