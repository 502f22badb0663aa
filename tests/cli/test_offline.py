"""plan, test, validate, schema, capability and runbook: what needs no Temporal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT, Harmony

REPOSITORY = PROJECT.parents[1]


@pytest.mark.usefixtures("shared_project")
def test_plan_says_who_is_asked_and_how_long(harmony: Harmony) -> None:
    ran = harmony("plan", "test.hello", "-i", "name=ada", "--severity", "P1", "--as", "bob")
    assert ran.status == 0
    assert "Say it again to ada?" in ran.out
    assert "incident-approver, not who started it, within 5m" in ran.out
    assert "then by incident-manager" in ran.out
    assert "unreached: ask would be approved" in ran.out


@pytest.mark.usefixtures("shared_project")
def test_plan_as_a_document(harmony: Harmony) -> None:
    document = harmony("plan", "test.hello", "--json").document
    assert document["inputs"] == {"name": "world"}
    verdicts = {step["key"]: step["verdict"] for step in document["steps"]}
    assert verdicts == {"hello": "runs", "ask": "runs", "again": "runs", "refused": "unreached"}
    assert len(document["digest"]) == 64


@pytest.mark.usefixtures("shared_project")
def test_the_digest_is_that_of_the_inputs(harmony: Harmony) -> None:
    digests = {
        harmony("plan", "test.hello", "-i", f"name={name}", "--json").document["digest"]
        for name in ("ada", "bob", "ada")
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-i", "nam=x"), "did you mean 'name'"),
        (("-i", "name=1"), "must be text"),
        (("-i", "name"), "key=value"),
        (("--context", "incident_severity=P9"), "P9"),
        (("--severity", "P9"), "P9"),
    ],
)
@pytest.mark.usefixtures("shared_project")
def test_plan_refuses_wrong_inputs(harmony: Harmony, arguments: tuple[str, ...], said: str) -> None:
    ran = harmony("plan", "test.hello", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_plan_names_secrets_hosts_and_what_stays(harmony: Harmony) -> None:
    ran = harmony("plan", "runbook.execute", "-i", "runbook=reclaim-space", "--json",
                  "--project", str(REPOSITORY), "-i",
                  'parameters={"FOLDER": "/tmp/x", "PATTERN": "*.log"}')  # fmt: skip
    assert ran.status == 0, ran.err
    document = ran.document
    assert document["secrets"] == [
        {"capability": "golden.operations.runme-runner", "key": "kubeconfig",
         "source": "env:HARMONY_KUBECONFIG"}
    ]  # fmt: skip
    assert "execute" in document["notUndoable"]
    assert "reclaim-space" in document["runbooks"]
    assert document["mayStart"] is False


def test_validate_tells_errors_from_warnings(harmony: Harmony, project: Path) -> None:
    harmony("new", "capability", "x.hello")
    cases = project / "capabilities/x/hello/cases/hello.yaml"
    cases.unlink()
    ran = harmony("validate", "--json")
    assert ran.status == 0
    assert [fault["severity"] for fault in ran.document["faults"]] == ["warning"]
    (project / "blueprints" / "a.yaml").write_text("blueprint: a\nstep: []\n")
    ran = harmony("validate")
    assert ran.status == 2
    assert "blueprints/a.yaml:2:1" in ran.out
    assert "1 warning" in ran.err


@pytest.mark.parametrize("form", ["json", "sarif", "github", "human"])
def test_validate_has_each_format(harmony: Harmony, project: Path, form: str) -> None:
    (project / "blueprints" / "a.yaml").write_text("blueprint: b\n")
    ran = harmony("validate", "--format", form)
    assert ran.status == 2
    if form in ("json", "sarif"):
        json.loads(ran.out)
    elif form == "github":
        assert all(line.startswith("::error file=blueprints/a.yaml,") for line in
                   ran.out.splitlines())  # fmt: skip
    assert "errors" in ran.err or form != "human"


@pytest.mark.usefixtures("shared_project")
@pytest.mark.parametrize(
    ("path", "said"), [("/etc/passwd", "outside the project"), ("nope.yaml", "no file or folder")]
)
def test_validate_refuses_other_paths(harmony: Harmony, path: str, said: str) -> None:
    ran = harmony("validate", path)
    assert ran.status == 2
    assert said in ran.err


def test_validate_finds_the_project_of_a_path(
    harmony: Harmony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert harmony("validate", str(PROJECT / "blueprints" / "test.hello.yaml")).status == 0


def test_a_failing_case_is_1_and_a_faulty_one_2(harmony: Harmony, project: Path) -> None:
    harmony("new", "blueprint", "a.b")
    cases = project / "blueprints/cases/a.b.yaml"
    cases.write_text(cases.read_text().replace("status: rejected", "status: succeeded"))
    ran = harmony("test")
    assert ran.status == 1
    assert "FAIL a.b: rejected, with a reason" in ran.out
    assert "expected succeeded, was rejected" in ran.out
    assert "blueprints/cases/a.b.yaml:" in ran.out
    assert "2 passed, 1 failed" in ran.err
    cases.write_text("cases: [{nam: x}]")
    ran = harmony("test", "--json")
    assert ran.status == 2
    assert ran.document["faults"]


def test_coverage_names_what_no_case_reaches(harmony: Harmony, project: Path) -> None:
    harmony("new", "blueprint", "a.b")
    cases = project / "blueprints/cases/a.b.yaml"
    cases.write_text(cases.read_text().partition("  - name: rejected")[0])
    ran = harmony("test", "--coverage")
    assert ran.status == 0
    assert "no case has ask rejected" in ran.out


def test_test_takes_paths_and_ids(harmony: Harmony, project: Path) -> None:
    harmony("new", "blueprint", "a.b")
    harmony("new", "blueprint", "c.d")
    harmony("new", "capability", "x.hello")

    def tested(*paths: str) -> set[str]:
        return {case["of"] for case in harmony("test", "--json", *paths).document["cases"]}

    assert tested() == {"a.b", "c.d", "golden.x.hello"}
    assert tested("blueprints") == {"a.b", "c.d"}
    assert tested("blueprints/cases/a.b.yaml") == {"a.b"}
    assert tested("c.d", str(project / "capabilities/x/hello/cases")) == {"c.d", "golden.x.hello"}
    assert harmony("test", "nope").status == 2
    assert harmony("test", "/etc").status == 2


def test_schema_prints_each_kind(harmony: Harmony) -> None:
    kinds = harmony("schema").out.split()
    assert {"blueprint", "capability", "runbook", "policy", "configuration"} <= set(kinds)
    for kind in kinds:
        assert harmony("schema", kind).document["$schema"]


@pytest.mark.usefixtures("shared_project")
def test_capability_show_tells_the_contract(harmony: Harmony) -> None:
    shown = harmony("capability", "show", "test.echo")
    assert "golden.test.echo 1.2.0" in shown.out
    assert 'prefix  string, default ""' in shown.out
    document = harmony("capability", "show", "golden.test.echo", "--json").document
    assert document["schemas"]["input"]["properties"]["number"] == {"type": "integer"}


@pytest.mark.usefixtures("shared_project")
def test_capability_run(harmony: Harmony) -> None:
    ran = harmony("capability", "run", "golden.test.echo", "-i", "text=hi", "--config", "prefix=> ")
    assert (ran.status, ran.document) == (0, {"text": "> hi"})
    assert "runner process" in ran.err
    ran = harmony("capability", "run", "golden.test.echo", "-i", "text=hi", "--json")
    assert ran.document["runner"] == "process"
    assert ran.document["output"] == {"text": "hi"}


@pytest.mark.usefixtures("shared_project")
def test_capability_run_tells_wrong_calls_from_failures(harmony: Harmony) -> None:
    wrong = harmony("capability", "run", "golden.test.echo", "-i", "txt=hi", "--json")
    assert (wrong.status, wrong.document["error"]["code"]) == (2, "CONTRACT_INPUT")
    unset = harmony("capability", "run", "golden.test.keeper", "--json")
    assert (unset.status, unset.document["error"]["code"]) == (1, "SECRET_MISSING")


def test_who_may_not_is_refused(harmony: Harmony) -> None:
    asked = ("runbook", "run", "host-triage", "--as", "eve", "--project", str(REPOSITORY))
    ran = harmony(*asked, "--json")
    assert (ran.status, ran.document["error"]["code"]) == (2, "NOT_ALLOWED")


@pytest.mark.usefixtures("shared_project")
def test_what_is_destructive_wants_yes(harmony: Harmony) -> None:
    ran = harmony("capability", "run", "golden.test.destroy", "-i", "target=x")
    assert ran.status == 2
    assert "--yes" in ran.err
    assert (
        harmony("capability", "run", "golden.test.destroy", "-i", "target=x", "--yes").status == 0
    )


def test_runbook_run(harmony: Harmony, project: Path) -> None:
    (project / "capabilities" / "operations").mkdir(parents=True)
    copied = ["cp", "-r", str(REPOSITORY / "capabilities/operations/runme-runner"),
              "capabilities/operations/"]  # fmt: skip
    subprocess.run(copied, check=True, cwd=project)
    harmony("new", "runbook", "look-here")
    ran = harmony("runbook", "run", "look-here", "-i", "FOLDER=/", "--block", "free-space")
    assert ran.status == 0, ran.err
    assert "Mounted on" in ran.out
    ran = harmony("runbook", "run", "look-here", "--json")
    assert [b["outcome"] for b in ran.document["output"]["blocks"]] == ["succeeded", "succeeded"]
    for words, said in (
        (("-i", "FOLDR=/"), "no parameter FOLDR; there are: FOLDER"),
        (("--block", "free"), "no block named free; there are: free-space"),
    ):
        refused = harmony("runbook", "run", "look-here", *words)
        assert refused.status == 2
        assert said in refused.err
    runbook = project / "runbooks" / "look-here.md"
    runbook.write_text(runbook.read_text().replace("effect: read", "effect: destructive"))
    assert harmony("runbook", "run", "look-here").status == 2
    assert harmony("runbook", "run", "look-here", "--yes").status == 0


def test_what_is_shown_is_shown_with_its_faults(project: Path, harmony: Harmony) -> None:
    harmony("new", "runbook", "look")
    assert harmony("runbook", "show", "look").err == ""
    runbook = project / "runbooks" / "look.md"
    runbook.write_text(runbook.read_text().replace("interactive=false", ""))
    shown = harmony("runbook", "show", "look")
    assert shown.status == 0
    assert "error[RUNBOOK_INTERACTIVE]" in shown.err


def test_capabilities_and_runbooks_are_listed(harmony: Harmony) -> None:
    ids = harmony("capability", "list", "--json", "--project", str(PROJECT)).document
    assert "golden.test.echo" in [each["id"] for each in ids]
    listed = harmony("runbook", "list", "--project", str(REPOSITORY))
    assert "reclaim-space" in listed.out


def test_the_module_is_the_program() -> None:
    ran = subprocess.run([sys.executable, "-m", "engine.cli.main", "schema", "--json"],
                         capture_output=True, timeout=30, check=True)  # fmt: skip
    assert "blueprint" in json.loads(ran.stdout)
