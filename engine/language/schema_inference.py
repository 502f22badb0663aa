"""The type of an expression, as a JSON Schema, as far as it is known without running it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from engine.expressions import has_template, parse
from engine.expressions.tree import (
    Applied,
    Binary,
    Choice,
    Compare,
    Concat,
    Const,
    Expr,
    Field,
    ListOf,
    ObjectOf,
    Path,
    RangeOf,
    Reference,
    Slice,
    Template,
    Unary,
)
from engine.language.schema_fields import Schema, field, type_of, types
from engine.plan import Json

SchemaOf: TypeAlias = Callable[[Reference], Schema | None]

_BOOLEAN: Final[Schema] = {"type": "boolean"}
_TEXT: Final[Schema] = {"type": "string"}
_INTEGER: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_LIST: Final[Schema] = {"type": "array"}

_ALWAYS: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(
        (
            "capitalize",
            "center",
            "e",
            "escape",
            "filesizeformat",
            "forceescape",
            "format",
            "indent",
            "join",
            "lower",
            "pprint",
            "replace",
            "safe",
            "slug",
            "string",
            "striptags",
            "title",
            "tojson",
            "trim",
            "truncate",
            "upper",
            "urlencode",
            "urlize",
            "wordwrap",
            "xmlattr",
        ),
        _TEXT,
    ),
    **dict.fromkeys(("count", "length", "wordcount"), _INTEGER),
    "round": _NUMBER,
    **dict.fromkeys(("batch", "dictsort", "groupby", "items", "slice"), _LIST),
}
_SAME_ITEMS: Final = frozenset(
    {
        "list",
        "reject",
        "rejectattr",
        "reverse",
        "select",
        "selectattr",
        "sort",
        "unique",
    }
)
_ONE_ITEM: Final = frozenset({"first", "last", "max", "min"})


def infer(value: Json | Template, schema_of: SchemaOf) -> Schema | None:
    """The schema of a value that may hold templates; None where nothing is known of it.

    ExpressionSyntaxError where a text cannot be parsed.
    """
    if isinstance(value, Template):
        return _Inference(value, schema_of).whole()
    if isinstance(value, str):
        return infer(parse(value), schema_of) if has_template(value) else _literal(value)
    if isinstance(value, Mapping):
        return _object({key: infer(item, schema_of) for key, item in value.items()})
    if isinstance(value, list):
        return _list([infer(item, schema_of) for item in value])
    return _literal(value)


def not_boolean(template: Template, schema_of: SchemaOf) -> frozenset[str] | None:
    """The types that an expression has where none of them is boolean, else None."""
    kinds = types(infer(template, schema_of) or {})
    return kinds if kinds and "boolean" not in kinds else None


def either(*schemas: Schema | None) -> Schema | None:
    """The schema of what has one of these schemas."""
    made: list[Schema] = []
    for schema in schemas:
        if not schema:
            return None
        if schema not in made:
            made.append(schema)
    return made[0] if len(made) == 1 else {"anyOf": made}


def _literal(value: Json) -> Schema:
    return {"type": type_of(value), "const": value}


def _object(properties: Mapping[str, Schema | None]) -> Schema:
    return {
        "type": "object",
        "properties": {name: schema or {} for name, schema in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: list[Schema | None]) -> Schema:
    return {
        "type": "array",
        "prefixItems": [schema or {} for schema in items],
        "items": False,
        "minItems": len(items),
    }


class _Inference:
    """One template, with the schemas of what it reads."""

    def __init__(self, template: Template, schema_of: SchemaOf) -> None:
        self.template = template
        self.schema_of = schema_of

    def whole(self) -> Schema | None:
        """The schema of what the template gives."""
        if isinstance(self.template.tree, tuple):
            return _TEXT
        return self.of(self.template.tree)

    def of(self, node: Expr) -> Schema | None:
        """The schema of an expression."""
        return _RULES[type(node)](self, node)

    def path(self, node: Path) -> Schema | None:
        """What a reference reads; a loop's own name is not known."""
        if node.local:
            return None
        path = (node.root, *node.keys)
        for reference in self.template.references:
            if reference.offset == node.offset and reference.path == path:
                return self.schema_of(reference)
        return None

    def field(self, node: Field) -> Schema | None:
        """A field of something known."""
        of = self.of(node.of)
        if of is None or not isinstance(node.key, Const):
            return self.any_item(of)
        return _known(of, node.key.value)

    def any_item(self, of: Schema | None) -> Schema | None:
        """Any item of a list, or any value of a map."""
        if of is None:
            return None
        if types(of) == frozenset({"object"}) and not of.get("properties"):
            others = of.get("additionalProperties")
            return others if isinstance(others, Mapping) and others else None
        return _items(of)

    def part(self, node: Slice) -> Schema | None:
        """A part of a list or text."""
        of = self.of(node.of)
        return _TEXT if of and types(of) == frozenset({"string"}) else _list_of(_items(of))

    def unary(self, node: Unary) -> Schema | None:
        """`not` gives a boolean, the signs a number."""
        if node.operator == "not":
            return _BOOLEAN
        return _INTEGER if _kinds(self.of(node.of)) == frozenset({"integer"}) else _NUMBER

    def binary(self, node: Binary) -> Schema | None:
        """Arithmetic by the types of both sides; `and` and `or` give one of them."""
        left, right = self.of(node.left), self.of(node.right)
        if node.operator in ("and", "or"):
            return either(left, right)
        kinds = _kinds(left) | _kinds(right)
        if not _kinds(left) or not _kinds(right):
            return None
        if kinds <= {"integer", "boolean"} and node.operator not in ("/", "**"):
            return _INTEGER
        if kinds <= {"integer", "number", "boolean"}:
            return _NUMBER
        if _kinds(left) == frozenset({"string"}) and (
            kinds == frozenset({"string"}) or node.operator == "%"
        ):
            return _TEXT
        return _LIST if kinds == frozenset({"array"}) else None

    def choice(self, node: Choice) -> Schema | None:
        """One of the two."""
        then = self.of(node.then)
        return then if node.otherwise is None else either(then, self.of(node.otherwise))

    def applied(self, node: Applied) -> Schema | None:
        """A test gives a boolean; a filter what it always gives, or what its value makes of it."""
        if node.kind == "test":
            return _BOOLEAN
        if node.name in _ALWAYS:
            return _ALWAYS[node.name]
        if node.name in ("default", "d"):
            return self.default(node)
        if node.name in ("int", "float"):
            fallback = node.arguments[:1] or [
                part for name, part in node.named if name == "default"
            ]
            plain = _INTEGER if node.name == "int" else _NUMBER
            return either(plain, *map(self.of, fallback))
        of = self.of(node.of)
        if node.name in _SAME_ITEMS:
            text = node.name == "reverse" and _kinds(of) != frozenset({"array"})
            return None if text else _list_of(_items(of))
        if node.name in _ONE_ITEM:
            return _items(of)
        if node.name == "map":
            return _list_of(self.mapped(node, _items(of)))
        if node.name == "attr" and of and isinstance(node.arguments[0], Const):
            return _known(of, node.arguments[0].value)
        if node.name == "sum":
            return None if len(node.arguments) > 1 or len(node.named) > 1 else _NUMBER
        return _NUMBER if node.name == "abs" else None

    def mapped(self, node: Applied, item: Schema | None) -> Schema | None:
        """What `map` makes of each item."""
        if not node.arguments:
            named = dict(node.named)
            path = named.get("attribute")
            if item and isinstance(path, Const) and isinstance(path.value, str):
                read = field(item, path.value.split("."))
                known = read if isinstance(read, Mapping) else None
                return either(known, self.of(named["default"])) if "default" in named else known
            return None
        name = node.arguments[0]
        return _ALWAYS.get(name.value) if isinstance(name, Const) else None

    def default(self, node: Applied) -> Schema | None:
        """The value or its substitute; with `boolean` the value is not null."""
        of = self.of(node.of)
        if of and len(node.arguments) + len(node.named) > 1:
            of = without_null(of)
        return either(of, *([self.of(part) for part in node.arguments[:1]] or [_literal("")]))


def without_null(schema: Schema) -> Schema:
    """The schema without null, where it says so at its top."""
    if isinstance(schema.get("type"), list):
        return {**schema, "type": [kind for kind in schema["type"] if kind != "null"]}
    for word in ("anyOf", "oneOf"):
        if word in schema:
            kept = [part for part in schema[word] if types(part) != frozenset({"null"})]
            return kept[0] if len(kept) == 1 and len(schema) == 1 else {**schema, word: kept}
    return schema


def _known(of: Schema, key: Json) -> Schema | None:
    if not isinstance(key, str | int) or isinstance(key, bool):
        return None
    found = field(of, (key,))
    return found if isinstance(found, Mapping) else None


def _items(of: Schema | None) -> Schema | None:
    """The schema of any item of a list."""
    if of is None or types(of) != frozenset({"array"}):
        return _TEXT if of and types(of) == frozenset({"string"}) else None
    if of.get("prefixItems"):
        return either(*of["prefixItems"]) if of.get("items") is False else None
    found = field(of, (0,))
    return found if isinstance(found, Mapping) else None


def _list_of(item: Schema | None) -> Schema:
    return {"type": "array", "items": item} if item else _LIST


def _kinds(schema: Schema | None) -> frozenset[str]:
    """The types of a schema; none where they are not known."""
    return (types(schema) if schema else None) or frozenset()


_RULES: Final[dict[type, Callable[[_Inference, Any], Schema | None]]] = {
    Const: lambda _, node: _literal(node.value),
    Path: _Inference.path,
    Field: _Inference.field,
    Slice: _Inference.part,
    ListOf: lambda known, node: _list([known.of(item) for item in node.items]),
    ObjectOf: lambda known, node: (
        _object({key.value: known.of(value) for key, value in node.pairs})
        if all(isinstance(key, Const) for key, _ in node.pairs)
        else {"type": "object"}
    ),
    Unary: _Inference.unary,
    Binary: _Inference.binary,
    Compare: lambda *_: _BOOLEAN,
    Concat: lambda *_: _TEXT,
    Choice: _Inference.choice,
    Applied: _Inference.applied,
    RangeOf: lambda *_: {"type": "array", "items": _INTEGER},
}
