"""Runs the program of a shipped capability as runners do, or many times in one process."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from engine.language import json_schema
from tests.vendors.prism_server import ROOT

SECONDS = 60
_AGAIN = Path(__file__).with_name("again.py")


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program left behind."""

    status: int
    stdout: str
    stderr: str


Run = Callable[["Program", str, Mapping[str, str]], Ended]
"""A program, its stdin and its secrets → how it ended."""


def once(program: "Program", document: str, secrets: Mapping[str, str]) -> Ended:
    """In a process of its own, as runners do."""
    with tempfile.TemporaryDirectory() as private:
        write_secrets(Path(private), secrets)
        ended = subprocess.run(
            program.contract["runtime"]["command"], cwd=program.folder,
            env=environment(Path(private)), input=document, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True, slots=True)
class Program:
    """A capability's folder and contract, and what it is called with."""

    folder: Path
    contract: Mapping[str, Any]
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    run: Run = field(default=once)

    def call(
        self, given: Mapping[str, Any], *, key: str = "key-1", attempt: int = 1,
        config: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Its output, or `{"error": …}`. Input, configuration and output are as the contract says,
        an error's code is in its error map, and no secret is in what it says."""
        schemas = self.contract["schemas"]
        document = {
            "input": json_schema.with_defaults(schemas["input"], dict(given)),
            "config": json_schema.with_defaults(
                schemas["config"], {**self.config, **(config or {})}
            ),
            "context": dict(context or {}),
            "step": {
                "runId": "run-1", "stepId": "step-1", "attempt": attempt, "idempotencyKey": key,
                "deadline": "2030-01-01T00:00:00.000Z",
            },
        }  # fmt: skip
        for part in ("input", "config"):
            assert not json_schema.violations(schemas[part], document[part])
        held = self.secrets if secrets is None else secrets
        ended = self.run(self, json.dumps(document), held)
        for value in held.values():
            assert value not in ended.stdout + ended.stderr
        answer: dict[str, Any] = json.loads(ended.stdout)
        assert ended.status == int("error" in answer), ended.stderr
        if "error" in answer:
            assert answer["error"]["code"] in self.contract["operations"]["errorMap"]
            assert "Traceback" not in ended.stderr
        else:
            assert not json_schema.violations(schemas["output"], answer)
        return answer


def program(folder: str, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Program:
    """The program in `capabilities/<folder>`."""
    path = ROOT / "capabilities" / folder
    contract = yaml.safe_load((path / "capability.yaml").read_text())
    return Program(path, contract, config, secrets)


@contextlib.contextmanager
def kept(cold: Program) -> Iterator[Program]:
    """The same program, in one process for all calls: many are made in the time of one."""
    with tempfile.TemporaryDirectory() as private:
        folder = Path(private)
        process = subprocess.Popen(
            [sys.executable, str(_AGAIN)], cwd=cold.folder, env=environment(folder),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def again(_: Program, document: str, secrets: Mapping[str, str]) -> Ended:
            write_secrets(folder, secrets)
            stdin.write(document + "\n")
            stdin.flush()
            line = stdout.readline()
            assert line, "the program has ended"
            return Ended(**json.loads(line))

        try:
            yield replace(cold, run=again)
        finally:
            stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            stdout.close()


def environment(private: Path) -> dict[str, str]:
    """As runners give it."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "HOME": str(private), "TMPDIR": str(private), "LANG": "C.UTF-8",
        "OCS_SECRETS_DIR": str(private / "secrets"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def write_secrets(private: Path, secrets: Mapping[str, str]) -> None:
    """A file for each, and no other."""
    held = private / "secrets"
    held.mkdir(exist_ok=True)
    for file in held.iterdir():
        file.unlink()
    for name, value in secrets.items():
        (held / name).write_text(value)
