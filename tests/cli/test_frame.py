"""The frame: what every command does alike."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from engine.cli import main as program
from engine.cli.main import COMMANDS
from engine.errors import ServiceUnavailable
from tests.cli.conftest import PROJECT, Harmony

HARMONY = (sys.executable, "-m", "engine.cli.main")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(harmony: Harmony, name: str) -> None:
    ran = harmony(name, "--help")
    assert ran.status == 0
    assert f"harmony {name}" in ran.out


@pytest.mark.parametrize("name", ["", "capability", "incident", "runbook", "image", "new"])
def test_an_overview_cuts_no_sentence(harmony: Harmony, name: str) -> None:
    _, _, commands = harmony(*name.split(), "--help").out.partition("\nCommands:")
    assert commands
    assert "..." not in commands


def test_the_overview_names_every_command(harmony: Harmony) -> None:
    ran = harmony("--help")
    assert all(f"  {name} " in ran.out for name in COMMANDS)


def test_version(harmony: Harmony) -> None:
    assert harmony("--version").out == f"harmony {version('harmony-incidents')}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("valdate",), "did you mean 'validate'"),
        (("capability", "lst"), "did you mean 'list'"),
        (("graph", "test.helo"), "did you mean 'test.hello'"),
        (("plan", "test.helo"), "did you mean 'test.hello'"),
        (("capability", "show", "golden.test.ecko"), "did you mean 'golden.test.echo'"),
        (("runbook", "show", "sey"), "did you mean 'say'"),
        (("schema", "blueprnt"), "did you mean 'blueprint'"),
        (("validate", "--fromat", "json"), "--format"),
        (("validate", "--format", "xml"), "'sarif'"),
        (("graph",), "Missing argument"),
        (("--project", "/nowhere", "validate"), "/nowhere"),
        (("--project", "/proc", "validate"), "no project"),
        (("capability",), "say which command"),
        (("run", "test.hello", "--id", ""), "1 to 255"),
        (("plan", "test.hello", "--context", "severity=P1"), "incident_severity"),
        (("plan", "test.hello", "--context", "incident_severty=P1"), "did you mean"),
    ],
)
@pytest.mark.usefixtures("shared_project")
def test_a_slip_is_refused_with_a_hint(
    harmony: Harmony, arguments: tuple[str, ...], said: str
) -> None:
    ran = harmony(*arguments)
    assert ran.status == 2
    assert said in ran.err
    assert ran.out == ""


@pytest.mark.usefixtures("shared_project")
def test_a_refusal_is_one_document_too(harmony: Harmony) -> None:
    ran = harmony("--json", "graph", "test.helo")
    assert ran.status == 2
    assert ran.document["error"]["exitStatus"] == 2
    assert ran.document["error"]["code"] == "BLUEPRINT_UNKNOWN"


@pytest.mark.parametrize(
    "arguments",
    [
        ("valdate", "--json"),
        ("--json", "valdate"),
        ("run", "--json", "--severty", "P1"),
        ("capability", "--json"),
        ("capability", "lst", "--json"),
        ("plan", "\udcff", "--json"),
    ],
)
def test_so_is_one_of_a_line_that_could_not_be_read(
    harmony: Harmony, arguments: tuple[str, ...]
) -> None:
    ran = harmony(*arguments)
    assert ran.document["error"]["exitStatus"] == ran.status == 2


def test_shared_options_stand_anywhere(harmony: Harmony) -> None:
    before = harmony("--project", str(PROJECT), "--json", "runbook", "list")
    between = harmony("runbook", "--json", "--project", str(PROJECT), "list")
    behind = harmony("runbook", "list", "--json", "--project", str(PROJECT))
    assert before.document == between.document == behind.document != []


def test_no_project_is_said(
    harmony: Harmony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = harmony("validate")
    assert ran.status == 2
    assert "--project" in ran.err


def test_the_nearest_project_upward_counts(
    harmony: Harmony, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "runbooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(project / "runbooks" / "deep")
    assert harmony("validate").status == 0


def _failing(error: BaseException) -> object:
    def fail(*_: object) -> int:
        raise error

    return fail


def test_what_cannot_be_reached_is_4(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_dispatch", _failing(ServiceUnavailable("nobody there")))
    ran = harmony("list")
    assert (ran.status, ran.err) == (4, "harmony: nobody there\n")


def test_ctrl_c_is_130(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_dispatch", _failing(KeyboardInterrupt()))
    assert harmony("list").status == 130


def test_a_bug_is_one_line(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_dispatch", _failing(ZeroDivisionError("oh\nno")))
    ran = harmony("list")
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "HARMONY_DEBUG=1" in ran.err
    assert "Traceback" not in ran.err


def test_a_bug_can_be_looked_into(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_dispatch", _failing(ZeroDivisionError("oh")))
    monkeypatch.setenv("HARMONY_DEBUG", "1")
    assert "Traceback" in harmony("list").err


def test_a_reader_that_leaves_is_no_error() -> None:
    ran = subprocess.run(
        ["bash", "-c", '"$@" | true; echo "${PIPESTATUS[0]}"', "-", *HARMONY, "schema",
         "blueprint"],
        capture_output=True, text=True, timeout=30, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert ran.stdout.strip() in ("0", "141")
    assert "Traceback" not in ran.stderr
    assert "rror" not in ran.stderr


def test_validate_and_help_import_nothing_heavy() -> None:
    code = (
        "import sys; from engine.cli.main import main; "
        "main(sys.argv[1:]); "
        "heavy = {'temporalio', 'rich', 'grpc', 'openfeature', 'asyncio'} & set(sys.modules); "
        "sys.exit(','.join(sorted(heavy)) or 0)"
    )
    for arguments in (["--help"], ["validate", "blueprints/test.hello.yaml"]):
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True, text=True, timeout=30, cwd=PROJECT, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr


def test_no_colour_without_a_terminal(harmony: Harmony) -> None:
    assert "\x1b" not in harmony("valdate").err


def test_the_reference_names_every_command() -> None:
    page = (PROJECT.parents[1] / "docs" / "reference" / "command-line.md").read_text()
    assert [name for name in COMMANDS if f"`harmony {name}" not in page] == []
