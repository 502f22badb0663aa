"""A project with one capability, `golden.test.program`, whose program a test writes."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.messages import StepCall
from engine.plan import Json
from engine.project.folder import Project

ID = "golden.test.program"
CONTRACT: dict[str, Any] = {
    "metadata": {
        "id": ID, "version": "1.2.0", "name": "Program", "maintainer": "sre", "type": "connector",
        "description": "Runs what a test wrote.", "domain": "test", "tags": ["test"],
    },
    "schemas": {
        "input": {"type": "object"}, "output": {}, "config": {"type": "object"},
        "secrets": {"type": "object"},
    },
    "security": {
        "requiredScopes": ["test:run"], "dataClassification": "INTERNAL",
        "networkAccess": {"allowOutbound": []},
    },
    "operations": {
        "isIdempotent": True, "effect": "read", "errorMap": {}, "timeoutSeconds": 60,
        "retryPolicy": {"maxAttempts": 1, "initialIntervalSeconds": 1, "backoffCoefficient": 2},
        "costFactor": "LOW",
    },
    "aiHints": {"exampleInput": {}, "exampleOutput": {}},
    "runtime": {"image": "python", "command": ["python3", "program.py"]},
}  # fmt: skip
ECHO = "import json, sys; json.dump(json.load(sys.stdin), sys.stdout)"


def project(
    folder: Path,
    source: str = ECHO,
    *,
    contract: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
) -> Project:
    """Write it. `contract` lies over CONTRACT; `files` are more files, JSON where not text."""
    home = folder / "capabilities" / "test" / "program"
    home.mkdir(parents=True, exist_ok=True)
    (folder / "blueprints").mkdir(exist_ok=True)
    (home / "capability.yaml").write_text(json.dumps(laid_over(CONTRACT, contract or {})))
    (home / "program.py").write_text(textwrap.dedent(source))
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Project(folder)


def laid_over(below: Any, above: Any) -> Any:
    """Mappings key by key; anything else is replaced."""
    if not (isinstance(below, dict) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: laid_over(below.get(key), value) for key, value in above.items()}}


def call_of(found: Project, given: Json = None, **fields: Any) -> StepCall:
    """A call of its capability, as a plan of this moment has it."""
    capability = found.catalog.capability(ID)
    assert capability is not None
    assert capability.healthy, capability.faults
    settings: dict[str, Any] = {
        "run_id": "run-1", "blueprint": "test.one", "step": "each[3]", "attempt": 2,
        "idempotency_key": "key-1", "deadline": "2026-03-01T03:00:00.000Z", "timeout_ms": 60_000,
        "capability": capability.id, "version": capability.version, "digest": capability.digest,
        "idempotent": capability.idempotent, "input": {} if given is None else given,
        "initiator": "alice",
    }  # fmt: skip
    return StepCall(**{**settings, **fields})
