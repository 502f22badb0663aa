"""The types of references and expressions, held against what takes them: all as JSON Schema."""

from engine.language.schema_fields import (
    UNKNOWN,
    Missing,
    Schema,
    Unknown,
    field,
    may_be_absent,
    types,
)
from engine.language.schema_fit import in_words, mismatch
from engine.language.schema_inference import infer, not_boolean

__all__ = [
    "UNKNOWN",
    "Missing",
    "Schema",
    "Unknown",
    "field",
    "in_words",
    "infer",
    "may_be_absent",
    "mismatch",
    "not_boolean",
    "types",
]
