"""The blueprint on the README's first screen, and the commands below it."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Harmony

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LINES = re.compile(r"^\$ harmony +(.*?) *(?:#.*)?$", re.MULTILINE)


@pytest.fixture
def readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This project with the README's blueprint in it, as the working folder."""
    for part in ("capabilities", "runbooks", "containers"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "policy.yaml", tmp_path)
    (tmp_path / "blueprints").mkdir()
    [text] = re.findall(r"```yaml\n(blueprint: .*?)```", README, re.DOTALL)
    (tmp_path / "blueprints" / "disk.relieve.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("readme")
def test_it_is_clean_and_its_commands_are_allowed(harmony: Harmony) -> None:
    validate, plan, run, approve = (shlex.split(line) for line in LINES.findall(README))
    ran = harmony(*validate)
    assert (ran.status, ran.err) == (0, "no faults.\n")
    planned = harmony(*plan, "--json").document
    assert planned["mayStart"] is True
    assert planned["lackingScopes"] == {}
    assert [step["key"] for step in planned["steps"]] == ["look", "ask", "clean"]
    assert (run[0], run[1:]) == ("run", plan[1:])
    assert approve == ["approve", "RUN", "ask", "--as", "bob"]
    assert "bob: {roles: [incident-approver]" in (ROOT / "policy.yaml").read_text()
