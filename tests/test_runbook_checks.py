"""What validate finds in runbooks: the data is under tests/runbooks/checks."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.language import shell_names, shell_text
from engine.language.catalog import Catalog
from engine.language.fault_codes import FAULT_CODES
from engine.language.reading import MAX_FAULTS
from engine.language.runbook_reader import read_runbook

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "runbooks/checks"
GOOD = "---\nharmony: {title: T, owner: o, effect: read}\n---\n"
FENCE = "```sh {name=one interactive=false}\n"


def cases(name: str) -> list[Any]:
    found = yaml.safe_load((DATA / name).read_text())
    return [pytest.param(case, id=case.get("name") or case["script"][:40]) for case in found]


def bytes_of(case: dict[str, Any]) -> bytes:
    if "bytes" in case:
        return bytes.fromhex(case["bytes"])
    text: str = case.get("text") or GOOD + case["body"]
    return text.encode()


@pytest.mark.parametrize("case", cases("faults.yaml"))
def test_faults(case: dict[str, Any]) -> None:
    runbook = read_runbook(bytes_of(case), "case", "runbooks/case.md")
    found = [
        f"{fault.line}:{fault.column} {fault.code}" + " warning" * (fault.severity == "warning")
        for fault in runbook.faults
    ]
    assert found == case["faults"]
    assert runbook.healthy is all(text.endswith("warning") for text in case["faults"])
    if "hint" in case:
        assert any(case["hint"] in (fault.hint or "") for fault in runbook.faults)


@pytest.mark.parametrize("case", cases("shell.yaml"))
def test_shell(case: dict[str, Any]) -> None:
    script = case["script"]
    lines = [script.count("\n", 0, at) + 1 for at in shell_names.terminal_reads(script)]
    assert sorted(set(lines)) == case.get("reads", [])
    unset = list(shell_names.unset_names(script))
    assert list(dict.fromkeys(use.name for use in unset)) == case.get("unset", [])
    assert all(script[use.offset] == "$" for use in unset)
    assert len(shell_text.commands(script)) == len(shell_text.expansions(script)) == len(script)


def test_every_fault_of_a_runbook_is_tried() -> None:
    tried = {text.split()[1] for case in yaml.safe_load((DATA / "faults.yaml").read_text())
             for text in case["faults"]}  # fmt: skip
    of_runbooks = {code for code in FAULT_CODES if code.startswith("RUNBOOK_")}
    assert of_runbooks - {"RUNBOOK_UNKNOWN", "RUNBOOK_FAULTY"} <= tried


@pytest.mark.parametrize("name", Catalog.load(ROOT).runbooks())
def test_shipped_runbooks_have_no_fault(name: str) -> None:
    runbook = Catalog.load(ROOT).runbook(name)
    assert runbook is not None
    assert runbook.faults == ()
    assert runbook.document.value["shell"] == "sh"


HOSTILE = {
    "many lines": FENCE + "echo $a b c; x=1\n" * 60_000 + "```\n",
    "quotes": FENCE + "'\"\\" * 330_000 + "\n```\n",
    "indexes": FENCE + "a[" * 500_000 + "\n```\n",
    "parentheses": FENCE + "read x " + "(" * 1_000_000 + "\n```\n",
    "here-documents": FENCE + "<<A " * 250_000 + "\n```\n",
    "reads": FENCE + "read x\n" * 140_000 + "```\n",
    "uses": FENCE + "${a" * 330_000 + "\n```\n",
    "arithmetic": FENCE + "((a" * 330_000 + "\n```\n",
    "fences": (FENCE + "```\n") * 28_000,
    "lists": "- " * 500_000,
    "attributes": "```sh {" + "a='" * 330_000 + "}\n```\n",
    "braces": "```sh " + "{" * 1_000_000 + "\n```\n",
    "deep JSON": "```sh {" + '"a":[' * 200_000 + "}\n```\n",
    "rulers": "---\n" * 250_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_runbooks_take_no_long_time(body: str) -> None:
    before = time.process_time()
    runbook = read_runbook((GOOD + body).encode()[: 1024 * 1024], "case", "runbooks/case.md")
    assert len(runbook.faults) <= MAX_FAULTS + 10
    assert time.process_time() - before < 5
