"""The schemas for editors and the loader agree on every value at every place, but for what only the
loader can say."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.faults import Fault
from engine.language import json_schema
from engine.language.blueprint_reader import read_blueprint
from engine.language.document import Document
from engine.language.loader import load_text
from engine.language.runbook_reader import read_runbook
from engine.project.policy_reader import read_policy
from engine.project.settings import read_settings
from tests import faulty

_STEP = {"id": "a", "run": "golden.test.echo"}
_GATE = {"ask": "Go?", "approvers": ["r"], "timeout": "5m"}
_HEAD = {"blueprint": "t.one", "version": "1.0.0", "title": "T", "owner": "o"}
_FRONT = {"title": "T", "owner": "o", "effect": "read"}

BASES: dict[str, tuple[str, Any, tuple[str | int, ...], str]] = {
    "the head": ("blueprint", {**_HEAD, "steps": [_STEP]}, (),
                 ("version title owner description costCenter roles classification maxDuration "
                 "steps finally outputs")),
    "a run": ("blueprint", {**_HEAD, "steps": [{**_STEP, "foreach": [1]}]}, ("steps", 0),
              ("id title needs when severity tolerate run with config secrets timeout retry undo "
              "foreach concurrency")),
    "a gate": ("blueprint", {**_HEAD, "steps": [{"id": "a", "gate": _GATE}]}, ("steps", 0, "gate"),
               "ask approvers count timeout escalate initiatorMayApprove notify"),
    "a child": ("blueprint", {**_HEAD, "steps": [{"id": "a", "blueprint": "b"}]}, ("steps", 0),
                "blueprint with timeout undo"),
    "a wait": ("blueprint", {**_HEAD, "steps": [{"id": "a", "wait": "5m"}]}, ("steps", 0), "wait"),
    "a set": ("blueprint", {**_HEAD, "steps": [{"id": "a", "set": {}}]}, ("steps", 0), "set"),
    "the end": ("blueprint", {**_HEAD, "steps": [{"id": "b", "wait": "5m"}], "finally": [_STEP]},
                ("finally", 0), "undo retry"),
    "a policy": ("policy", {"roles": {"a": {}}}, (), "roles people agents anyone"),
    "a role": ("policy", {"roles": {"b": {}}}, ("roles", "b"), "scopes includes"),
    "a person": ("policy", {"people": {"p": {"roles": []}}}, ("people", "p"), "roles slack"),
    "an environment": ("configuration", {}, (), "config secrets flags gates runner"),
    "a front matter": ("runbook", {"harmony": _FRONT}, (), "shell cwd harmony"),
    "a runbook": ("runbook", {"harmony": _FRONT}, ("harmony",),
                  "title owner effect parameters allowOutbound timeout image"),
}  # fmt: skip
TEXTS = [
    "", "  ", "a", " a ", "a\n", "a\nb", "a\x07b", "\u2028", "x" * 101, "{{ x }}", "{% x %}", "A",
    "a_b", "-a", "a..b", "a-b.c", "golden.test.echo", "golden.test.echo@1.2", "golden.test.echo@01",
    "1.0", "1.0.0-rc.1+b", "0s", "00m", "5m", "1.5s", "1s1h", "5 m", "1d24h", "read", "P1",
    "PUBLIC", "auto", "sh", "/bin/sh",
]  # fmt: skip
LISTS: list[Any] = [
    [], [None], [5], [""], ["a"], ["a", "a"], ["a\nb"], ["{{ x }}"], ["P1"], ["P1", "P1"], [[]],
    [["a"]], [["a", "a"]], [["a"], "b"], ["a:b"], ["a.b:443"], ["[::1]:443"],
]  # fmt: skip
MAPPINGS: list[Any] = [
    {}, {"a": 1}, {"a": "b"}, {"a": "b\nc"}, {"run": "golden.test.echo"}, {"run": "x", "with": 5},
    {"signal": "go"}, {"signal": "go", "timeout": "0s"}, {"signal": "approval"},
    {"signal": "a\x07"}, {"a": "failed"}, {"a": ["failed", "failed"]}, {"a": []}, {"a": "any"},
    {"P1": "5m"}, {"P1": "5m", "default": "0s"}, {"default": "5m"}, {"P1": ["a"]},
    {"P1": ["a", "a"]}, {"P1": ["a"], "flag": "f"}, {"flag": "f"}, {"P1": [["a"]], "flag": {}},
    {"P1": []}, {"P1": [[]]}, {"P1": ["a", ["b"]]}, {"attempts": 0}, {"attempts": 2, "first": "0s"},
    {"factor": 0.5}, {"factor": 1}, {"scopes": ["a:b"]}, {"a": {"scopes": ["A"]}},
    {"a": {"roles": ["a"]}}, {"a": {"roles": ["a"], "slack": ""}}, {"file": ""}, {"atMost": "0s"},
    {"atMost": "5m"}, {"golden.test.echo": {}}, {"Bad": {}}, {"golden.test.echo": {"k": "env:A"}},
    {"golden.test.echo": {"k": "env:A B"}}, {"golden.test.echo": {"k": "plain"}},
    {"golden.test.echo/eu": {"k": "file:/x"}}, {"type": "object"}, {"type": "array"},
]  # fmt: skip
VALUES = [None, True, False, 0, 1, -1, 1.5, 101, 501, *TEXTS, *LISTS, *MAPPINGS]
ONLY_THE_LOADER = [
    ("a run", "run", "x" * 101),  # with a version behind it, a pattern cannot count the letters
]


@cache
def schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (faulty.ROOT / "engine" / "schemas" / f"{kind}.json").read_text()
    )
    return found


def _runbook(document: Document) -> tuple[Fault, ...]:
    front = json.dumps(document.value)
    block = "```sh {name=a interactive=false}\ntrue\n```\n"
    return read_runbook(f"---\n{front}\n---\n{block}".encode(), "a", "a.md").faults


READERS: dict[str, Callable[[Document], tuple[Fault, ...]]] = {
    "blueprint": lambda document: read_blueprint(document, "t.one").faults,
    "policy": lambda document: read_policy(document)[1],
    "configuration": lambda document: read_settings(document, Path("/nonexistent"))[1],
    "runbook": _runbook,
}


def disagreements(base: str) -> Iterator[tuple[str, Any, str]]:
    kind, whole, place, keys = BASES[base]
    for key in keys.split():
        for value in VALUES:
            tried = copy.deepcopy(whole)
            parent = tried
            for step in place:
                parent = parent[step]
            parent[key] = value
            faults = READERS[kind](load_text(json.dumps(tried).encode(), "f"))
            refused = [fault.message for fault in faults if fault.severity == "error"]
            marked = json_schema.violations(schema(kind), tried)
            if bool(refused) is not bool(marked) and (base, key, value) not in ONLY_THE_LOADER:
                yield key, value, str(refused or marked)


@pytest.mark.parametrize("base", BASES)
def test_the_schema_takes_what_the_loader_takes_and_nothing_else(base: str) -> None:
    assert list(disagreements(base)) == []
