"""What `harmony doctor` finds, and how it ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.runners import dagger_engine
from engine.temporal.client import Client
from engine.temporal.embedded import embedded_server
from engine.temporal.server_clock import look
from tests.cli.conftest import Harmony, Ran
from tests.engine import need_engine


def _found(document: Any) -> dict[str, str]:
    return {check["check"]: check["level"] for check in document["checks"]}


@pytest.mark.usefixtures("shared_project")
def test_without_a_cluster(harmony: Harmony) -> None:
    ran = harmony("doctor", "--json")
    assert ran.status == 0
    assert ran.document["healthy"]
    found = _found(ran.document)
    assert found["temporal"] == found["project"] == found["clock"] == "ok"
    assert found["policy"] == "warn"


@pytest.mark.usefixtures("shared_project")
async def test_the_embedded_server_s_address_is_said_while_it_runs(
    harmony: Harmony, tmp_path: Path
) -> None:
    """Temporal's own command line needs it."""
    state = tmp_path / "state"
    command = ("doctor", "--state", str(state))
    before = await asyncio.to_thread(harmony, *command)
    assert "started when it is needed" in before.out
    assert not state.exists()
    async with embedded_server(state) as server:
        ran = await asyncio.to_thread(harmony, *command)
    assert f"; at {server.address}" in ran.out


@pytest.mark.usefixtures("project")
def test_unreachable_is_4(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr("engine.cli.checkup._TIMEOUT", 0.5)
    ran = harmony("doctor")
    assert ran.status == 4
    assert "fail  temporal" in ran.out


def test_a_state_folder_that_cannot_be_made_is_4(harmony: Harmony, project: Path) -> None:
    (project / "file").touch()
    ran = harmony("doctor", "--state", str(project / "file" / "state"))
    assert ran.status == 4
    assert "nothing can be written to" in ran.out
    assert "--state" in ran.out


def test_faults_are_1(harmony: Harmony, project: Path) -> None:
    (project / "blueprints" / "a.yaml").write_text("blueprint: b\n")
    (project / "policy.yaml").write_text("rolls: {}\n")
    (project / "harmony.yaml").write_text("secrets: {a.b: {c: plain-text}}\n")
    ran = harmony("doctor", "--json")
    assert ran.status == 1
    found = _found(ran.document)
    assert found["project"] == found["policy"] == found["settings"] == "fail"
    assert "plain-text" not in ran.out + ran.err


@pytest.mark.parametrize("written", ["{", "flags: {}", '{"flags": {"a": {"state": "ON"}}}'])
def test_flags_that_flagd_would_not_read_are_a_failure(
    harmony: Harmony, project: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.delenv("FLAGD_HOST", raising=False)
    (project / "harmony.yaml").write_text("flags: {file: flags.json}\n")
    (project / "flags.json").write_text(written)
    ran = harmony("doctor")
    assert ran.status == 1
    assert "fail  flags" in ran.out
    assert "flags.json: " in ran.out
    assert "fault(s)" in ran.out
    monkeypatch.setenv("FLAGD_HOST", "127.0.0.1")
    assert "ok    flags" in harmony("doctor").out


@pytest.mark.usefixtures("shared_project")
def test_secrets_by_name_never_by_value(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = harmony("doctor")
    assert "golden.test.keeper token: not set (env:HARMONY_TEST_TOKEN)" in unset.out
    monkeypatch.setenv("HARMONY_TEST_TOKEN", "very-secret-value")
    ran = harmony("doctor")
    assert "golden.test.keeper token: set, from env:HARMONY_TEST_TOKEN" in ran.out
    assert "very-secret-value" not in ran.out + ran.err


def test_no_project_is_a_warning(
    harmony: Harmony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = harmony("doctor", "--json")
    assert (ran.status, _found(ran.document)["project"]) == (0, "warn")


async def test_the_servers_clock_is_seen(client: Client) -> None:
    seen = await look(client)
    assert seen.skew_seconds is not None
    assert abs(seen.skew_seconds) < 2


def test_the_incident_store_is_looked_at_and_not_made(
    harmony: Harmony, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HARMONY_DATABASE_URL", raising=False)
    state = ("--state", str(tmp_path))
    ran = harmony("doctor", "--json", *state)
    assert _found(ran.document)["store"] == "ok"
    assert not (tmp_path / "incidents.db").exists()
    (tmp_path / "timeline").mkdir()
    (tmp_path / "timeline" / "1-1.jsonl").write_text("")
    assert "1 file(s) of events wait for the store" in harmony("doctor", *state).out
    monkeypatch.setenv("HARMONY_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/incidents")
    away = harmony("doctor", *state)
    assert "127.0.0.1:1/incidents (HARMONY_DATABASE_URL) does not answer" in away.out
    assert "hunter2" not in away.out
    monkeypatch.setenv("HARMONY_DATABASE_URL", "mysql://u:hunter2@127.0.0.1:1/incidents")
    wrong = harmony("doctor", *state)
    assert "HARMONY_DATABASE_URL cannot be used" in wrong.out


def _of_runner(ran: Ran) -> dict[str, str]:
    found: dict[str, str] = next(
        each for each in ran.document["checks"] if each["check"] == "runner"
    )
    return found


@pytest.mark.usefixtures("project")
def test_no_engine_and_how_to_get_one(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _of_runner(harmony("doctor", "--json"))
    assert found["level"] == "warn"
    assert "no Dagger engine answers at unix:///nowhere/engine.sock" in found["text"]
    assert found["do"] == "Start it, or unset _EXPERIMENTAL_DAGGER_RUNNER_HOST."
    monkeypatch.delenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST")
    monkeypatch.setattr("engine.runners.dagger_engine.DEFAULT_SOCKET", "/nowhere/engine.sock")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    found = _of_runner(harmony("doctor", "--json"))
    assert "none at unix:///nowhere/engine.sock, no _EXPERIMENTAL" in found["text"]
    assert "no Docker at unix:///nowhere/docker.sock" in found["text"]
    assert found["do"].startswith("Start one with `make engine`, or start Docker")


def test_dagger_that_is_asked_for_and_not_there_fails(harmony: Harmony, project: Path) -> None:
    (project / "harmony.yaml").write_text("runner: dagger\n")
    ran = harmony("doctor", "--json")
    assert (ran.status, _of_runner(ran)["level"]) == (1, "fail")


@pytest.mark.usefixtures("project")
def test_an_engine_that_answers_is_tried(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST")
    need_engine()
    assert _of_runner(harmony("doctor", "--json"))["level"] == "ok"
    monkeypatch.setenv("HARMONY_BASE_IMAGE", "127.0.0.1:9/harmony/base:1")
    found = _of_runner(harmony("doctor", "--json"))
    assert found["level"] == "fail"
    assert "the engine cannot get the base image 127.0.0.1:9/harmony/base:1" in found["text"]
    assert "HARMONY_BASE_IMAGE" in found["do"]
    monkeypatch.delenv("HARMONY_BASE_IMAGE")
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", dagger_engine.session_program() or "")
    monkeypatch.setattr("engine.runners.dagger_engine.VERSION", "0.1.2")
    found = _of_runner(harmony("doctor", "--json"))
    assert "the engine is Dagger 0.21.8, and Harmony speaks to 0.1.2" in found["text"]
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", "/nowhere/session")
    found = _of_runner(harmony("doctor", "--json"))
    assert "_EXPERIMENTAL_DAGGER_CLI_BIN names no program: /nowhere/session" in found["text"]
