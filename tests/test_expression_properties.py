"""Properties of expressions over random ones: like Jinja, never evaluated twice, JSON for JSON."""

import json
from contextlib import suppress

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from engine.errors import ExpressionFailed, ExpressionSyntaxError
from engine.expressions import Budget, evaluate, parse
from engine.expressions.names import parse_plain, parse_plain_bare
from engine.expressions.parser import parse_bare, parse_template
from engine.plan import Json

_JINJA = SandboxedEnvironment(undefined=StrictUndefined)
_NAMES: dict[str, Json] = {
    "inputs": {
        "n": 3, "m": -4, "z": 0, "f": 2.5, "s": "Some text", "e": "", "y": True, "no": False,
        "l": [3, 1, 2], "words": ["b", "A", "c"], "o": {"a": 1, "b": [1, 2]},
    }
}  # fmt: skip

_Texts = st.SearchStrategy[str]
_MATH = st.sampled_from(["+", "-", "*", "/", "//", "%"])
_ORDER = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_ALIKE = st.sampled_from(["==", "!=", "<", "in", "not in"])
_COUNTED = st.sampled_from(["odd", "even", "divisibleby(3)", "integer"])
_TEXT_FILTERS = st.sampled_from([
    "upper", "lower", "title", "trim", "capitalize", "reverse", "replace('e', 'ee')", "indent",
    "center(9)", "truncate(5, true, '', 0)", "urlencode", "string", "wordwrap(4)",
])  # fmt: skip
_LIST_FILTERS = st.sampled_from([
    "sort", "sort(reverse=true)", "unique", "reverse", "select('odd')", "reject('gt', 1)",
    "map('abs')",
])  # fmt: skip

_numbers: _Texts = st.deferred(lambda: st.one_of(
    st.integers(0, 9).map(str),
    st.sampled_from(["inputs.n", "inputs.m", "inputs.z", "inputs.f"]),
    st.builds("({} {} {})".format, _numbers, _MATH, _numbers),
    st.builds("(-{})".format, _numbers),
    st.builds("({} | abs)".format, _numbers),
    st.builds("({} | length)".format, st.one_of(_texts, _lists)),
    st.builds("({} | sum)".format, _lists),
    st.builds("({} | int)".format, _texts),
    st.builds("({} if {} else {})".format, _numbers, _booleans, _numbers),
    st.builds("inputs.l[{}]".format, st.integers(-3, 2)),
))  # fmt: skip
_texts: _Texts = st.deferred(lambda: st.one_of(
    st.sampled_from(["inputs.s", "inputs.e", "'a b'", "'é'", '"x\\n"', "inputs.words[0]"]),
    st.builds("({} ~ {})".format, _texts, _texts),
    st.builds("({} + {})".format, _texts, _texts),
    st.builds("({} | {})".format, _texts, _TEXT_FILTERS),
    st.builds("(inputs.words | join({}))".format, _texts),
    st.builds("{}[{}:{}]".format, _texts, st.integers(-3, 3), st.integers(-3, 3)),
    st.builds("({} * {})".format, _texts, st.integers(0, 3)),
))  # fmt: skip
_booleans: _Texts = st.deferred(lambda: st.one_of(
    st.sampled_from(["true", "false", "inputs.y", "inputs.no"]),
    st.builds("({} {} {})".format, _numbers, _ORDER, _numbers),
    st.builds("({} {} {})".format, _texts, _ALIKE, _texts),
    st.builds("({} {} {})".format, _booleans, st.sampled_from(["and", "or"]), _booleans),
    st.builds("(not {})".format, _booleans),
    st.builds("({} in {})".format, _numbers, _lists),
    st.builds("({} is {})".format, _numbers, _COUNTED),
    st.builds("(inputs.{} is defined)".format, st.sampled_from(["n", "nope"])),
))  # fmt: skip
_lists: _Texts = st.deferred(lambda: st.one_of(
    st.sampled_from(["inputs.l", "inputs.o.b", "[1, 2, 2]", "[]", "(range(4) | list)"]),
    st.builds("[{}, {}]".format, _numbers, _numbers),
    st.builds("({} + {})".format, _lists, _lists),
    st.builds("({} | {} | list)".format, _lists, _LIST_FILTERS),
))  # fmt: skip
_any = st.one_of(_numbers, _texts, _booleans, _lists)


def _jinja(text: str) -> Json:
    """What Jinja gives, or None where it fails."""
    try:
        return _JINJA.compile_expression(text, undefined_to_none=False)(**_NAMES)
    except (ArithmeticError, TypeError, ValueError):
        return None


@given(_any)
def test_an_expression_gives_what_jinja_gives_or_both_fail(text: str) -> None:
    expected = _jinja(text)
    try:
        made = evaluate("{{ " + text + " }}", _NAMES)
    except ExpressionFailed as failure:
        if "64 bits" in str(failure) or "nested" in str(failure):
            return
        made = None
    assert (made, type(made)) == (expected, type(expected)), text


_pieces = st.lists(st.sampled_from([
    "{{", "}}", " ", "\n", "\t", "inputs", "steps", ".", "a", "x1", "['b-c']", '["q"]', "[0]",
    "[01]", "|", "default", "d", "('-')", "(", "==", "!=", "'s'", "'", "1", "007", "true", "none",
    "not", "-", "{", "}", "{%", "#}", "{#", "if", "1.5", "is", "in", "steps.look-again", "{{-",
    "-}}", "{{ inputs.x }}", "{{ a.b | default('q') }}", "é", "\\", "\r\n", "word",
]), max_size=9).map("".join)  # fmt: skip


@given(_pieces | _pieces.map("{{{{ {} }}}}".format))
def test_a_plain_template_is_read_as_the_parser_reads_it(text: str) -> None:
    quick = parse_plain(text)
    if quick is not None:
        assert quick == parse_template(text)
    bare = parse_plain_bare(text)
    if bare is not None:
        assert bare == parse_bare(text)


@given(_pieces)
def test_any_text_is_a_template_or_a_syntax_error(text: str) -> None:
    offsets = {}
    try:
        offsets = {read.offset: str(read.path[0]) for read in parse(text).references}
    except ExpressionSyntaxError as error:
        offsets[error.offset] = ""
    assert all(text[offset:].startswith(name) for offset, name in offsets.items())
    assert all(0 <= offset <= len(text) for offset in offsets)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["{{ inputs }}", "{% for x in y %}", "{{", "{# #}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_json)
def test_data_comes_out_as_it_went_in(value: Json) -> None:
    assert evaluate("{{ steps.a.output }}", {"steps": {"a": {"output": value}}}) == value


@given(_json)
def test_data_within_text_is_json_and_is_not_evaluated_again(value: Json) -> None:
    made = evaluate("<{{ steps.a.output }}>", {"steps": {"a": {"output": value}}})
    inner = made.removeprefix("<").removesuffix(">")
    assert inner == value if isinstance(value, str) else json.loads(inner) == value


@given(_json, st.sampled_from([
    "list", "string", "tojson", "length", "first", "last", "unique", "reverse", "sort", "items",
    "dictsort", "batch(2)", "slice(2)", "groupby(0)", "map('string')", "select", "join", "upper",
    "int", "float", "max", "sum", "escape", "urlencode", "xmlattr", "wordwrap", "title", "slug",
]))  # fmt: skip
def test_json_in_is_json_out(value: Json, filter_name: str) -> None:
    try:
        made = evaluate("{{ item | " + filter_name + " }}", {"item": value})
    except ExpressionFailed:
        return
    assert json.loads(msgspec.json.encode(made)) == made


@given(_any)
def test_the_same_budget_is_left_every_time(text: str) -> None:
    assert _left(text) == _left(text)


def _left(text: str) -> int:
    budget = Budget()
    with suppress(ExpressionFailed):
        evaluate("{{ " + text + " }}", _NAMES, budget)
    return budget.left
