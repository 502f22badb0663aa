"""Which runner is taken, by what there is: an engine's socket, and what opens sessions with it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import RunnerUnavailable, RunRefused
from engine.runners import dagger_engine
from engine.runners.choice import choose_runner


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a socket that answers a look, for a user who has nothing else."""
    for name in ("DAGGER_SESSION_PORT", dagger_engine.SESSION_PROGRAM, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(dagger_engine.RUNNER_HOST, f"unix://{tmp_path}/engine.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/engine.sock")
        listening.listen()
        yield tmp_path


def test_auto_downloads_nothing(engine: Path) -> None:
    """Without what opens sessions it takes processes, and says how to have Dagger."""
    runner, says = choose_runner("auto", engine)
    assert runner.name == "process"
    assert says.endswith(
        f"(the Dagger engine at unix://{engine}/engine.sock; the SDK downloads dagger "
        f"{dagger_engine.VERSION} to reach it: `--runner dagger` does that)"
    )
    assert choose_runner("dagger", engine)[0].name == "dagger"


@pytest.mark.parametrize("place", ["session", f".cache/dagger/dagger-{dagger_engine.VERSION}"])
def test_auto_takes_dagger_where_sessions_can_be_opened(engine: Path, place: str) -> None:
    """The engine's script puts the program there, or the SDK has downloaded it."""
    (engine / place).parent.mkdir(parents=True, exist_ok=True)
    (engine / place).symlink_to("/bin/true")
    assert dagger_engine.session_program() == str(engine / place)
    assert choose_runner("auto", engine)[0].name == "dagger"


def test_without_an_engine_dagger_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And `auto` says what it found."""
    monkeypatch.delenv("DAGGER_SESSION_PORT", raising=False)
    monkeypatch.setenv(dagger_engine.RUNNER_HOST, f"unix://{tmp_path}/engine.sock")
    with pytest.raises(RunnerUnavailable, match="no Dagger engine answers at"):
        choose_runner("dagger", tmp_path)
    runner, says = choose_runner("auto", tmp_path)
    assert (runner.name, "no Dagger engine answers at" in says) == ("process", True)
    with pytest.raises(RunRefused, match="there is no runner 'docker'"):
        choose_runner("docker", tmp_path)
