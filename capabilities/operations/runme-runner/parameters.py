"""The parameters of a runbook → the environment of its blocks."""

import json
import re
from collections.abc import Mapping
from typing import Any

from failure import Failed

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_RESERVED = re.compile(
    r"PATH|HOME|TMPDIR|SHELL|ENV|BASH_ENV|IFS|PS4|SHELLOPTS|BASHOPTS|ZDOTDIR|PERL5(?:OPT|LIB|DB)"
    r"|GCONV_PATH|PYTHON[A-Z]+|NODE_(?:OPTIONS|PATH)|RUBY(?:OPT|LIB)|PHPRC|PHP_INI_SCAN_DIR"
    r"|(?:LD|DYLD|OCS|RUNME|GLIBC|MALLOC|LUA)_.*|BASH_FUNC.*"
)
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ")
_PARSED = {"integer", "number", "boolean", "null", "array", "object"}


def checked(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """What was given, with the schema's defaults, as text; Failed PARAMETERS says what is wrong."""
    texts = _defaults(schema) | {name: _text(value) for name, value in given.items()}
    for name, text in texts.items():
        if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            raise Failed("PARAMETERS", f"a parameter may not be named '{name[:60]}'")
        if "\0" in text:
            raise Failed("PARAMETERS", f"{name} holds a NUL character")
    if schema or texts:
        _check(schema, texts)
    return texts


def environment(own: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
    """What a block sees: little of this program's own environment, and the parameters."""
    return {name: own[name] for name in _KEPT if name in own} | dict(parameters)


def _defaults(schema: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: _text(part["default"])
        for name, part in _properties(schema).items()
        if isinstance(part, dict) and "default" in part
    }


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return properties if isinstance(properties, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _check(schema: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    """Names that are not declared are refused, unless the schema says `additionalProperties`."""
    import jsonschema_rs

    closed = {"type": "object", "additionalProperties": False, **schema}
    values = {name: _typed(_properties(schema).get(name), text) for name, text in texts.items()}
    try:
        validator = jsonschema_rs.Draft202012Validator(
            closed, pattern_options=jsonschema_rs.RegexOptions(), mask="this"
        )
    except (ValueError, jsonschema_rs.ValidationError) as error:
        said = str(error).partition("\n")[0]
        raise Failed("INVALID_RUNBOOK", f"harmony.parameters is no schema: {said[:300]}") from error
    faults = [_sentence(schema, error, values) for error in validator.iter_errors(values)]
    if faults:
        raise Failed("PARAMETERS", "; ".join(faults)[:2000])


def _sentence(schema: Mapping[str, Any], error: Any, values: Mapping[str, Any]) -> str:
    """What is wrong, with the value where it is that of one parameter."""
    if not error.instance_path and error.kind.name == "additionalProperties":
        unknown = ", ".join(name[:60] for name in error.kind.unexpected)
        return f"no parameter {unknown}; there are: {', '.join(_properties(schema)) or 'none'}"
    if not error.instance_path:
        return _choice(schema, error.kind.name) or f"the parameters: {error.message}"
    name = str(error.instance_path[0])
    return f"{name}: {error.message}: {_text(values[name])[:100]!r}"


def _choice(schema: Mapping[str, Any], keyword: str) -> str:
    """What to give, where the forms of which one must fit only say which parameters there must be;
    else empty."""
    forms = schema[keyword] if keyword in ("anyOf", "oneOf") else []
    plain = [form for form in forms if isinstance(form, dict) and list(form) == ["required"]]
    ways = [" and ".join(form["required"]) for form in plain]
    if not forms or len(ways) < len(forms):
        return ""
    return f"give {', or '.join(ways)}" + (", and only one of them" if keyword == "oneOf" else "")


def _typed(part: Any, text: str) -> Any:
    """`7` where the schema wants a number is the number: the environment knows only text."""
    kinds = part.get("type") if isinstance(part, dict) else None
    kinds = set(kinds if isinstance(kinds, list) else [kinds])
    if "string" not in kinds and kinds & _PARSED:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
