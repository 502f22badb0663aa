"""Which image a capability gets, what decides what is in it, and what it starts from."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from engine.errors import RunRefused
from engine.runners import dagger_engine, images
from engine.runners.images import BASE, CONTAINERFILE, Image

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "containers"
SHIPPED = images.shared(CONTAINERS)
PROVIDES = {
    "markdown-it-py": "markdown_it",
    "pyyaml": "yaml",
    "slack-sdk": "slack_sdk",
    "jsonschema-rs": "jsonschema_rs",
}
"""Import names that differ from those of their distributions."""


def _folder(tmp_path: Path, **files: str) -> Image:
    (tmp_path / CONTAINERFILE).write_text("ARG BASE=x\nFROM ${BASE}\n")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return Image("it", folder=tmp_path)


def test_content_changes_with_the_files_their_names_and_the_base(tmp_path: Path) -> None:
    image = _folder(tmp_path, one="1")
    first = images.content(image, "base")
    assert images.content(image, "base") == first
    seen = {first, images.content(image, "another base")}
    seen.add(images.content(_folder(tmp_path, one="2"), "base"))
    seen.add(images.content(_folder(tmp_path, one="1", two=""), "base"))
    (tmp_path / "two").chmod(0o755)
    seen.add(images.content(image, "base"))
    (tmp_path / "two").unlink()
    (tmp_path / "two").symlink_to("one")
    seen.add(images.content(image, "base"))
    assert len(seen) == 6
    (tmp_path / "two").unlink()
    assert images.content(image, "base") == first


def test_content_does_not_change_with_times_and_bytecode(tmp_path: Path) -> None:
    image = _folder(tmp_path, one="1")
    first = images.content(image, "")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "one.pyc").write_text("x")
    (tmp_path / "one").touch()
    assert images.content(image, "") == first


def test_the_base_is_the_one_named_or_the_one_that_the_engine_brings(tmp_path: Path) -> None:
    engine = {dagger_engine.RUNNER_HOST: f"unix://{tmp_path}/engine.sock"}
    assert images.base(engine) == ""
    (tmp_path / images.BASE_FILE).write_text("127.0.0.1:5000/base@sha256:1\n")
    assert images.base(engine) == "127.0.0.1:5000/base@sha256:1"
    assert images.base({**engine, BASE: "mine"}) == "mine"
    assert images.base({**engine, BASE: ""}) == "", "the Containerfile's own, though one is there"
    assert images.base({dagger_engine.RUNNER_HOST: "docker-container://dagger"}) == ""


def test_an_image_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match=r"'nope' is neither .* there are: python, runbook"):
        images.find("nope", tmp_path, CONTAINERS)
    with pytest.raises(RunRefused, match="neither a reference with a digest"):
        images.find("debian:latest", tmp_path, CONTAINERS)


@pytest.mark.parametrize("image", SHIPPED, ids=lambda image: image.name)
def test_shipped_images_are_pinned(image: Image) -> None:
    assert image.folder is not None
    lines = (image.folder / CONTAINERFILE).read_text()
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", lines, re.MULTILINE)
    assert "latest" not in lines
    wanted = (image.folder / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", wanted, re.MULTILINE))
    everything = (ROOT / "constraints.txt").read_text()
    assert pins
    assert (
        pins.items() <= dict(re.findall(r"^([\w.-]+)==(\S+) \\$", everything, re.MULTILINE)).items()
    )
    unpinned = [
        line for line in wanted.splitlines() if line and "==" not in line and "--hash" not in line
    ]
    assert unpinned == []
    assert (image.folder / "install.sh").read_text() == (
        CONTAINERS / "python/install.sh"
    ).read_text()


@pytest.mark.parametrize(
    "contract",
    sorted((ROOT / "capabilities").glob("*/*/capability.yaml")),
    ids=lambda path: path.parent.name,
)
def test_what_a_shipped_program_imports_is_in_its_image(contract: Path) -> None:
    image = yaml.safe_load(contract.read_text())["runtime"]["image"]
    wanted = (CONTAINERS / image / "requirements.txt").read_text()
    there = {PROVIDES.get(name, name) for name in re.findall(r"^([\w.-]+)==", wanted, re.MULTILINE)}
    own = {path.stem for path in contract.parent.glob("*.py")} | {
        path.name for path in contract.parent.iterdir() if path.is_dir()
    }
    missing = _imported(contract.parent) - there - own - sys.stdlib_module_names
    assert missing == set()


def _imported(folder: Path) -> set[str]:
    found = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_the_engines_version_is_said_once() -> None:
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"dagger-io=={dagger_engine.VERSION}" in pinned
