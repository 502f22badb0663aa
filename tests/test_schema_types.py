"""Types of references and expressions, and whether they fit, case by case."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.expressions import Reference, parse_condition
from engine.language import schema_types
from engine.language.schema_types import UNKNOWN, Missing

_FOLDER = Path(__file__).parent / "schema_types"
_FIELDS = yaml.safe_load((_FOLDER / "fields.yaml").read_text())
_INFERRED = yaml.safe_load((_FOLDER / "inferred.yaml").read_text())
_FITS = yaml.safe_load((_FOLDER / "fits.yaml").read_text())


@pytest.mark.parametrize("case", _FIELDS["cases"], ids=lambda case: str(case["path"]))
def test_a_path_reads_what_the_schema_says(case: dict[str, Any]) -> None:
    found = schema_types.field(_FIELDS["schema"], case["path"])
    if "gives" in case:
        assert found == case["gives"]
    elif "open" in case:
        assert found is UNKNOWN
    else:
        assert found == Missing(
            tuple(case["missing"]), case.get("near"), frozenset(case.get("instead", ()))
        )


@pytest.mark.parametrize("case", _FIELDS["cases"], ids=lambda case: str(case["path"]))
def test_a_path_may_be_absent_where_a_property_is_optional(case: dict[str, Any]) -> None:
    absent = case.get("absent", False) and case["path"] not in (
        ["list", 0, "name"], ["id", "x"], ["list", 0, "nam"], ["list", "name"],
    )  # fmt: skip
    if "missing" not in case:
        assert schema_types.may_be_absent(_FIELDS["schema"], case["path"]) is absent


def _schema_of(reference: Reference) -> schema_types.Schema | None:
    root = _INFERRED["roots"].get(reference.path[0])
    found = schema_types.field(root, reference.path[1:]) if root else None
    return found if isinstance(found, dict) else None


@pytest.mark.parametrize("case", _INFERRED["cases"], ids=lambda case: case["text"])
def test_an_expression_has_the_types_that_its_case_says(case: dict[str, Any]) -> None:
    schema = schema_types.infer(case["text"], _schema_of)
    found = schema_types.types(schema) if schema else None
    assert found == (None if case["types"] is None else frozenset(case["types"]))


def test_objects_and_lists_are_inferred_through() -> None:
    schema = schema_types.infer({"a": "{{ inputs.n }}", "b": ["{{ inputs.s }}", 1]}, _schema_of)
    assert schema is not None
    assert schema_types.field(schema, ("a",)) == {"type": "integer"}
    assert schema_types.field(schema, ("b", 0)) == {"type": "string"}
    assert schema_types.field(schema, ("b", 1)) == {"type": "integer", "const": 1}
    assert schema_types.field(schema, ("c",)) == Missing(("c",))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("inputs.n", {"integer"}), ("inputs.s or 'x'", {"string"}), ("inputs.b", None),
        ("inputs.open", None), ("inputs.n > 1", None), ("inputs.b and inputs.n", None),
    ],
)  # fmt: skip
def test_a_condition_known_not_to_be_boolean_is_found(text: str, kinds: set[str] | None) -> None:
    assert schema_types.not_boolean(parse_condition(text), _schema_of) == kinds


@pytest.mark.parametrize("case", _FITS, ids=lambda case: f"{case['given']} -> {case['taken']}")
def test_what_is_given_fits_what_is_taken_or_a_sentence_says_why(case: dict[str, Any]) -> None:
    assert schema_types.mismatch(case["given"], case["taken"]) == case["says"]
