"""What a template reads, case by case."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.expressions import Reference, parse, parse_condition
from engine.expressions.names import has_template

_CASES = yaml.safe_load((Path(__file__).parent / "expressions" / "references.yaml").read_text())


def _expected(case: dict[str, Any]) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            tuple(read["path"]),
            guarded=read.get("guarded", False),
            offset=read["at"],
            ran=read.get("ran", False),
            cut=read.get("cut", False),
            hyphenated=read.get("hyphenated"),
        )
        for read in case["reads"]
    )


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["text"])
def test_a_template_reads_what_its_case_says(case: dict[str, Any]) -> None:
    assert parse(case["text"]).references == _expected(case)


@pytest.mark.parametrize(
    "case", [case for case in _CASES if parse(case["text"]).whole], ids=lambda case: case["text"]
)
def test_a_condition_reads_the_same_without_the_braces(case: dict[str, Any]) -> None:
    bare = case["text"].strip()[2:-2]
    found = parse_condition(bare).references
    assert found == tuple(
        Reference(
            one.path, guarded=one.guarded, offset=one.offset - 2, ran=one.ran, cut=one.cut,
            hyphenated=one.hyphenated,
        )
        for one in _expected(case)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("{{ a }}", True), ("  {{ a }}\n", True), ("{{- a -}}", True), ("{{ a }}{# said #}", True),
        ("{{ a }}.", False), ("{{ a }}{{ b }}", False), ("{% if a %}{{ a }}{% endif %}", False),
        ("{{ a | upper }}", True), ("plain", False), ("{% set x = 1 %}{{ x }}", False),
    ],
)  # fmt: skip
def test_a_text_that_is_one_expression_is_whole(text: str, *, whole: bool) -> None:
    assert parse(text).whole is whole


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("{{ a }}", True),
        ("x {% if a %}", True),
        ("{# a #}", True),
        ("{ a }", False),
        ("}} %}", False),
    ],
)
def test_a_text_holds_a_template_where_jinja_would_open_one(text: str, *, holds: bool) -> None:
    assert has_template(text) is holds
