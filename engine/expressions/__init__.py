"""The expression language: Jinja's grammar over JSON data, with nothing to break out of.

`parse` reads a text once, `evaluate` gives its value. A text that is exactly one `{{ … }}` keeps
the value's type; any other gives text, in which all that is not text is written as JSON. Names that
are not there are failures unless `default` or `is defined` provides for them. Evaluation is
counted, not timed, so that a replay comes to the same end.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from engine.errors import ExpressionFailed, ExpressionSyntaxError
from engine.expressions.names import ROOTS, has_template, parse_plain, parse_plain_bare
from engine.expressions.tree import Reference, Template
from engine.expressions.values import Budget, kind, shown
from engine.plan import Json

if TYPE_CHECKING:
    from engine.expressions.evaluator import Evaluator

__all__ = [
    "ROOTS",
    "Budget",
    "ExpressionFailed",
    "ExpressionSyntaxError",
    "Reference",
    "Template",
    "condition",
    "evaluate",
    "has_template",
    "parse",
    "parse_condition",
    "value_of",
]


@lru_cache(maxsize=8192)
def parse(text: str) -> Template:
    """The template that a text is; ExpressionSyntaxError where it is none. Remembered."""
    plain = parse_plain(text)
    if plain is not None:
        return plain
    from engine.expressions.parser import parse_template

    return parse_template(text)


@lru_cache(maxsize=8192)
def parse_condition(text: str) -> Template:
    """The bare expression that a text (`when`) is; ExpressionSyntaxError where it is none."""
    plain = parse_plain_bare(text)
    if plain is not None:
        return plain
    if has_template(text):
        raise ExpressionSyntaxError("this is a bare expression: leave out the braces")
    from engine.expressions.parser import parse_bare

    return parse_bare(text)


def evaluate(value: Json, names: Mapping[str, Json], budget: Budget | None = None) -> Json:
    """The value with every template in it evaluated, once, through lists and objects.

    `names` holds JSON, or mappings built when they are read. ExpressionFailed says why a text has
    no value. What templates read is never evaluated itself.
    """
    return _each(value, names, budget or Budget())


def _each(value: Json, names: Mapping[str, Json], budget: Budget) -> Json:
    if isinstance(value, str):
        return _one(parse(value), names, budget) if has_template(value) else value
    if isinstance(value, list):
        return [_each(item, names, budget) for item in value]
    if isinstance(value, dict):
        return {key: _each(item, names, budget) for key, item in value.items()}
    return value


def value_of(template: Template, names: Mapping[str, Json], budget: Budget) -> Json:
    """The value of one parsed template; ExpressionFailed as for `evaluate`."""
    return _one(template, names, budget)


@cache
def _evaluator() -> "type[Evaluator]":
    """Loaded when something is evaluated first: `validate` only parses."""
    from engine.expressions.evaluator import Evaluator

    return Evaluator


def _one(template: Template, names: Mapping[str, Json], budget: Budget) -> Json:
    evaluator = _evaluator()(names, budget)
    try:
        if isinstance(template.tree, tuple):
            return evaluator.write(template.tree)
        return evaluator.value(template.tree)
    except ExpressionFailed as failure:
        raise ExpressionFailed(f"{failure.message} (in `{shown(template.text)}`)") from None
    except RecursionError:
        raise ExpressionFailed(
            f"its data is nested too deeply (in `{shown(template.text)}`)"
        ) from None
    except Exception as error:  # nothing may escape into workflow code untranslated
        raise ExpressionFailed(f"{shown(str(error))} (in `{shown(template.text)}`)") from error


def condition(test: str | bool, names: Mapping[str, Json]) -> bool:  # noqa: FBT001
    """Whether a `when` holds; ExpressionFailed where its value is not a boolean."""
    if isinstance(test, bool):
        return test
    value = _one(parse_condition(test), names, Budget())
    if not isinstance(value, bool):
        raise ExpressionFailed(f"`{shown(test)}` gives {kind(value)}, not true or false")
    return value
