"""Words in a schema that JSON Schema 2020-12 does not know, so that nothing looks at them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from engine.language.schema_references import Path, parts_of
from engine.plan import Json

_OWN: Final = ("x-env", "x-runbook", "x-script", "x-service")
_KNOWN: Final = {
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema",
    "$vocabulary", "additionalProperties", "allOf", "anyOf", "const", "contains",
    "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions",
    "dependentRequired", "dependentSchemas", "deprecated", "description", "else", "enum",
    "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxContains",
    "maximum", "maxItems", "maxLength", "maxProperties", "minContains", "minimum", "minItems",
    "minLength", "minProperties", "multipleOf", "not", "oneOf", "pattern", "patternProperties",
    "prefixItems", "properties", "propertyNames", "readOnly", "required", "then", "title", "type",
    "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "writeOnly", *_OWN,
}  # fmt: skip

_FREE: Final = "Names of your own begin with x-."
_COMMA: Final = "Within { }, text with a comma is written in quotes."


def unknown_keywords(
    schema: Mapping[str, Json], meant: Callable[[str, Collection[str]], str | None]
) -> Iterator[tuple[Path, str]]:
    """The place of each, and a hint. Names that begin with `x-` are free, unless they are nearly
    one of Harmony's own; `meant` says which of several names that would be, if any."""
    for path, part in parts_of(schema):
        for word, value in part.items():
            if word in _KNOWN:
                continue
            near = meant(word, _OWN if word.startswith("x-") else _KNOWN)
            if near is not None or not word.startswith("x-"):
                yield (*path, word), near or (_COMMA if value is None else _FREE)
