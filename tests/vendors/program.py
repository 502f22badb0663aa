"""Runs the program of a shipped capability as runners do."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.language import json_schema
from tests.vendors.prism_server import ROOT

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Program:
    """A capability's folder and contract."""

    folder: Path
    contract: Mapping[str, Any]
    config: Mapping[str, Any]
    secrets: Mapping[str, str]

    def call(
        self, given: Mapping[str, Any], *, key: str = "key-1", attempt: int = 1,
        config: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Its output, or `{"error": …}`. Input, configuration and output are as the contract says,
        an error's code is in its error map, and no secret is in what it says."""
        schemas = self.contract["schemas"]
        document = {
            "input": json_schema.with_defaults(schemas["input"], dict(given)),
            "config": json_schema.with_defaults(
                schemas["config"], {**self.config, **(config or {})}
            ),
            "context": {},
            "step": {
                "runId": "run-1", "stepId": "step-1", "attempt": attempt, "idempotencyKey": key,
                "deadline": "2030-01-01T00:00:00.000Z",
            },
        }  # fmt: skip
        for part in ("input", "config"):
            assert not json_schema.violations(schemas[part], document[part])
        held = self.secrets if secrets is None else secrets
        status, stdout, stderr = self._run(document, held)
        for value in held.values():
            assert value not in stdout + stderr
        answer: dict[str, Any] = json.loads(stdout)
        assert status == int("error" in answer), stderr
        if "error" in answer:
            assert answer["error"]["code"] in self.contract["operations"]["errorMap"]
            assert "Traceback" not in stderr
        else:
            assert not json_schema.violations(schemas["output"], answer)
        return answer

    def _run(self, document: Any, secrets: Mapping[str, str]) -> tuple[int, str, str]:
        with tempfile.TemporaryDirectory() as private:
            held = Path(private, "secrets")
            held.mkdir()
            for name, value in secrets.items():
                (held / name).write_text(value)
            ended = subprocess.run(
                self.contract["runtime"]["command"],
                cwd=self.folder,
                env={
                    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
                    "HOME": private, "TMPDIR": private, "LANG": "C.UTF-8",
                    "OCS_SECRETS_DIR": str(held), "PYTHONDONTWRITEBYTECODE": "1",
                },
                input=json.dumps(document), capture_output=True, text=True, timeout=SECONDS,
                check=False,
            )  # fmt: skip
        return ended.returncode, ended.stdout, ended.stderr


def program(folder: str, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Program:
    """The program in `capabilities/<folder>`."""
    path = ROOT / "capabilities" / folder
    contract = yaml.safe_load((path / "capability.yaml").read_text())
    return Program(path, contract, config, secrets)
