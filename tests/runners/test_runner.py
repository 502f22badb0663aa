"""What every backend promises."""

import asyncio
import secrets
import signal
import time
from pathlib import Path

import pytest

from engine.runners.base import MAX_STDERR, MAX_STDOUT, Execution, Limits, Runner
from tests.runners.conftest import GRACE_SECONDS, PATIENCE_SECONDS
from tests.runners.programs import (
    execution,
    exists,
    marked,
    open_descriptors,
    output,
    until,
)

KEPT_OPEN = 20
"""Connections that an HTTP client keeps for its next requests."""
AT_ONCE = {"process": 100, "dagger": 25}
"""A container costs the processor forty times what a program costs."""


async def test_input_output_and_words_for_people(runner: Runner, tmp_path: Path) -> None:
    source = """
        import json, sys
        given = json.load(sys.stdin)
        print("working", file=sys.stderr)
        json.dump({"got": given}, sys.stdout)
    """
    ran = await runner.run(execution(tmp_path, source, stdin=b'{"input": {"n": 1.5}}'))
    assert output(ran) == {"got": {"input": {"n": 1.5}}}
    assert ran.stderr == b"working\n"
    assert (ran.timed_out, ran.stdout_truncated, ran.stderr_truncated, ran.note) == (
        False, False, False, "",
    )  # fmt: skip


async def test_the_environment_holds_nothing_else(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the worker")
    source = "import json, os; print(json.dumps(dict(os.environ)))"
    ran = await runner.run(execution(tmp_path, source, environment={"OCS_EXTRA": "1"}))
    found = output(ran)
    found.pop("LC_CTYPE", None)  # Python's own
    assert found.keys() == {"PATH", "HOME", "TMPDIR", "LANG", "OCS_SECRETS_DIR", "OCS_EXTRA"}


async def test_the_working_folder_is_the_capabilitys(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("[1]")
    ran = await runner.run(execution(tmp_path, "print(open('data.json').read())"))
    assert output(ran) == [1]


async def test_the_private_folder_is_writable_and_removed(runner: Runner, tmp_path: Path) -> None:
    source = """
        import json, os, pathlib
        folder = pathlib.Path(os.environ["TMPDIR"])
        there = os.listdir(folder)
        inner = folder / "a" / "b"
        inner.mkdir(parents=True)
        (inner / "file").write_text("x")
        (folder / "link").symlink_to("/etc")
        inner.chmod(0)
        (folder / "a").chmod(0)
        mode = oct(folder.stat().st_mode & 0o777)
        print(json.dumps([str(folder), mode, there, os.environ["HOME"]]))
    """
    for _ in range(2):
        given = execution(tmp_path, source, cache_key="its own")
        folder, mode, there, home = output(await runner.run(given))
        assert (mode, there, home) == ("0o700", [], folder)
    if runner.name == "process":  # a container's went with the container
        assert not exists(Path(folder).parent)
    assert exists("/etc/passwd")


async def test_secrets_are_files_for_this_program_alone(runner: Runner, tmp_path: Path) -> None:
    source = """
        import json, os, pathlib
        folder = pathlib.Path(os.environ["OCS_SECRETS_DIR"])
        files = {p.name: [p.read_text(), oct(p.stat().st_mode & 0o777)] for p in folder.iterdir()}
        print(json.dumps([str(folder), oct(folder.stat().st_mode & 0o777), files]))
    """
    value = "line\r\nä\n"
    ran = await runner.run(execution(tmp_path, source, secrets={"apiKey": value, "b": "2"}))
    folder, mode, files = output(ran)
    assert mode == "0o700"
    assert files["apiKey"][1] == "0o400"
    assert files["b"] == ["2", "0o400"]
    assert not exists(folder)


async def test_a_secret_is_written_as_it_is(runner: Runner, tmp_path: Path) -> None:
    source = """
        import os, pathlib
        print(list(pathlib.Path(os.environ["OCS_SECRETS_DIR"], "key").read_bytes()))
    """
    value = "line\r\nä\n"
    ran = await runner.run(execution(tmp_path, source, secrets={"key": value}))
    assert bytes(output(ran)) == value.encode()


@pytest.mark.parametrize("status", [1, 3, 255])
async def test_the_exit_status_is_the_programs(runner: Runner, tmp_path: Path, status: int) -> None:
    ran = await runner.run(execution(tmp_path, f"raise SystemExit({status})"))
    assert ran.exit_code == status


async def test_a_signal_counts_from_128(runner: Runner, tmp_path: Path) -> None:
    ran = await runner.run(execution(tmp_path, "import os; os.kill(os.getpid(), 11)"))
    assert ran.exit_code == 128 + signal.SIGSEGV


async def test_a_program_need_not_read_its_input(runner: Runner, tmp_path: Path) -> None:
    source = "import os, sys; os.close(0); sys.stdout.write('1')"
    ran = await runner.run(execution(tmp_path, source, stdin=b"x" * 5_000_000))
    assert output(ran) == 1


async def test_large_output_comes_through(runner: Runner, tmp_path: Path) -> None:
    ran = await runner.run(execution(tmp_path, "print('\"' + 'x' * 5_000_000 + '\"')"))
    assert len(output(ran)) == 5_000_000


async def test_output_beyond_the_limit_is_read_and_dropped(runner: Runner, tmp_path: Path) -> None:
    source = """
        import sys
        for _ in range(2 * 8 * 16):
            sys.stdout.write("x" * 65_536)
            sys.stderr.write("y" * 65_536)
        sys.stderr.write("the end")
    """
    ran = await runner.run(execution(tmp_path, source))
    assert ran.exit_code == 0
    assert ran.stdout_truncated
    assert len(ran.stdout) == MAX_STDOUT
    assert ran.stderr_truncated
    assert len(ran.stderr) == MAX_STDERR
    assert ran.stderr.endswith(b"the end")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("no-such-program",), 127, "No such file"),
        (("./missing.sh",), 127, "No such file"),
        (("./plain.txt",), 126, "Permission denied"),
        (("./no-shebang.sh",), 126, "Exec format error"),
        (("./lost-interpreter.sh",), 127, "No such file"),
    ],
)
async def test_a_program_that_cannot_start_says_why(
    runner: Runner, tmp_path: Path, command: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "plain.txt").write_text("words")
    (tmp_path / "no-shebang.sh").write_text("echo 1")
    (tmp_path / "lost-interpreter.sh").write_text("#!/no/such/interpreter\n")
    for name in ("no-shebang.sh", "lost-interpreter.sh"):
        (tmp_path / name).chmod(0o755)
    ran = await runner.run(
        Execution(command=command, folder=tmp_path, stdin=b"", timeout_seconds=60)
    )
    assert ran.exit_code == code
    assert words in ran.note
    assert command[0] in ran.note


async def test_a_time_out_ends_it(runner: Runner, tmp_path: Path) -> None:
    source = """
        import sys, time
        print("before", flush=True)
        print("words", file=sys.stderr, flush=True)
        time.sleep(3600)
    """
    ran = await runner.run(execution(tmp_path, source, timeout_seconds=1))
    assert ran.timed_out
    assert ran.exit_code == 128 + signal.SIGTERM
    assert (ran.stdout, ran.stderr) == (b"before\n", b"words\n")


async def test_it_may_tidy_up_within_the_grace(runner: Runner, tmp_path: Path) -> None:
    source = """
        import signal, sys, time
        def tidy(*_):
            print('"tidied"')
            sys.exit(0)
        signal.signal(signal.SIGTERM, tidy)
        time.sleep(3600)
    """
    ran = await runner.run(execution(tmp_path, source, timeout_seconds=1))
    assert ran.timed_out
    assert output(ran) == "tidied"


async def test_what_ignores_sigterm_is_killed(runner: Runner, tmp_path: Path) -> None:
    source = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(3600)
    """
    began = time.monotonic()
    ran = await runner.run(execution(tmp_path, source, timeout_seconds=1))
    assert ran.exit_code == 128 + signal.SIGKILL
    assert 1 + GRACE_SECONDS <= time.monotonic() - began < 10


ESCAPES = {
    "background": "subprocess.Popen(sleep)",
    "session": "subprocess.Popen(sleep, start_new_session=True)",
    "group": "subprocess.Popen(sleep, process_group=0)",
    "environment": "subprocess.Popen(sleep, start_new_session=True, env={})",
    "double fork": """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execvpe(sleep[0], sleep, {})
    os._exit(0)
os.wait()
""",
    "shell": "os.system(f'setsid nohup {shlex.join(sleep)} >/dev/null 2>&1 &')",
    "deaf": "subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP INT; ' + shlex.join(sleep)])",
}


def escaping(mark: str, how: str, then: str) -> str:
    sleep = ["python3", "-c", "import time; time.sleep(3600)", mark]
    return f"import os, shlex, subprocess, time\nsleep = {sleep!r}\n{ESCAPES[how]}\n{then}\n"


@pytest.mark.parametrize("how", ESCAPES)
async def test_nothing_survives_the_end_of_the_program(
    runner: Runner, tmp_path: Path, how: str
) -> None:
    mark = secrets.token_hex(8)
    ran = await runner.run(execution(tmp_path, escaping(mark, how, "print('1')")))
    assert output(ran) == 1
    assert marked(mark) == []


@pytest.mark.parametrize("how", ESCAPES)
async def test_nothing_survives_a_time_out(runner: Runner, tmp_path: Path, how: str) -> None:
    mark = secrets.token_hex(8)
    source = escaping(mark, how, "time.sleep(3600)")
    ran = await runner.run(execution(tmp_path, source, timeout_seconds=1))
    assert ran.timed_out
    assert marked(mark) == []


@pytest.mark.parametrize("how", ESCAPES)
async def test_nothing_survives_a_cancellation(runner: Runner, tmp_path: Path, how: str) -> None:
    mark = secrets.token_hex(8)
    source = escaping(mark, how, "time.sleep(3600)")
    running = asyncio.create_task(runner.run(execution(tmp_path, source)))
    await until(lambda: bool(marked(mark)))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert marked(mark) == []


async def test_a_stopped_process_is_ended_too(runner: Runner, tmp_path: Path) -> None:
    mark = secrets.token_hex(8)
    source = f"""
        import os, signal, subprocess
        sleep = ["python3", "-c", "import time; time.sleep(3600)", "{mark}"]
        child = subprocess.Popen(sleep, start_new_session=True)
        child.send_signal(signal.SIGSTOP)
        print(child.pid)
    """
    assert output(await runner.run(execution(tmp_path, source)))
    assert marked(mark) == []


async def test_cancelled_twice_does_not_wait_for_the_grace(
    patient_runner: Runner, tmp_path: Path
) -> None:
    mark = secrets.token_hex(8)
    source = escaping(mark, "deaf", "import signal; signal.pause()")
    running = asyncio.create_task(patient_runner.run(execution(tmp_path, source)))
    await until(lambda: bool(marked(mark)))
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < PATIENCE_SECONDS / 2
    assert marked(mark) == []


async def test_memory_is_limited(runner: Runner, tmp_path: Path) -> None:
    source = """
        try:
            held = bytearray(512 * 1024**2)
        except MemoryError:
            print('"refused"')
    """
    limits = Limits(memory_bytes=256 * 1024**2)
    ran = await runner.run(execution(tmp_path, source, limits=limits))
    assert output(ran) == "refused"


async def test_reserved_addresses_are_not_memory(runner: Runner, tmp_path: Path) -> None:
    """Go, Node and the JVM reserve far more than they use."""
    source = """
        import mmap
        reserved = mmap.mmap(-1, 1024**3, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
        print('"reserved"')
    """
    limits = Limits(memory_bytes=256 * 1024**2)
    ran = await runner.run(execution(tmp_path, source, limits=limits))
    assert output(ran) == "reserved"


async def test_the_size_of_a_file_is_limited(runner: Runner, tmp_path: Path) -> None:
    source = """
        import os
        with open(os.environ["TMPDIR"] + "/file", "wb") as file:
            file.write(b"x" * 3_000_000)
    """
    limits = Limits(file_bytes=1_000_000)
    ran = await runner.run(execution(tmp_path, source, limits=limits))
    assert ran.exit_code != 0
    assert b"File too large" in ran.stderr


async def test_open_files_are_limited(runner: Runner, tmp_path: Path) -> None:
    source = """
        import os
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    """
    ran = await runner.run(execution(tmp_path, source, limits=Limits(open_files=64)))
    assert b"Too many open files" in ran.stderr


async def test_processes_are_limited(runner: Runner, tmp_path: Path) -> None:
    """A bomb of 256 processes in as many sessions: bounded, should a limit not hold."""
    mark = secrets.token_hex(8)
    source = """
        import os, time
        first = os.getpid()
        made, make = os.pipe()
        for _ in range(8):
            try:
                if os.fork() == 0:
                    os.setsid()
                    os.write(make, b"1")
            except OSError:
                pass
        time.sleep(1 if os.getpid() == first else 3600)
        print(len(os.read(made, 1000)))
    """
    given = execution(
        tmp_path, source, command=("python3", "program.py", mark), limits=Limits(processes=64)
    )
    ran = await runner.run(given)
    assert ran.exit_code != 0 or output(ran) < 64  # it is ended, or it gets no more
    assert marked(mark) == []


async def test_limits_cannot_be_raised(runner: Runner, tmp_path: Path) -> None:
    source = """
        import json, resource
        print(json.dumps([resource.getrlimit(kind) for kind in (
            resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE,
            resource.RLIMIT_CORE)]))
    """
    limits = Limits(memory_bytes=10**9, file_bytes=10**6, open_files=128)
    ran = await runner.run(execution(tmp_path, source, limits=limits))
    assert output(ran) == [[10**9] * 2, [10**6] * 2, [128] * 2, [1, 1]]


async def test_signals_are_as_a_program_expects(runner: Runner, tmp_path: Path) -> None:
    source = """
        import json, re
        status = open("/proc/self/status").read()
        print(json.dumps([int(re.search(f"{name}:\\\\s*(\\\\w+)", status)[1], 16)
                          for name in ("SigBlk", "SigIgn")]))
    """
    blocked, ignored = output(await runner.run(execution(tmp_path, source)))
    own = (1 << (signal.SIGPIPE - 1)) | (1 << (signal.SIGXFSZ - 1))  # Python's, of the program
    ignored &= (1 << 31) - 1  # the real-time ones above are the C library's
    assert (blocked, ignored & ~own) == (0, 0)


async def test_no_descriptor_is_inherited(runner: Runner, tmp_path: Path) -> None:
    source = "import json, os; print(json.dumps(sorted(map(int, os.listdir('/proc/self/fd')))))"
    found = output(await runner.run(execution(tmp_path, source)))
    assert found[:3] == [0, 1, 2]
    assert len(found) == 4  # and that of the folder it lists


@pytest.mark.timeout(300)
async def test_many_at_once(runner: Runner, tmp_path: Path) -> None:
    many = AT_ONCE[runner.name]
    source = """
        import json, os, sys
        given = json.load(sys.stdin)
        open(os.environ["TMPDIR"] + "/mine", "x").close()
        print(given["n"], open(os.environ["OCS_SECRETS_DIR"] + "/key").read(), file=sys.stderr)
        print(given["n"])
    """
    await runner.run(execution(tmp_path, source, stdin=b'{"n": 0}', secrets={"key": "-"}))
    open_before = open_descriptors()
    ran = await asyncio.gather(
        *(
            runner.run(
                execution(tmp_path, source, stdin=b'{"n": %d}' % n, secrets={"key": f"k{n}"})
            )
            for n in range(many)
        )
    )
    assert [output(each) for each in ran] == list(range(many))
    assert [each.stderr for each in ran] == [f"{n} k{n}\n".encode() for n in range(many)]
    await until(lambda: open_descriptors() <= open_before + KEPT_OPEN, 60)
