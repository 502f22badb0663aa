"""Plain scalars of YAML 1.2's core schema: which text is null, a boolean, a number."""

import math
import re

from engine.plan import Json

_CONSTANTS: dict[str, Json] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_MAYBE_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
LARGEST_INTEGER = 2**63
_LONGEST = 40
"""Letters of a number; more than any that 64 bits hold."""


def value_of(text: str) -> Json:
    """What a plain scalar stands for; text stands for itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _MAYBE_NUMBER:
        return text
    number = _number(text)
    return text if number is None else number


def is_json_number(number: float) -> bool:
    """Whether JSON can carry it everywhere: finite, an integer within 64 bits."""
    if isinstance(number, int):
        return -LARGEST_INTEGER <= number < LARGEST_INTEGER
    return math.isfinite(number)


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _LONGEST else LARGEST_INTEGER
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return math.inf
    return None
