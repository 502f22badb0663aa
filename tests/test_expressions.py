"""What expressions give, case by case: like Jinja where the files say so, else as they say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.runtime import Undefined
from jinja2.sandbox import SandboxedEnvironment

from engine import expressions
from engine.errors import ExpressionFailed, ExpressionSyntaxError
from engine.expressions import syntax
from engine.expressions.filters import FILTERS, TESTS
from engine.expressions.names import MAX_TEXT
from engine.expressions.values import MAX_NESTING, MAX_WORK

_FOLDER = Path(__file__).parent / "expressions"
_SAME = yaml.safe_load((_FOLDER / "same_as_jinja.yaml").read_text())
_OWN = yaml.safe_load((_FOLDER / "unlike_jinja.yaml").read_text())
_JINJA = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


def _plain(value: Any) -> Any:
    """What Jinja gives, as JSON: no tuples, no generators, no marked-up text."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | range | Iterator):
        return [_plain(item) for item in value]
    assert not isinstance(value, Undefined)
    return value


@pytest.mark.parametrize("text", _SAME["expressions"])
def test_an_expression_gives_what_jinja_gives(text: str) -> None:
    expected = _plain(_JINJA.compile_expression(text, undefined_to_none=False)(**_SAME["names"]))
    made = expressions.evaluate("{{ " + text + " }}", _SAME["names"])
    assert (made, type(made)) == (expected, type(expected))


@pytest.mark.parametrize("text", _SAME["texts"])
def test_a_text_gives_what_jinja_gives(text: str) -> None:
    made = expressions.evaluate(text + ".", _SAME["names"])
    assert made == _JINJA.from_string(text + ".").render(**_SAME["names"])


@pytest.mark.parametrize("case", _OWN["cases"], ids=lambda case: case["text"])
def test_an_expression_gives_or_fails_as_its_case_says(case: dict[str, Any]) -> None:
    if "gives" in case:
        made = expressions.evaluate(case["text"], _OWN["names"])
        assert (made, type(made)) == (case["gives"], type(case["gives"]))
    else:
        with pytest.raises(ExpressionFailed) as failure:
            expressions.evaluate(case["text"], _OWN["names"])
        assert case["fails"] in str(failure.value)


@pytest.mark.parametrize("case", _OWN["syntax"], ids=lambda case: case["text"])
def test_a_text_that_is_no_template_says_where(case: dict[str, Any]) -> None:
    with pytest.raises(ExpressionSyntaxError) as failure:
        expressions.parse(case["text"])
    assert case["says"] in str(failure.value)
    assert failure.value.offset == case["at"]


@pytest.mark.parametrize("case", _OWN["conditions"], ids=lambda case: case["text"])
def test_a_condition_is_a_bare_expression_that_gives_a_boolean(case: dict[str, Any]) -> None:
    if "gives" in case:
        assert expressions.condition(case["text"], _OWN["names"]) is case["gives"]
    else:
        with pytest.raises(ExpressionFailed) as failure:
            expressions.condition(case["text"], _OWN["names"])
        assert case["fails"] in str(failure.value)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_has_a_case(name: str) -> None:
    texts = [*_SAME["expressions"], *(case["text"] for case in _OWN["cases"])]
    assert any(f"| {name}" in text or f"map('{name}'" in text for text in texts)


@pytest.mark.parametrize("name", sorted(TESTS))
def test_every_test_has_a_case(name: str) -> None:
    assert any(f"is {name}" in text or f"'{name}'" in text for text in _SAME["expressions"])


def test_the_filters_and_tests_are_jinjas_own() -> None:
    assert set(FILTERS) == set(_JINJA.filters) - {"random"} | {"slug"}
    assert set(TESTS) == set(_JINJA.tests)


def test_the_reference_lists_every_filter_test_and_limit() -> None:
    page = (_FOLDER.parent.parent / "docs" / "reference" / "expressions.md").read_text()
    names = {*FILTERS, *TESTS}
    assert {name for name in names if f"`{name}`" not in page} == set()
    limits = [MAX_TEXT, syntax.MAX_TOKENS, syntax.MAX_DEPTH, MAX_WORK, MAX_NESTING]
    assert [limit for limit in limits if f"{limit:,}" not in page] == []


def test_a_literal_boolean_is_a_condition() -> None:
    assert expressions.condition(True, {}) is True
    assert expressions.condition(False, {}) is False


def test_evaluation_goes_through_lists_and_objects_and_leaves_the_rest() -> None:
    value = {"a": ["{{ inputs.x }}", 5, None], "b": {"{{ key }}": "plain", "c": "-{{ inputs.x }}"}}
    made = expressions.evaluate(value, {"inputs": {"x": [1]}})
    assert made == {"a": [[1], 5, None], "b": {"{{ key }}": "plain", "c": "-[1]"}}


class _Lazy(Mapping[str, Any]):
    """A mapping that is built when it is read."""

    def __getitem__(self, key: str) -> Any:
        if key == "a":
            return {"outcome": "done"}
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


def test_names_may_be_built_when_they_are_read() -> None:
    names = {"steps": _Lazy()}
    assert expressions.evaluate("{{ steps.a.outcome }}", names) == "done"
    assert expressions.evaluate("{{ steps }}", names) == {"a": {"outcome": "done"}}
    assert expressions.evaluate("is {{ steps }}", names) == 'is {"a":{"outcome":"done"}}'
    assert expressions.evaluate("{{ steps.b.outcome | default('-') }}", names) == "-"


def test_a_text_is_parsed_once() -> None:
    text = "{{ inputs.only_here | upper }}"
    assert expressions.parse(text) is expressions.parse(text)
