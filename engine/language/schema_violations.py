"""What a validator found, in short sentences."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from engine.plan import Json
from engine.suggestions import did_you_mean

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_SHOWN: Final = 60
_MOST_NAMES: Final = 50


def sentences(
    schema: Json, errors: Iterable["ValidationError"], *, limit: int, quote_values: bool
) -> list[tuple[tuple[str | int, ...], str]]:
    """Each violation's place and sentence, sorted, each once, at most `limit`."""
    found: set[tuple[tuple[str | int, ...], str]] = set()
    for error in errors:
        found.update(_of(schema, error, quote_values=quote_values))
        if len(found) >= 10 * limit:
            break
    return sorted(found, key=_order)[:limit]


def _order(violation: tuple[tuple[str | int, ...], str]) -> Any:
    path, sentence = violation
    return [(isinstance(key, str), key if isinstance(key, int) else 0, str(key)) for key in path], (
        sentence
    )


def _of(
    schema: Json, error: "ValidationError", *, quote_values: bool
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    path = tuple(error.instance_path)
    kind: Any = error.kind
    name = type(kind).__name__
    if name in ("AdditionalProperties", "UnevaluatedProperties"):
        known = _properties(schema, error)
        for word in kind.unexpected[:_MOST_NAMES]:
            yield (*path, word), f"'{_cut(word)}' is not known here{did_you_mean(word, known)}"
    elif name == "FalseSchema" and list(error.schema_path)[-1:] == ["additionalProperties"]:
        yield path, "must have no properties"
    elif name in ("AnyOf", "OneOfNotValid"):
        yield from _branches(schema, error, quote_values=quote_values)
    elif name == "PropertyNames":
        inner = next(_of(schema, kind.error, quote_values=True))
        yield path, f"the name of a property {inner[1]}"
    else:
        yield path, _sentence(name, error, quote_values=quote_values)


def _sentence(name: str, error: "ValidationError", *, quote_values: bool) -> str:
    kind: Any = error.kind
    rule = _RULES.get(name)
    if rule is None:
        return error.message[:200] if quote_values else f"does not match '{kind.name}'"
    value = _quoted(error.instance) if quote_values else ""
    return rule(kind, value, error.instance)


def _branches(
    schema: Json, error: "ValidationError", *, quote_values: bool
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Of several ways to fit, the faults of the one that the value was meant to take."""
    here = tuple(error.instance_path)
    context: list[list[ValidationError]] = cast("Any", error.kind).context

    def past(rules: tuple[str, ...]) -> "list[list[ValidationError]]":
        """The branches that the value as a whole does not already fail by one of these."""
        return [
            branch
            for branch in context
            if not any(
                tuple(found.instance_path) == here and type(found.kind).__name__ in rules
                for found in branch
            )
        ]

    meant = past((*_OTHER_TYPE, *_OTHER_VALUE)) or past(_OTHER_TYPE)
    if len(meant) == 1:
        for found in meant[0]:
            yield from _of(schema, found, quote_values=quote_values)
        return
    types = [
        word
        for branch in context
        for found in branch
        if type(found.kind).__name__ == "Type" and tuple(found.instance_path) == here
        for word in cast("Any", found.kind).types
    ]
    if types and not meant:
        yield here, _type(types, _quoted(error.instance) if quote_values else "", error.instance)
    else:
        yield here, "fits none of the forms that are allowed here"


_OTHER_TYPE: Final = ("Type", "FalseSchema")
_OTHER_VALUE: Final = ("Constant", "Enum")


def _type(types: list[str], value: str, instance: Json) -> str:
    wanted = " or ".join(dict.fromkeys(_WORDS[word] for word in types))
    return f"must be {wanted}, is {_kind(instance)}{_aside(value, instance)}"


def _aside(value: str, instance: Json) -> str:
    plain = value and isinstance(instance, str | int | float) and not isinstance(instance, bool)
    return f" ({value})" if plain else ""


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number"


def _quoted(value: Json) -> str:
    """A value as a sentence shows it, cut."""
    if isinstance(value, str):
        return f"'{_cut(value)}'"
    if isinstance(value, dict | list):
        return _kind(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)[:_SHOWN]


def _cut(value: str) -> str:
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


def _options(values: list[Json]) -> str:
    shown = [_quoted(value) for value in values[:12]]
    return ", ".join(shown) + (", …" if len(values) > 12 else "")


def _near(options: list[Json], instance: Json, value: str) -> str:
    words = [option for option in options if isinstance(option, str)]
    return did_you_mean(instance, words) if value and isinstance(instance, str) else ""


def _is(value: str) -> str:
    return f", is {value}" if value else ""


_RULES: Final[dict[str, Callable[[Any, str, Json], str]]] = {
    "Type": lambda kind, value, of: _type(kind.types, value, of),
    "Required": lambda kind, *_: f"needs '{_cut(kind.property)}', which is missing",
    "Enum": lambda kind, value, of: (
        f"must be one of {_options(kind.options)}{_is(value)}{_near(kind.options, of, value)}"
    ),
    "Constant": lambda kind, value, _: f"must be {_quoted(kind.expected_value)}{_is(value)}",
    "Minimum": lambda kind, value, _: f"must be at least {kind.limit}{_is(value)}",
    "Maximum": lambda kind, value, _: f"must be at most {kind.limit}{_is(value)}",
    "ExclusiveMinimum": lambda kind, value, _: f"must be more than {kind.limit}{_is(value)}",
    "ExclusiveMaximum": lambda kind, value, _: f"must be less than {kind.limit}{_is(value)}",
    "MultipleOf": lambda kind, value, _: f"must be a multiple of {kind.multiple_of}{_is(value)}",
    "MinLength": lambda kind, value, _: f"must have at least {kind.limit} characters{_is(value)}",
    "MaxLength": lambda kind, *_: f"must have at most {kind.limit} characters",
    "Pattern": lambda kind, value, _: f"must match the pattern {_cut(kind.pattern)}{_is(value)}",
    "Format": lambda kind, value, _: f"must be a {kind.format}{_is(value)}",
    "MinItems": lambda kind, *_: f"must have at least {kind.limit} items",
    "MaxItems": lambda kind, *_: f"must have at most {kind.limit} items",
    "MinProperties": lambda kind, *_: f"must have at least {kind.limit} properties",
    "MaxProperties": lambda kind, *_: f"must have at most {kind.limit} properties",
    "UniqueItems": lambda *_: "must not hold the same item twice",
    "FalseSchema": lambda *_: "is not allowed here",
    "Not": lambda *_: "has a form that is not allowed here",
    "OneOfMultipleValid": lambda *_: "fits more than one of the forms of which it must fit one",
    "Contains": lambda *_: "lacks an item that it must hold",
}


def _properties(schema: Json, error: "ValidationError") -> list[str]:
    """The names that the schema which refused a property knows."""
    here = schema
    for key in list(error.schema_path)[:-1]:
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            return []
    return list(here.get("properties", ())) if isinstance(here, dict) else []
