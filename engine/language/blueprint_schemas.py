"""The schema under `inputs`."""

from engine.language.blueprint import Blueprint
from engine.language.reading import Reading
from engine.language.schema_checks import check_object_schema, check_value
from engine.plan import Json


def check_inputs(reading: Reading, blueprint: Blueprint) -> None:
    """Report a schema that is not valid, and defaults that do not match their own schema."""
    schema = blueprint.inputs
    if not schema:
        return
    check_object_schema(reading, {"type": "object", **schema}, ("inputs",))
    properties = schema.get("properties")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        if isinstance(each, dict) and "default" in each:
            path = ("inputs", "properties", name, "default")
            check_value(reading, _standalone(schema, each), each["default"], path, "INPUT")


def _standalone(root: dict[str, Json], part: dict[str, Json]) -> dict[str, Json]:
    """A part of a schema with the definitions that its references may lead to."""
    return {**{key: root[key] for key in ("$defs", "definitions") if key in root}, **part}
