"""The programs that come along, in the images that come along, each step in its container."""

import json
from pathlib import Path

import pytest
import yaml

from engine.cli.main import main
from engine.language.catalog import Catalog
from tests.engine import need_engine

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)


def _run(capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> dict[str, object]:
    need_engine()
    shared = ("--project", str(ROOT), "--state", str(tmp_path), "--json")
    capsys.readouterr()
    status = main((*arguments, *shared, "--runner", "dagger", "--as", "alice"))
    said = capsys.readouterr()
    assert status == 0, said.err
    found: dict[str, object] = json.loads(said.out)
    assert found["runner"] == "dagger"
    return found


def test_a_runbook_runs_in_its_image(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ("runbook", "run", "disk-pressure", "-i", "FOLDER=/etc", "-i", "TOP=3")
    output = _run(capsys, tmp_path, *given)["output"]
    assert isinstance(output, dict)
    assert output["executor"] in {"own", "runme"}
    assert {block["exitCode"] for block in output["blocks"]} == {0}


def test_a_transformer_runs_in_its_image(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = "golden.transformers.post-mortem"
    contract = Catalog.load(ROOT).capability_folder(name) / "capability.yaml"
    example = tmp_path / "input.json"
    example.write_text(json.dumps(yaml.safe_load(contract.read_text())["aiHints"]["exampleInput"]))
    output = _run(capsys, tmp_path, "capability", "run", name, "-i", f"@{example}")["output"]
    assert isinstance(output, dict)
    assert str(output["markdown"]).startswith("# Post-mortem")
