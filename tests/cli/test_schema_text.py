"""A schema as `harmony capability show` prints it."""

from engine.cli.schema_text import lines
from engine.plan import Json


def test_what_a_reference_leads_to_is_shown() -> None:
    schema: dict[str, Json] = {
        "properties": {
            "own": {"$ref": "#/$defs/part", "description": "Ours."},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
            "state": {"$ref": "#/$defs/state"},
            "maybe": {"anyOf": [{"$ref": "#/$defs/part"}, {"type": "null"}]},
        },
        "$defs": {
            "part": {
                "type": "object", "description": "A part.", "required": ["id"],
                "properties": {"id": {"type": "string"}},
            },
            "state": {"enum": ["up", "down"]},
        },
    }  # fmt: skip
    assert lines(schema, "") == [
        "own    object, - Ours.",
        "    id  string, required",
        "parts  array of object",
        "    id  string, required",
        'state  "up" | "down"',
        "maybe  object or null",
    ]


def test_a_schema_that_refers_to_itself_ends() -> None:
    value: dict[str, Json] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/value"}}]
    }
    loop: dict[str, Json] = {"$ref": "#/$defs/loop"}
    schema: dict[str, Json] = {
        "properties": {"value": {"$ref": "#/$defs/value"}, "loop": loop, "gone": {"$ref": "#/no"}},
        "$defs": {"value": value, "loop": loop},
    }
    assert lines(schema, "") == [
        "value  string or array of string or array of anything",
        "loop   anything",
        "gone   anything",
    ]
