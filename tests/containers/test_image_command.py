"""`harmony image list` and `harmony image build`."""

import json
import re
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.containers.conftest import MakeImage
from tests.engine import base, need_engine, no_engine

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("project")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose images are those that the test makes."""
    (tmp_path / "blueprints").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def _harmony(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(arguments)
    said = capsys.readouterr()
    return status, said.out, said.err


def _listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    status, out, _ = _harmony(capsys, "image", "list", "--json")
    assert status == 0
    found: list[dict[str, object]] = json.loads(out)
    return found


def _set_image(contract: Path, image: str) -> None:
    written = re.sub(r"(?m)^  image: .*$", f"  image: {image}", contract.read_text())
    contract.write_text(written)


def test_a_list_needs_no_engine(
    make_image: MakeImage,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_engine(monkeypatch)
    make_image("RUN true")
    status, out, err = _harmony(capsys, "image", "list")
    assert status == 0
    assert out.splitlines()[1].split() == ["tried", "not", "yet", "-", "-"]
    assert "harmony image build" in err
    status, _, err = _harmony(capsys, "image", "build")
    assert status == 4
    assert "no Dagger engine answers at unix:///nowhere/engine.sock" in err


def test_what_was_built_is_listed_until_it_changes(
    make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    need_engine()
    note = "RUN mkdir -p /etc/harmony && echo 'own executor: tried' >/etc/harmony/executor"
    lines = f"{note}\nCOPY note /n"
    make_image(lines, note="one")
    status, _, err = _harmony(capsys, "image", "build", "tried")
    assert (status, "tried: ready in" in err, "own executor: tried" in err) == (0, True, True)
    (first,) = _listed(capsys)
    assert first["builtAt"]
    assert first["executor"] == "own executor: tried"
    _, out, err = _harmony(capsys, "image", "list")
    assert "own executor" in out.splitlines()[1]
    assert "tried: own executor: tried" in err
    status, _, err = _harmony(capsys, "image", "build")
    assert (status, "tried: was built at" in err) == (0, True)
    make_image(lines, note="two")
    (second,) = _listed(capsys)
    assert second["content"] != first["content"]
    assert second["builtAt"] is None


def test_one_that_cannot_be_built_is_a_sentence_and_the_end_of_what_it_said(
    make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    need_engine()
    make_image("RUN echo looking; echo nothing found >&2; exit 3", name="broken")
    make_image("RUN true", name="sound")
    status, _, err = _harmony(capsys, "image", "build")
    assert status == 2
    assert "broken: looking\n" in err
    assert err.splitlines()[-1].endswith("ended with status 3: nothing found")
    assert "Traceback" not in err
    by_name = {each["name"]: each["builtAt"] for each in _listed(capsys)}
    assert by_name["broken"] is None
    assert by_name["sound"] is not None


def test_a_base_that_cannot_be_pulled_says_what_to_do(
    make_image: MakeImage,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need_engine()
    make_image("RUN true")
    nowhere = f"127.0.0.1:1/nothing@sha256:{'0' * 64}"
    monkeypatch.setenv("HARMONY_BASE_IMAGE", nowhere)
    status, _, err = _harmony(capsys, "image", "build")
    assert status == 2
    assert f"the image 'tried' cannot be built from {nowhere}: " in err
    assert "`make engine` brings a base" in err


def test_a_capability_brings_its_own_image(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "capabilities" / "tried" / "own"
    assert main(("new", "capability", "tried.own")) == 0
    contract = folder / "capability.yaml"
    _set_image(contract, '"."')
    (folder / "Containerfile").write_text(
        f"ARG BASE={base()}\nFROM ${{BASE}}\nRUN echo 'its own image' >/note\n"
    )
    program = folder / "main.py"
    program.write_text(program.read_text().replace('f"Hello, {name}"', 'open("/note").read()'))
    (found,) = _listed(capsys)
    assert found["name"] == "golden.tried.own"
    assert found["usedBy"] == ["golden.tried.own"]
    assert found["folder"] == str(folder)
    need_engine()
    runs = ("capability", "run", "golden.tried.own", "-i", "name=x", "--runner", "dagger")
    status, out, err = _harmony(capsys, *runs)
    assert status == 0, err
    assert json.loads(out) == {"greeting": "its own image\n"}


def test_a_capability_names_an_image_by_its_digest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = project / "capabilities" / "tried" / "named" / "capability.yaml"
    assert main(("new", "capability", "tried.named")) == 0
    _set_image(contract, base())
    (found,) = _listed(capsys)
    assert (found["name"], found["reference"], found["folder"]) == (base(), base(), None)
    need_engine()
    status, _, err = _harmony(capsys, "image", "build")
    assert (status, "ready in" in err) == (0, True), err
    runs = ("capability", "run", "golden.tried.named", "-i", "name=x", "--runner", "dagger")
    status, out, err = _harmony(capsys, *runs)
    assert (status, json.loads(out)) == (0, {"greeting": "Hello, x"}), err


def test_a_name_that_is_not_there(
    make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("")
    status, _, err = _harmony(capsys, "image", "build", "nope")
    assert (status, err) == (2, "harmony: there is no image 'nope'; there are: tried\n")
