"""Bounded JSON Schema: what is refused in a schema, what is said of a value, defaults."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language import json_schema
from engine.language.json_schema import check_schema, text_of, violations, with_defaults
from engine.plan import Json

_PERSON: dict[str, Json] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "team": {"enum": ["sre", "platform"]},
        "kind": {"const": "human"},
        "mail": {"type": "string", "pattern": "^[^@]+@[^@]+$"},
        "seen": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 2},
        "where": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/address"}]},
        "any": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "size": {"anyOf": [{"enum": ["small", "large"]}, {"type": "array"}]},
        "never": False,
        "not": {"not": {"type": "string"}},
        "step": {"multipleOf": 5},
    },
    "$defs": {
        "address": {
            "type": "object", "required": ["city"], "additionalProperties": False,
            "properties": {"city": {"type": "string"}},
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "path", "sentence"),
    [
        ({}, "", "needs 'name', which is missing"),
        ([], "", "must be an object, is a list"),
        ({"name": 5}, "name", "must be text, is a number (5)"),
        ({"name": "al"}, "name", "must have at least 3 characters, is 'al'"),
        ({"name": "x" * 99}, "name", "must have at most 8 characters"),
        ({"name": "ann", "nmae": 1}, "nmae", "'nmae' is not known here; did you mean 'name'?"),
        ({"name": "ann", "age": -1}, "age", "must be at least 0, is -1"),
        ({"name": "ann", "age": 150}, "age", "must be less than 150, is 150"),
        ({"name": "ann", "age": 1.5}, "age", "must be a whole number, is a number (1.5)"),
        (
            {"name": "ann", "team": "plattform"},
            "team",
            "must be one of 'sre', 'platform', is 'plattform'; did you mean 'platform'?",
        ),
        ({"name": "ann", "kind": "robot"}, "kind", "must be 'human', is 'robot'"),
        ({"name": "ann", "mail": "x"}, "mail", "must match the pattern ^[^@]+@[^@]+$, is 'x'"),
        ({"name": "ann", "seen": "now"}, "seen", "must be a date-time, is 'now'"),
        ({"name": "ann", "tags": ["a", 1]}, "tags[1]", "must be text, is a number (1)"),
        ({"name": "ann", "tags": ["a", "a"]}, "tags", "must not hold the same item twice"),
        ({"name": "ann", "tags": ["a", "b", "c"]}, "tags", "must have at most 2 items"),
        ({"name": "ann", "where": {}}, "where", "needs 'city', which is missing"),
        (
            {"name": "ann", "where": {"city": "B", "cty": 1}},
            "where.cty",
            "'cty' is not known here; did you mean 'city'?",
        ),
        ({"name": "ann", "where": 5}, "where", "must be text or an object, is a number (5)"),
        ({"name": "ann", "any": None}, "any", "must be text or a whole number, is null"),
        (
            {"name": "ann", "size": "lage"},
            "size",
            "must be one of 'small', 'large', is 'lage'; did you mean 'large'?",
        ),
        ({"name": "ann", "never": 1}, "never", "is not allowed here"),
        ({"name": "ann", "not": "x"}, "not", "has a form that is not allowed here"),
        ({"name": "ann", "step": 7}, "step", "must be a multiple of 5, is 7"),
    ],
)
def test_a_violation_is_a_place_and_a_sentence(value: Json, path: str, sentence: str) -> None:
    found = violations(_PERSON, value)
    assert [(text_of(where), said) for where, said in found] == [(path, sentence)]


def test_violations_are_sorted_and_limited() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    found = violations(schema, list(range(100)), limit=3)
    assert [where for where, _ in found] == [(0,), (1,), (2,)]


_SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"}, {"enum": ["a"]}, {"const": "a"}, {"pattern": "^x"}, {"maxLength": 1},
        {"minLength": 99}, {"format": "ipv4"}, {"not": {"type": "string"}}, False,
        {"anyOf": [{"type": "integer"}, {"const": "b"}]}, {"oneOf": [{"enum": ["c"]}]},
        {"oneOf": [{"type": "string"}, {"minLength": 1}]}, {"allOf": [{"type": "null"}]},
        {"if": {"type": "string"}, "then": {"type": "null"}},
    ],
)  # fmt: skip
def test_a_secret_value_is_never_quoted(schema: Json) -> None:
    for value, wanted in ((_SECRET, schema), ({"k": _SECRET}, {"properties": {"k": schema}})):
        found = violations(wanted, value, quote_values=False)
        assert found
        assert _SECRET not in str(found)


def test_what_is_no_json_is_a_violation() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert "nested too deeply" in violations({"type": "object"}, deep)[0][1]
    assert "no JSON" in violations({"properties": {"a": {"type": "string"}}}, {"a": {1}})[0][1]


def test_an_object_that_must_be_empty_is_told_so_once() -> None:
    found = violations({"additionalProperties": False}, {"a": 1, "b": 2})
    assert found == [((), "must have no properties")]


@pytest.mark.parametrize(
    ("schema", "path", "sentence"),
    [
        (5, "", "a schema is an object"),
        ({"type": "strng"}, "type", "must be"),
        ({"properties": {"a": {"minimum": "x"}}}, "properties.a.minimum", "must be a number"),
        ({"required": "a"}, "required", "must be a list"),
        ({"$ref": "https://example.org/s.json"}, "$ref", "refers to another document"),
        ({"$ref": "file:///etc/passwd"}, "$ref", "refers to another document"),
        ({"items": {"$ref": "other.json#/a"}}, "items.$ref", "refers to another document"),
        ({"$dynamicRef": "https://example.org/s"}, "$dynamicRef", "refers to another document"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "properties.a.$ref", "leads nowhere"),
        ({"$ref": "#nowhere"}, "$ref", "leads nowhere"),
        ({"$ref": "#"}, "", "applies itself to one value without end"),
        ({"allOf": [{"$ref": "#"}]}, "", "applies itself to one value without end"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema", "only https://"),
        ({"properties": {"a": {"$id": "https://example.org/"}}}, "properties.a.$id", "only the"),
        ({"pattern": "(a"}, "pattern", "runs in linear time"),
        ({"pattern": "(?=a)b"}, "pattern", "look-around"),
        ({"pattern": r"(a)\1"}, "pattern", "back references"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "pattern", "too large"),
        ({"patternProperties": {"(?<!x)y": {}}}, "patternProperties.(?<!x)y", "look-around"),
    ],
)
def test_a_schema_that_is_refused(schema: Json, path: str, sentence: str) -> None:
    found = check_schema(schema)
    assert text_of(found[0][0]) == path
    assert sentence in found[0][1]


@pytest.mark.parametrize(
    "schema",
    [
        True, {}, _PERSON, {"items": {"$ref": "#"}}, {"properties": {"a": {"$ref": "#"}}},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
        {"$ref": "#node", "$defs": {"n": {"$anchor": "node", "type": "object"}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/x"},
        {"enum": [{"$ref": "https://example.org"}], "default": {"pattern": "("}},
        {"x-script": True, "x-env": "NAME", "type": "string"},
    ],
)  # fmt: skip
def test_a_schema_that_is_taken(schema: Json) -> None:
    assert check_schema(schema) == []


def _deep(depth: int) -> Json:
    schema: Json = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def test_hostile_schemas_are_refused_at_once() -> None:
    doubling: dict[str, Json] = {"$defs": {"d30": {"type": "string"}}, "$ref": "#/$defs/d0"}
    for level in range(30):
        following = {"$ref": f"#/$defs/d{level + 1}"}
        doubling["$defs"][f"d{level}"] = {"allOf": [following, following]}
    wide = {"properties": {f"p{n}": {"type": "string"} for n in range(20_000)}}
    started = time.process_time()
    assert "thousands of times" in check_schema(doubling)[0][1]
    assert "at most 64 deep" in check_schema(_deep(100_000))[0][1]
    assert "at most 20,000 parts" in check_schema(wide)[0][1]
    assert time.process_time() - started < 2


def _chain(length: int, lead: Callable[[Json], Json]) -> Json:
    """Parts that lead one to the next, each as `lead` says."""
    parts = {f"d{n}": lead({"$ref": f"#/$defs/d{n + 1}"}) for n in range(length)}
    return {"$defs": {**parts, f"d{length}": {"type": "string"}}, "$ref": "#/$defs/d0"}


_NAMES = range(100)
_ENDLESS = {
    "alternatives": _chain(30, lambda to: {"anyOf": [{"items": to}, {"items": to}]}),
    "all-of": _chain(30, lambda to: {"allOf": [{"items": to}, {"items": to}]}),
    "items-and-contains": _chain(30, lambda to: {"items": to, "contains": to}),
    "itself-twice": {"anyOf": [{"items": {"$ref": "#"}}, {"maxItems": 1, "items": {"$ref": "#"}}]},
    "itself-in-turns": {
        "anyOf": [{"additionalProperties": {"items": {"$ref": "#"}}}, {"type": "string"},
                  {"patternProperties": {".": {"items": {"$ref": "#"}}}}]
    },
    "each-other": {
        "$defs": {
            f"d{n}": {"anyOf": [{"properties": {"x": {"$ref": f"#/$defs/d{m}"}}} for m in range(8)]}
            for n in range(8)
        },
        "$ref": "#/$defs/d0",
    },
    "itself-at-every-property": {
        "properties": {f"p{n}": {"$ref": "#"} for n in _NAMES}, "anyOf": [
            {"properties": {f"p{n}": {"$ref": "#"} for n in _NAMES}}
        ],
    },
    "long-chain": _chain(4_000, dict),
    "long-way": _chain(1_800, lambda to: {"items": to, "prefixItems": [to, to], "allOf": [{}]}),
    "defaults": _chain(
        30, lambda to: {"properties": {"a": {**to, "default": {}}, "b": {**to, "default": {}}}}
    ),
    "defaults-in-every-order": {
        "properties": {f"p{n}": {"$ref": "#", "default": {}} for n in range(12)}
    },
}  # fmt: skip


@pytest.mark.parametrize("name", _ENDLESS)
def test_a_schema_that_would_be_held_against_a_value_without_end(name: str) -> None:
    began = time.process_time()
    found = check_schema(_ENDLESS[name])
    assert time.process_time() - began < 2
    if name == "long-way":
        assert found == []
    else:
        [(_, sentence)] = found
        assert "thousands" in sentence or "hundreds" in sentence


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}},
        {"properties": {word: {"items": {"$ref": "#"}} for word in ("and", "or", "not")}},
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]},
        {"prefixItems": [{"$ref": "#"}], "items": {"$ref": "#"}},
        {"properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}},
    ],
)
def test_a_schema_may_name_itself(schema: Json) -> None:
    assert check_schema(schema) == []


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_a_large_value_is_refused_soon(word: str) -> None:
    schema = {"items": {word: [{"type": "string", "minLength": n} for n in range(300)]}}
    assert check_schema(schema) == []
    began = time.process_time()
    [(path, sentence)] = violations(schema, [1] * 100_000)
    assert time.process_time() - began < 5
    if word == "allOf":
        assert (path, sentence) == ((0,), "must be text, is a number (1)")
    else:
        assert "too large to say where" in sentence
    assert "must be text" in violations(schema, [1] * 10)[0][1]


def test_many_costly_patterns_are_refused_at_once() -> None:
    began = time.process_time()
    costly = {f"p{n}": {"pattern": f"^([a-z]{{1,100}}){{1,20}}x{n}$"} for n in range(6_000)}
    [(_, sentence)] = check_schema({"properties": costly})
    assert sentence == "a schema has at most 100 different patterns"
    assert check_schema({"properties": dict(list(costly.items())[:100])}) == []
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*x"]
)
def test_no_pattern_explodes(pattern: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    assert check_schema(schema) == []
    started = time.process_time()
    assert violations(schema, "a" * 100_000 + "!")
    assert time.process_time() - started < 2


def test_nothing_is_fetched() -> None:
    assert violations({"$ref": "http://127.0.0.1:9/x"}, 1)[0][1].startswith("cannot be held")


@pytest.mark.parametrize(
    ("schema", "value", "filled"),
    [
        ({"properties": {"a": {"default": 1}}}, {}, {"a": 1}),
        ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {"default": None}}}, {}, {"a": None}),
        ({"properties": {"a": {"default": 1}}}, "text", "text"),
        (
            {"properties": {"a": {"properties": {"b": {"default": 2}}, "default": {}}}},
            {},
            {"a": {"b": 2}},
        ),
        ({"properties": {"a": {"properties": {"b": {"default": 2}}}}}, {}, {}),
        ({"properties": {"a": {"properties": {"b": {"default": 2}}}}}, {"a": {}}, {"a": {"b": 2}}),
        ({"items": {"properties": {"b": {"default": 2}}}}, [{}, {"b": 3}], [{"b": 2}, {"b": 3}]),
        ({"allOf": [{"properties": {"a": {"default": 1}}}]}, {}, {"a": 1}),
        (
            {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"default": 7}}},
            {},
            {"a": 7},
        ),
        (
            {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"default": [1]}}}}},
            {},
            {"a": [1]},
        ),
        ({"properties": {"a": {"$ref": "#", "default": {}}}}, {}, {"a": {}}),
        ({"anyOf": [{"properties": {"a": {"default": 1}}}]}, {}, {}),
        (True, {"a": 1}, {"a": 1}),
    ],
)
def test_defaults_are_filled_in(schema: Json, value: Json, filled: Json) -> None:
    assert with_defaults(schema, value) == filled


def test_a_default_is_a_copy() -> None:
    schema: dict[str, Json] = {"properties": {"a": {"default": []}}}
    with_defaults(schema, {})["a"].append(1)
    assert with_defaults(schema, {}) == {"a": []}


def test_a_validator_is_made_once() -> None:
    json_schema._compile.cache_clear()
    for _ in range(3):
        violations({"type": "string", "minLength": 1}, "")
    assert json_schema._compile.cache_info().misses == 1


_small = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "items", "properties", "$ref", "pattern", "a",
                                       "allOf", "default", "required", "enum"]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(_small, _small)
def test_any_schema_is_faulty_or_can_be_used(schema: Json, value: Json) -> None:
    if not check_schema(schema):
        assert isinstance(violations(schema, value), list)
        assert violations(schema, value, quote_values=False) == [] or not violations(True, value)
        with_defaults(schema, value)
