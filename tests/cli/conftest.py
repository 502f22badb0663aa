"""Runs `harmony` within the test's process, and gives what came out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from tests.engine import no_engine

PROJECT = Path(__file__).parents[1] / "project"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout, which must be exactly one JSON document."""
        return json.loads(self.out)


Harmony = Callable[..., Ran]


@pytest.fixture
def harmony(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Harmony:
    """`harmony("validate", "--json")`, without a terminal, in the test's working folder, and
    without the Dagger engine that this machine may have."""
    for name in ("TEMPORAL_ADDRESS", "HARMONY_USER", "HARMONY_DEBUG", "FLAGD_HOST"):
        monkeypatch.delenv(name, raising=False)
    no_engine(monkeypatch)

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        status = main(arguments)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the working folder."""
    (tmp_path / "blueprints").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shared_project(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of the tests, as the working folder; nothing may be written into it."""
    monkeypatch.chdir(PROJECT)
    return PROJECT
