"""How faults are shown: with their line and a caret, as JSON, for GitHub, as SARIF."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from engine.faults import Fault
from engine.validation.fault_excerpts import as_human
from engine.validation.fault_reports import as_github, as_json, as_sarif, in_words
from tests import faulty

SARIF = json.loads((faulty.ROOT / "tests" / "data" / "sarif-2.1.0.json").read_text())
for holder in ("run", "toolComponent"):  # as published, this pattern is no regular expression
    del SARIF["definitions"][holder]["properties"]["language"]["pattern"]
FAULTS = (
    Fault("UNKNOWN_KEY", "error", "unknown key 'wiht'", "a b.yaml", 2, 3, "steps[0].wiht", "Did?"),
    Fault("OPTIONAL_READ", "warning", "50% optional,\nhere: now", "a b.yaml", 1, 1),
)


def test_people_see_the_line_and_a_caret(tmp_path: Path) -> None:
    (tmp_path / "a b.yaml").write_text("steps:\n  wiht: {x: 1}\n")
    assert as_human(FAULTS[:1], tmp_path).splitlines() == [
        "a b.yaml:2:3: error[UNKNOWN_KEY]: unknown key 'wiht' (steps[0].wiht)",
        "  2 |   wiht: {x: 1}",
        "    |   ^^^^",
        "  = Did?",
    ]


def test_the_caret_stands_below_its_place_whatever_is_before_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("\u65e5\u672c: \x1b[31m 'two words' x\n" + "x" * 500 + " here\n")
    one = Fault("ID", "error", "m", "f", 1, 11)
    assert as_human([one], tmp_path).splitlines()[1:] == [
        "  1 | \u65e5\u672c: \ufffd[31m 'two words' x",
        "    |             ^^^^^^^^^^^",
    ]
    long = as_human([Fault("ID", "error", "m", "f", 2, 502)], tmp_path).splitlines()
    assert len(long[1]) < 130
    assert long[1][long[2].index("^") :] == "here"


def test_a_line_with_a_secret_in_plain_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("secrets: {a.b: {key: hunter2}}\n")
    faults = (
        Fault("CAPABILITY_UNKNOWN", "error", "there is no capability 'a.b'", "f", 1, 11),
        Fault("SECRET", "error", "the secret 'key' is written in plain", "f", 1, 22, hint="Bind."),
    )
    assert as_human(faults, tmp_path).splitlines() == [
        "f:1:11: error[CAPABILITY_UNKNOWN]: there is no capability 'a.b'",
        "",
        "f:1:22: error[SECRET]: the secret 'key' is written in plain",
        "  = Bind.",
    ]


def test_a_place_without_a_line_shows_none(tmp_path: Path) -> None:
    assert as_human([Fault("FILE_UNREADABLE", "error", "m", "none")], tmp_path).count("\n") == 0


def test_json_has_a_hint_only_where_there_is_one() -> None:
    first, second = as_json(FAULTS)
    assert first == {
        "code": "UNKNOWN_KEY", "severity": "error", "message": "unknown key 'wiht'", "hint": "Did?",
        "file": "a b.yaml", "line": 2, "column": 3, "path": "steps[0].wiht",
    }  # fmt: skip
    assert "hint" not in second


def test_github_commands_are_escaped() -> None:
    first, second = as_github(FAULTS, "sub,dir/").splitlines()
    assert first == (
        "::error file=sub%2Cdir/a b.yaml,line=2,col=3::[UNKNOWN_KEY] unknown key 'wiht'. Did?"
    )
    assert second.endswith(",line=1,col=1::[OPTIONAL_READ] 50%25 optional,%0Ahere: now.")


@pytest.mark.parametrize("faults", [FAULTS, ()])
def test_sarif_fits_its_published_schema(faults: tuple[Fault, ...]) -> None:
    log = as_sarif(faults, "0.1.0", "sub/")
    validator = jsonschema_rs.Draft4Validator(SARIF)
    assert [error.message for error in validator.iter_errors(log)] == []
    assert [result["level"] for result in log["runs"][0]["results"]] == [f.severity for f in faults]


def test_the_count_in_words() -> None:
    assert in_words(()) == "no faults"
    assert in_words(FAULTS) == "1 error, 1 warning"
    assert in_words(FAULTS[:1] * 2) == "2 errors"


def validate(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "validate", *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty.make_project(tmp_path_factory.mktemp("reports") / "project")


def test_the_command_reports_all_files_and_exits_2(project: Path) -> None:
    done = validate("--format", "json", folder=project)
    faults: list[dict[str, Any]] = json.loads(done.stdout)["faults"]
    errors = [fault for fault in faults if fault["severity"] == "error"]
    assert [(fault["code"], fault["line"]) for fault in errors] == [("WRONG_TYPE", 5)]
    assert done.returncode == 2
    assert json.loads(validate("--json", folder=project).stdout)["faults"] == faults


def test_warnings_alone_exit_0_and_a_path_limits_what_is_checked(project: Path) -> None:
    warned = faulty.ROOT / "tests" / "blueprints" / "invalid" / "warnings.all.yaml"
    copied = project / "blueprints" / warned.name
    copied.write_bytes(warned.read_bytes())
    done = validate(str(copied), folder=project)
    copied.unlink()
    assert done.returncode == 0
    assert done.stderr.strip().endswith("8 warnings.")
    assert "warning[NEED_UNREACHED]" in done.stdout


@pytest.mark.parametrize("form", ["human", "github", "sarif"])
def test_each_format_names_the_file_from_the_working_folder(project: Path, form: str) -> None:
    done = validate("--project", str(project), "--format", form, folder=project.parent)
    prefix = "" if form == "human" else "project/"
    assert f"{prefix}blueprints/flow.broken.yaml" in done.stdout
    assert done.returncode == 2


def test_a_path_that_is_none_is_refused(project: Path) -> None:
    for path in ("nowhere.yaml", "capabilities/test/echo/main.py"):
        done = validate(path, folder=project)
        assert done.returncode == 2
        assert path in done.stderr


def test_one_file_is_validated_within_half_a_second(project: Path) -> None:
    """Of the processor's time, the best of three: the machine may be busy."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert validate("blueprints/test.hello.yaml", folder=project).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.5
