"""What `harmony doctor` finds, and how it ends."""

from pathlib import Path
from typing import Any

import pytest

from engine.temporal.client import Client
from engine.temporal.server_clock import look
from tests.cli.conftest import Harmony


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


@pytest.mark.usefixtures("project")
def test_unreachable_is_4(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr("engine.cli.checkup._TIMEOUT", 0.5)
    ran = harmony("doctor")
    assert ran.status == 4
    assert "fail  temporal" in ran.out


def test_faults_are_1(harmony: Harmony, project: Path) -> None:
    (project / "blueprints" / "a.yaml").write_text("blueprint: b\n")
    (project / "policy.yaml").write_text("rolls: {}\n")
    (project / "harmony.yaml").write_text("secrets: {a.b: {c: plain-text}}\n")
    ran = harmony("doctor", "--json")
    assert ran.status == 1
    found = _found(ran.document)
    assert found["project"] == found["policy"] == found["settings"] == "fail"
    assert "plain-text" not in ran.out + ran.err


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
