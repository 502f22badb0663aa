"""The runbooks of this project, run for real on this machine, in folders of the test's own."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.language.catalog import Catalog
from tests.test_runme_runner import call

ROOT = Path(__file__).parent.parent
HOSTILE_NAMES = (
    "-rf",
    "a b.log",
    "new\nline.log",
    "$(id).log",
    "*.log",
    "\x1b[31m.log",
    "ü.log",
    "'\".log",
)
DAY = 86_400


def run(name: str, **given: Any) -> dict[str, Any]:
    text = (ROOT / "runbooks" / f"{name}.md").read_text()
    path = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
    environment = {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return call(text, environment, **given)


def output_of(answer: dict[str, Any]) -> dict[str, str]:
    assert "error" not in answer, answer
    return {block["name"]: block["stdout"] for block in answer["blocks"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files with hostile names, old and new, folders and links among them."""
    for name in HOSTILE_NAMES:
        (tmp_path / name).write_text("x" * 5000)
    (tmp_path / "sub dir.log").mkdir()
    (tmp_path / "sub dir.log" / "deep.log").write_text("y" * 9000)
    (tmp_path / "old.log").write_text("z")
    old = time.time() - 10 * DAY
    os.utime(tmp_path / "old.log", (old, old))
    (tmp_path / "keep.txt").write_text("keep")
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    (tmp_path / "elsewhere.log").symlink_to("/etc")
    return tmp_path


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
            for path in folder.rglob("*")}  # fmt: skip


def test_host_triage_says_something_of_everything() -> None:
    found = output_of(run("host-triage", env={"TOP": 3}))
    assert re.match(
        r"load [\d.]+ [\d.]+ [\d.]+ \(1, 5, 15 minutes\) on \d+ processors\nup ", found["load"]
    )
    assert re.search(
        r"^memory +\d+ MiB, \d+ MiB available \(\d+ %\)$", found["memory"], re.MULTILINE
    )
    assert "Mounted on" in found["disk"]
    assert len(found["processes"].splitlines()) == 2 + 2 * 3
    assert found["units"]
    assert found["kernel"]


def test_host_triage_finds_who_listens() -> None:
    with contextlib.ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        expected = {f"tcp  127.0.0.1:{four.getsockname()[1]} {os.getpid()}/"}
        with contextlib.suppress(OSError):  # a host without IPv6
            server = socket.create_server(("::1", 0), family=socket.AF_INET6)
            six = stack.enter_context(server)
            expected.add(f"tcp6 [::1]:{six.getsockname()[1]} {os.getpid()}/")
        found = output_of(run("host-triage", blocks=["listeners"]))["listeners"]
    assert all(line in found for line in expected)


def test_disk_pressure_shows_folders_and_files_and_changes_nothing(folder: Path) -> None:
    (folder / "sub dir.log" / "big\nname").write_bytes(b"x" * 12_000_000)
    before = contents(folder)
    found = output_of(run("disk-pressure", env={"FOLDER": str(folder), "TOP": 2}))
    assert [line.split("\t")[1] for line in found["folders"].splitlines()] == [".", "./sub dir.log"]
    assert re.fullmatch(r"\d+\t\./sub dir\.log/big\?name\n", found["files"])
    assert contents(folder) == before


def test_disk_pressure_finds_what_is_deleted_and_still_open(tmp_path: Path) -> None:
    name = tmp_path / "gone\nfor good (x)"
    with name.open("wb") as file:
        file.write(b"x" * 3_000_000)
        file.flush()
        name.unlink()
        found = output_of(run("disk-pressure", blocks=["deleted"]))["deleted"]
    assert f"{os.getpid()}/" in found
    assert "/gone?for good (x) (deleted)\n" in found


def test_disk_pressure_needs_a_whole_path() -> None:
    assert run("disk-pressure", env={"FOLDER": "relative"})["error"]["code"] == "PARAMETERS"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    now = datetime.now(UTC)
    local = now.astimezone()
    long_ago = now - timedelta(hours=5)
    another_day = local - timedelta(days=2)
    escape = b"\x1b[31m\xff\0\n"
    file = tmp_path / "-a log.txt"
    file.write_bytes(
        b"".join((
            f"{long_ago:%Y-%m-%dT%H:%M:%SZ} ERROR long ago\n".encode(),
            b"  at its trace: error\n",
            f"{now:%Y-%m-%dT%H:%M:%S}.123Z ERROR request 17 failed ".encode() + escape,
            b"  at its trace: error\n",
            f"{local:%Y-%m-%d %H:%M:%S} [worker] Timeout: timed out\n".encode(),
            f"{local:%b %e %H:%M:%S} host app[1]: error in syslog's form\n".encode(),
            f"{another_day:%b %e %H:%M:%S} host app[1]: error of another day\n".encode(),
            f"{now:%Y/%m/%d %H:%M:%S} UTC all is well\n".encode(),
        ))
    )  # fmt: skip
    return file


def test_service_logs_shows_errors_since_a_time(log: Path) -> None:
    found = output_of(run("service-logs", env={"FILE": str(log), "SINCE": "1h"}))["errors"]
    assert ": 4 matching lines since " in found
    assert "ERROR request 17 failed ?[31m" in found
    assert "ERROR request # failed" in found
    assert "syslog's form" in found
    assert "timed out" in found
    assert "long ago" not in found
    assert "another day" not in found
    assert "all is well" not in found


def test_service_logs_takes_a_time_and_a_pattern(log: Path) -> None:
    given = {"FILE": str(log), "SINCE": "2020-01-01", "PATTERN": "all is|LONG ago", "LINES": 1}
    found = output_of(run("service-logs", env=given))["errors"]
    assert ": 2 matching lines since 2020-01-01T00:00:00Z" in found
    assert found.endswith("UTC all is well\n")


@pytest.mark.parametrize("moment", ["1 hour ago", "-1h", "2020-01-01 10", "$(id)"])
def test_service_logs_refuses_other_times(log: Path, moment: str) -> None:
    answer = run("service-logs", env={"FILE": str(log), "SINCE": moment})
    assert answer["error"]["code"] == "PARAMETERS"


def test_service_logs_wants_a_unit_or_a_file(log: Path) -> None:
    for given in ({}, {"UNIT": "x", "FILE": str(log)}):
        assert run("service-logs", env=given)["error"]["code"] == "PARAMETERS"


def test_service_logs_finds_what_a_file_without_times_holds(tmp_path: Path) -> None:
    plain = tmp_path / "plain.log"
    plain.write_text("ERROR one\nall is well\n")
    found = output_of(run("service-logs", env={"FILE": str(plain)}))["errors"]
    assert ": 1 matching lines since " in found
    assert found.endswith("ERROR one\n")


def test_service_logs_says_what_is_wrong(log: Path) -> None:
    wrong = run("service-logs", env={"FILE": str(log), "PATTERN": "("})["error"]["message"]
    assert "PATTERN is not a regular expression" in wrong
    os.mkfifo(log.parent / "pipe")
    wrong = run("service-logs", env={"FILE": str(log.parent / "pipe")})["error"]["message"]
    assert "is no file that" in wrong


def test_reclaim_space_removes_old_files_and_nothing_else(folder: Path) -> None:
    before = contents(folder)
    found = output_of(run("reclaim-space", env={"FOLDER": str(folder), "PATTERN": "*.log"}))
    assert re.fullmatch(rf"1 files, \d+ KiB below {folder}\n\./old\.log\n", found["list"])
    assert re.fullmatch(r"free: \d+ KiB before, \d+ KiB now\n", found["remove"])
    assert found["verify"].startswith("nothing that matches is left\n")
    gone = before.keys() - contents(folder).keys()
    assert gone == {str(folder / "old.log")}


def test_reclaim_space_is_safe_with_hostile_names(folder: Path) -> None:
    given = {"FOLDER": str(folder), "PATTERN": "*.log", "DAYS": 0}
    found = output_of(run("reclaim-space", env=given))
    assert "./new?line.log" in found["list"]
    assert "./?[31m.log" in found["list"]
    assert "nothing that matches is left" in found["verify"]
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert left == {"-rf", "sub dir.log", "keep.txt", "link.log", "elsewhere.log"}


def test_reclaim_space_says_which_folder_is_not_there(folder: Path) -> None:
    given = {"FOLDER": f"{folder}/none", "PATTERN": "*.log"}
    message = run("reclaim-space", env=given)["error"]["message"]
    assert re.match(r"block list failed with exit code \d: list: (line )?\d+: cd: ", message)
    assert f"{folder}/none" in message


def test_reclaim_space_lists_no_more_than_a_reader_takes_in(folder: Path) -> None:
    for number in range(501):
        (folder / f"{number}.tmp").touch()
    given = {"FOLDER": str(folder), "PATTERN": "*.tmp", "DAYS": 0}
    listed = output_of(run("reclaim-space", env=given, blocks=["list"]))["list"].splitlines()
    assert listed[0] == f"501 files, 0 KiB below {folder}"
    assert listed[-1] == "… and 1 more"
    assert len(listed) == 502


def test_reclaim_space_takes_a_pattern_that_looks_like_an_option(folder: Path) -> None:
    output_of(run("reclaim-space", env={"FOLDER": str(folder), "PATTERN": "-r*", "DAYS": 0}))
    assert not (folder / "-rf").exists()
    assert (folder / "keep.txt").exists()


@pytest.mark.parametrize("block", ["list", "remove"])
@pytest.mark.parametrize(
    "place",
    [
        "/",
        "//",
        "/etc",
        "/etc/ssl",
        "/usr",
        "/var",
        "/var/lib",
        "/root",
        "/home",
        "/tmp/../etc",
        "/proc/self",
    ],
)
def test_reclaim_space_refuses_the_system(place: str, block: str) -> None:
    given = {"FOLDER": place, "PATTERN": "*.no-such-file"}
    answer = run("reclaim-space", env=given, blocks=[block])
    assert answer["error"]["code"] == "BLOCK_FAILED"
    assert "exit code 3: refused: " in answer["error"]["message"]


def test_reclaim_space_refuses_a_link_to_the_system(folder: Path) -> None:
    given = {"FOLDER": str(folder / "elsewhere.log"), "PATTERN": "*.no-such-file"}
    assert "refused: /etc belongs" in run("reclaim-space", env=given)["error"]["message"]


@pytest.mark.parametrize("pattern", ["", "a/b", "../*"])
def test_reclaim_space_takes_the_pattern_of_a_name_alone(folder: Path, pattern: str) -> None:
    answer = run("reclaim-space", env={"FOLDER": str(folder), "PATTERN": pattern})
    assert answer["error"]["code"] == "PARAMETERS"


def test_what_lists_and_what_removes_refuse_the_same() -> None:
    runbook = Catalog.load(ROOT).runbook("reclaim-space")
    assert runbook is not None
    code = {block.name: block.code for block in runbook.blocks}
    guard, _, _ = code["list"].partition("\nfind ")
    assert len(guard.splitlines()) > 20
    assert code["remove"].startswith(guard)


@pytest.mark.parametrize("shell", [name for name in ("sh", "bash", "dash") if shutil.which(name)])
@pytest.mark.parametrize("name", Catalog.load(ROOT).runbooks())
def test_every_block_parses_in_plain_shells(name: str, shell: str) -> None:
    runbook = Catalog.load(ROOT).runbook(name)
    assert runbook is not None
    for block in runbook.blocks:
        subprocess.run([shell, "-n"], input=block.code, text=True, check=True, timeout=10)
