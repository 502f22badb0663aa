"""Jinja's own lexer and parser, with offsets in place of line numbers and limits on depth.

The only module that imports jinja2; it is loaded for the first text that is not a plain path.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from engine.errors import ExpressionSyntaxError
from engine.expressions.names import MAX_TEXT

MAX_TOKENS: Final = 5_000
"""Words and signs of one template's expressions."""
MAX_DEPTH: Final = 20
"""Brackets within brackets, and statements within statements."""

_T = TypeVar("_T")
_CRLF: Final = re.compile("\r\n")
_LEXER_PLACE: Final = re.compile(r" at \d+$")
_PLAIN_WORDS: Final = {
    "end of print statement": "}}",
    "end of statement block": "%}",
    "begin of print statement": "{{",
    "begin of statement block": "{%",
}


class _Environment(Environment):
    """Hands the parser tokens whose line number is their offset."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        raw = _with_offsets(self, source, state)
        return TokenStream(self.lexer.wrap(raw), name, filename)


_ENVIRONMENT: Final = _Environment(keep_trailing_newline=True)


def parse_text(text: str) -> list[nodes.Node]:
    """The parts of a template; ExpressionSyntaxError where it is none."""
    return _guarded(text, lambda: Parser(_ENVIRONMENT, text).subparse())


def parse_bare(text: str) -> nodes.Expr:
    """A bare expression, as `when` has it; ExpressionSyntaxError where it is none."""

    def whole() -> nodes.Expr:
        parser = Parser(_ENVIRONMENT, text, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            current = parser.stream.current
            parser.fail(f"'{current.value}' is not expected here", current.lineno)
        return node

    return _guarded(text, whole)


def _guarded(text: str, parse: Callable[[], _T]) -> _T:
    if len(text) > MAX_TEXT:
        raise ExpressionSyntaxError(f"a template has at most {MAX_TEXT:,} characters")
    try:
        return parse()
    except TemplateSyntaxError as error:
        message = _LEXER_PLACE.sub("", error.message or "it cannot be read")
        for jinja, plain in _PLAIN_WORDS.items():
            message = message.replace(jinja, plain)
        raise ExpressionSyntaxError(message, min(error.lineno, len(text))) from None
    except RecursionError:
        raise ExpressionSyntaxError("it is nested too deeply") from None
    except ValueError as error:
        raise ExpressionSyntaxError(f"a literal cannot be read: {error}"[:200]) from None


def _with_offsets(
    environment: Environment, source: str, state: str | None
) -> Iterator[tuple[int, str, str]]:
    """The lexer's tokens, each with its offset where it has its line number."""
    breaks = [match.start() - place for place, match in enumerate(_CRLF.finditer(source))]
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # as the lexer does
    tokens = environment.lexer.tokeniter(source, None, None, state)
    place = brackets = blocks = count = 0
    while True:
        try:
            _, kind, value = next(tokens)
        except StopIteration:
            return
        except TemplateSyntaxError as error:
            place += bisect_left(breaks, place)
            raise TemplateSyntaxError(error.message or "", place) from None
        offset = source.find(value, place)
        place = offset + len(value)
        count += kind != "whitespace"
        if kind == "operator":
            brackets += (value in "([{") - (value in ")]}")
        elif kind == "name" and value in _OPENING and _opens(source, offset):
            blocks += 1
        elif kind == "name" and value in _CLOSING and _opens(source, offset):
            blocks -= 1
        if brackets > MAX_DEPTH or blocks > MAX_DEPTH:
            raise TemplateSyntaxError("it is nested too deeply", offset)
        if count > MAX_TOKENS:
            raise TemplateSyntaxError(f"it has more than {MAX_TOKENS:,} words and signs", offset)
        yield offset + bisect_left(breaks, offset), kind, value


_OPENING: Final = frozenset({"if", "for"})
_CLOSING: Final = frozenset({"endif", "endfor"})


def _opens(source: str, offset: int) -> bool:
    """Whether the word at the offset is a tag's first."""
    return source[max(0, offset - 40) : offset].rstrip().endswith(("{%", "{%-", "{%+"))
