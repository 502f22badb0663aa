"""The Dagger module: its file, its types as an engine takes them, and its functions in a session.

An engine without the Python SDK's image cannot load the module, so its functions are called here
as the SDK would call them.
"""

import json
from pathlib import Path
from typing import Any

import dagger
import jsonschema_rs
import pytest
from dagger import dag
from harmony import Harmony
from harmony.main import Failed, Format, Severity

from engine.runners import dagger_engine

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "tests" / "data" / f"dagger-{dagger_engine.VERSION}.schema.json"
pytestmark = pytest.mark.timeout(600)
"""On a new engine the first of them installs the project's packages in a container."""
FUNCTIONS = {"container", "validate", "plan", "run", "capability", "test"}


def test_its_file_fits_the_schema_and_the_engine() -> None:
    """And its source is where it says."""
    document = json.loads((ROOT / "dagger.json").read_text())
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(document)
    assert document["engineVersion"] == f"v{dagger_engine.VERSION}"
    assert (ROOT / document["source"] / "src" / "harmony" / "__init__.py").is_file()


@pytest.mark.usefixtures("session")
async def test_an_engine_takes_its_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function and each argument is described."""
    registered = vars(Harmony)["__dagger_module__"]
    monkeypatch.setattr(registered, "_main_name", "Harmony")
    monkeypatch.setattr(registered, "_main", registered.get_object("Harmony"))
    module = dag.load_module_from_id(dagger.ModuleID(await registered._typedefs()))
    (listed,) = [entry.as_object() for entry in await module.objects()]
    functions = {await function.name(): function for function in await listed.functions()}
    assert set(functions) == FUNCTIONS
    for function in (*functions.values(), listed.constructor()):
        for argument in await function.args():
            assert await argument.description(), await argument.name()
    assert all([await function.description() for function in functions.values()])
    assert {await entry.as_enum().name() for entry in await module.enums()} == {
        "Severity", "Format",
    }  # fmt: skip


async def test_it_validates(module: Any) -> None:
    """In the form that was asked for."""
    assert json.loads(await module.validate(["blueprints/runbook.execute.yaml"], Format.JSON)) == {
        "faults": []
    }


async def test_it_plans(module: Any) -> None:
    """With inputs and a severity."""
    said = await module.plan("runbook.execute", ["runbook=reclaim-space"], Severity.P2)
    assert "answered by incident-approver" in said


async def test_what_the_program_refuses_is_said(module: Any) -> None:
    """Its words and its status, and no traceback."""
    with pytest.raises(Failed, match=r"status 2\nharmony: there is no blueprint 'runbook.exe'"):
        await module.plan("runbook.exe")


async def test_it_tests(module: Any) -> None:
    """The cases of one blueprint."""
    assert "a runbook that reads runs at once" in await module.test(["runbook.execute"])


async def test_it_runs_a_blueprint_each_step_in_a_container(module: Any) -> None:
    """With a Temporal server and a worker of its own, and an answer at the gate."""
    parameters = json.dumps({"FOLDER": "/tmp/none", "PATTERN": "*.gz"})
    with pytest.raises(Failed) as failed:
        await module.run(
            "runbook.execute",
            ["runbook=reclaim-space", f"parameters={parameters}"],
            Severity.P2,
            actor="alice",
            answers=["ask=reject:bob:not today"],
        )
    assert "ended with status 3" in str(failed.value)
    ended = await module.run("runbook.execute", ["runbook=host-triage"], Severity.P3, actor="alice")
    document = json.loads(ended)
    assert document["status"] == "succeeded"
    assert document["steps"]["execute"]["outcome"] == "succeeded"


async def test_it_runs_a_capability_alone(module: Any) -> None:
    """In its container, with variables from a secret."""
    said = await module.capability(
        "golden.operations.runme-runner",
        ["runbook=host-triage", "operation=describe"],
        actor="alice",
        variables=dag.set_secret("variables", "HARMONY_KUBECONFIG=none\n"),
    )
    assert json.loads(said)
