"""Contracts of capabilities, as files: each invalid one names its faults in its comments."""

from pathlib import Path

import pytest

from engine.language.catalog import Catalog
from engine.plan import Retry
from tests import faulty

INVALID = sorted((faulty.ROOT / "tests" / "contracts" / "invalid").glob("*.yaml"))
SHIPPED = Catalog.load(faulty.ROOT / "tests" / "project")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty.make_project(tmp_path_factory.mktemp("contracts") / "project")


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_contract_has_the_faults_that_it_names(project: Path, file: Path) -> None:
    faults = faulty.faults_in_contract(project, file)
    assert faulty.expected(file)
    assert sorted((f.line, f.column, f.code) for f in faults) == faulty.expected(file)


def test_a_fault_never_shows_a_secret(project: Path) -> None:
    file = faulty.ROOT / "tests" / "contracts" / "invalid" / "schemas.yaml"
    assert "hunter2" in file.read_text()
    assert "hunter2" not in str(faulty.faults_in_contract(project, file))


def test_what_a_contract_says_is_typed() -> None:
    keeper = SHIPPED.capability("golden.test.keeper")
    assert keeper is not None
    assert keeper.healthy
    assert keeper.scopes == {"show": ("test:secret",), "count": ("test:read",)}
    assert [(key.name, key.required, key.env) for key in keeper.secrets] == [
        ("token", True, "HARMONY_TEST_TOKEN")
    ]
    assert keeper.retry == Retry(attempts=1, first_ms=10, factor=1.0)
    assert keeper.timeout_ms == 30_000
    assert keeper.command == ("python3", "main.py")


def test_an_operation_is_named_by_the_input_or_its_default() -> None:
    keeper = SHIPPED.capability("golden.test.keeper")
    assert keeper is not None
    assert keeper.operation({"operation": "count"}) == "count"
    assert keeper.operation({}) == "show"
    assert keeper.operation({"operation": 3}) is None


def test_a_runner_of_runbooks_has_an_effect_for_each_operation() -> None:
    runner = Catalog.load(faulty.ROOT).capability("golden.operations.runme-runner")
    assert runner is not None
    assert runner.runbook is not None
    assert (runner.runbook.name, runner.runbook.text) == ("runbook", "document")
    assert runner.effect == "destructive"
    assert runner.effect_of({"operation": "describe"}) == "read"
    assert runner.effect_of({"operation": "{{ inputs.operation }}"}) == "destructive"
