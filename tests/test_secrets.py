"""Where a step's secrets come from."""

import os
from pathlib import Path

import pytest

from engine.errors import SecretMissing
from engine.language.capability import Capability, SecretKey
from engine.project.settings import SecretSource
from engine.steps.secrets import bind_secrets

ID = "golden.test.keeper"


def capability(*keys: SecretKey) -> Capability:
    return Capability(id=ID, folder=Path("/nowhere"), faults=(), digest="", secrets=keys)


TOKEN = SecretKey("token", required=True, env="USUAL_TOKEN")
EXTRA = SecretKey("extra", required=False, env="USUAL_EXTRA")
BARE = SecretKey("bare", required=True)


def test_the_usual_variable_needs_no_line_in_harmony_yaml(tmp_path: Path) -> None:
    found = bind_secrets(capability(TOKEN, EXTRA), {}, {}, {"USUAL_TOKEN": "abc"}, tmp_path)
    assert found == {"token": "abc"}


def test_harmony_yaml_comes_before_the_usual_variable(tmp_path: Path) -> None:
    entries = {ID: {"token": SecretSource("env", "OURS")}}
    environment = {"USUAL_TOKEN": "abc", "OURS": "xyz"}
    assert bind_secrets(capability(TOKEN), {}, entries, environment, tmp_path) == {"token": "xyz"}


def test_a_step_takes_another_entry(tmp_path: Path) -> None:
    entries = {
        ID: {"token": SecretSource("env", "OURS")},
        f"{ID}/eu": {"token": SecretSource("env", "EU")},
    }
    chosen = {"token": f"{ID}/eu"}
    environment = {"EU": "eu", "OURS": "xyz"}
    assert bind_secrets(capability(TOKEN), chosen, entries, environment, tmp_path) == {
        "token": "eu"
    }


def test_a_file_is_read_as_it_is_at_that_moment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one\n")
    entries = {ID: {"token": SecretSource("file", "key")}}
    assert bind_secrets(capability(TOKEN), {}, entries, {}, tmp_path) == {"token": "one\n"}
    (tmp_path / "key").write_text("two\n")
    assert bind_secrets(capability(TOKEN), {}, entries, {}, tmp_path) == {"token": "two\n"}


@pytest.mark.parametrize(
    ("key", "entries", "chosen", "words"),
    [
        (BARE, {}, {}, "is not bound; say in harmony.yaml"),
        (TOKEN, {}, {}, "the variable USUAL_TOKEN is not set"),
        (TOKEN, {ID: {"token": SecretSource("env", "EMPTY")}}, {}, "the variable EMPTY is not set"),
        (EXTRA, {ID: {"extra": SecretSource("env", "GONE")}}, {}, "the variable GONE is not set"),
        (TOKEN, {ID: {"token": SecretSource("file", "gone")}}, {}, "the file gone is not there"),
        (TOKEN, {}, {"token": f"{ID}/us"}, f"takes the secret 'token' from '{ID}/us'"),
        (TOKEN, {}, {"other": ID}, "has no secret 'other'"),
    ],
)
def test_a_secret_that_is_missing_says_where_it_was_looked_for(
    tmp_path: Path,
    key: SecretKey,
    entries: dict[str, dict[str, SecretSource]],
    chosen: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(SecretMissing, match=words) as raised:
        bind_secrets(capability(key), chosen, entries, {"EMPTY": ""}, tmp_path)
    assert not raised.value.started


@pytest.mark.parametrize("what", ["folder", "pipe", "binary", "huge"])
def test_what_is_no_text_file_is_not_read(tmp_path: Path, what: str) -> None:
    place = tmp_path / what
    if what == "folder":
        place.mkdir()
    elif what == "pipe":
        os.mkfifo(place)
    else:
        place.write_bytes(b"\xff\xfe" if what == "binary" else b"x" * (1024**2 + 1))
    entries = {ID: {"token": SecretSource("file", what)}}
    with pytest.raises(SecretMissing):
        bind_secrets(capability(TOKEN), {}, entries, {}, tmp_path)
