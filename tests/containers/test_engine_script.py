"""`containers/engine/engine`: starts an engine of one's own, once, and ends it by its process id.

It is run in a network namespace of its own, so that it meets neither the machine's engine nor the
ports of its name server. What it builds must be there already: CI has started one before.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runners import dagger_engine
from tests.engine import REQUIRED

ROOT = Path(__file__).parents[2]
ENGINE = str(ROOT / "containers/engine/engine")
NAME = "harmonytest"
SECONDS = 240
pytestmark = pytest.mark.timeout(2 * SECONDS)
UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"  # SIOCSIFFLAGS, IFF_UP
)


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _environment() -> dict[str, str]:
    given = ("PATH", "HOME", "XDG_CACHE_HOME", "GOPATH", "GOMODCACHE", "GOCACHE")
    return {name: os.environ[name] for name in given if name in os.environ}


@pytest.fixture
def own_engine() -> Iterator[None]:
    """Skips where none can be started; nothing of it is left."""
    why = ""
    if sys.platform != "linux" or os.geteuid() != 0:
        why = "only root of a Linux can start an engine"
    elif _run(ENGINE, "built").returncode:
        why = "the engine is not built here; `make engine` builds it"
    if why and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is 1, and {why}", pytrace=False)
    if why:
        pytest.skip(why)
    yield
    _run(ENGINE, "stop", HARMONY_ENGINE=NAME)
    shutil.rmtree(f"/var/lib/{NAME}", ignore_errors=True)
    shutil.rmtree(f"/run/{NAME}", ignore_errors=True)


@pytest.mark.usefixtures("own_engine")
def test_starts_at_once_are_one_and_a_stop_leaves_nothing() -> None:
    script = f"""
        set -eu
        {sys.executable} -c "{UP}"
        {ENGINE} start >/run/{NAME}.1 & one=$!
        {ENGINE} start >/run/{NAME}.2 & two=$!
        wait $one; wait $two
        cmp /run/{NAME}.1 /run/{NAME}.2; cat /run/{NAME}.1; rm /run/{NAME}.1 /run/{NAME}.2
        engine=$(cat /run/{NAME}/engine.pid) registry=$(cat /run/{NAME}/registry.pid)
        names=$(cat /run/containers/cni/dnsname/{NAME}/pidfile)
        {ENGINE} start >/dev/null
        [ "$(cat /run/{NAME}/engine.pid)" = "$engine" ]
        {ENGINE} status
        {ENGINE} run sh -c 'echo "given $HARMONY_BASE_IMAGE"'
        kill -0 $engine  # `run` ends only what it started
        kill -9 $engine
        {ENGINE} start >/dev/null
        engine=$(cat /run/{NAME}/engine.pid)
        {ENGINE} stop
        iptables-save | grep -e '{NAME}' -e 'CNI-FORWARD -[sd]' && exit 9
        ! kill -0 $engine 2>/dev/null
        ! kill -0 $registry 2>/dev/null
        ! kill -0 $names 2>/dev/null
        {ENGINE} stop
        {ENGINE} status || echo "status $?"
    """
    ended = _run("unshare", "--net", "bash", "-c", script, HARMONY_ENGINE=NAME)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    base = r"127\.0\.0\.1:\d+/harmony/base@sha256:[0-9a-f]{64}"
    assert f"{dagger_engine.RUNNER_HOST}=unix:///run/{NAME}/engine.sock" in ended.stdout
    assert re.search(rf"^export HARMONY_BASE_IMAGE={base}$", ended.stdout, re.MULTILINE)
    assert re.search(rf"^given {base}$", ended.stdout, re.MULTILINE)
    assert "status 3" in ended.stdout
    assert ended.stderr.count(f"engine: Dagger v{dagger_engine.VERSION} answers") == 3, (
        "two starts, one status"
    )
    assert f"engine: no engine answers at /run/{NAME}/engine.sock" in ended.stderr
    assert not Path(f"/run/{NAME}/engine.sock").exists()


@pytest.mark.usefixtures("own_engine")
def test_run_ends_what_it_started_and_gives_the_commands_status() -> None:
    script = (
        f'{sys.executable} -c "{UP}"; {ENGINE} run sh -c "exit 7"; echo "status $?"; ls /run/{NAME}'
    )
    ended = _run("unshare", "--net", "bash", "-c", script, HARMONY_ENGINE=NAME)
    assert "status 7" in ended.stdout, ended.stdout + ended.stderr
    assert "engine.pid" not in ended.stdout
    assert "engine.sock" not in ended.stdout


def test_an_engine_that_the_environment_names_is_used() -> None:
    ended = _run(ENGINE, "start", **{dagger_engine.RUNNER_HOST: "tcp://somewhere:1234"})
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "engine: using the engine that the environment names\n"


def test_docker_is_used_where_it_answers(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 28.0.1\n")
    docker.chmod(0o755)
    ended = _run(ENGINE, "start", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "engine: Docker answers: the Dagger SDK starts its engine there\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_only_root_can_start_one() -> None:
    ended = _run(
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        ENGINE,
        "start",
        HARMONY_ENGINE="other",
        HOME="/tmp",
    )
    assert ended.returncode == 1
    assert "only root can start it: say sudo -E" in ended.stderr


@pytest.mark.parametrize("name", ["", "With Capitals", "a" * 13, "../x"])
def test_a_name_that_cannot_be_one(name: str) -> None:
    ended = _run(ENGINE, "status", HARMONY_ENGINE=name)
    if name:
        assert ended.returncode == 64
        assert "HARMONY_ENGINE is at most 12 small letters, digits and dashes" in ended.stderr
    else:
        assert ended.returncode in {0, 3}, "none named: the machine's"


def test_its_version_is_the_sdks() -> None:
    told = _run(str(ROOT / "containers/engine/version")).stdout.strip()
    assert told == f"v{dagger_engine.VERSION}"
