"""Evaluates a parsed template: a walk over its tree with a budget, and nothing but data at hand.

Deterministic: no clock, no randomness, no attribute of a Python object, no call but of the
filters and tests in the tables. What a template reads is never evaluated again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import ExpressionFailed
from engine.expressions.arithmetic import compare, compute, contains
from engine.expressions.filters import FILTERS, TAKES_MISSING, TESTS
from engine.expressions.tree import (
    Applied,
    Binary,
    Choice,
    Compare,
    Concat,
    Const,
    Expr,
    Field,
    For,
    If,
    ListOf,
    ObjectOf,
    Path,
    Piece,
    RangeOf,
    Set,
    Slice,
    Unary,
)
from engine.expressions.values import (
    Budget,
    Missing,
    field,
    kind,
    number,
    path_text,
    plain,
    read,
    shown,
    text,
)
from engine.plan import Json

NO_ELSE: Final = Missing("", "there is no value: the condition is false and has no `else`", None)


class Evaluator:
    """One evaluation: the names it may read, what is left of its budget, its own names."""

    __slots__ = ("budget", "names", "scopes")

    def __init__(self, names: Mapping[str, Json], budget: Budget) -> None:
        self.names = names
        self.budget = budget
        self.scopes: list[dict[str, Json]] = [{}]

    def value(self, node: Expr) -> Json:
        """The value of an expression; ExpressionFailed where there is none."""
        found = self.maybe(node)
        if type(found) is Missing:
            raise ExpressionFailed(found.sentence())
        if isinstance(found, Mapping) and not isinstance(found, dict):
            return plain(found)
        return found

    def maybe(self, node: Expr) -> Json:
        """The value of an expression, or Missing where what it reads is not there."""
        self.budget.spend(1)
        return _RULES[type(node)](self, node)

    def write(self, pieces: tuple[Piece, ...]) -> str:
        """The text that the parts of a template give."""
        words: list[str] = []
        self._write(pieces, words)
        return "".join(words)

    def _write(self, pieces: tuple[Piece, ...], words: list[str]) -> None:
        for piece in pieces:
            if isinstance(piece, str):
                word = piece
            elif isinstance(piece, If | For | Set):
                self._statement(piece, words)
                continue
            else:
                word = self.printed(piece)
            self.budget.text(len(word))
            words.append(word)

    def printed(self, node: Expr) -> str:
        """An expression as it stands in a text; nothing for `a if test` with a false test."""
        value = self.maybe(node)
        if type(value) is Missing:
            if value is NO_ELSE:
                return ""
            raise ExpressionFailed(value.sentence())
        return text(plain(value), self.budget)

    def _statement(self, piece: If | For | Set, words: list[str]) -> None:
        self.budget.spend(1)
        if isinstance(piece, If):
            self._write(self._branch(piece), words)
        elif isinstance(piece, For):
            self._loop(piece, words)
        else:
            value = self.value(piece.value)
            self.scopes[-1].update(_spread(piece.targets, value, unpack=piece.unpack))

    def _branch(self, piece: If) -> tuple[Piece, ...]:
        for test, body in piece.branches:
            if self.value(test):
                return body
        return piece.otherwise

    def _loop(self, piece: For, words: list[str]) -> None:
        items = self._items(piece)
        outer = self.scopes
        for place, item in enumerate(items):
            self.budget.spend(4)
            own = _spread(piece.targets, item, unpack=piece.unpack)
            own["loop"] = _loop_state(items, place)
            self.scopes = [*outer, own]
            self._write(piece.body, words)
        self.scopes = outer
        if not items:
            self._write(piece.otherwise, words)

    def _items(self, piece: For) -> list[Json]:
        """The items that the loop's condition lets through."""
        items = each(self.value(piece.items), self.budget)
        if piece.condition is None:
            return items
        outer = self.scopes
        chosen = []
        for item in items:
            self.scopes = [*outer, _spread(piece.targets, item, unpack=piece.unpack)]
            if self.value(piece.condition):
                chosen.append(item)
        self.scopes = outer
        return chosen

    def read_path(self, node: Path) -> Json:
        """A name and its fields; a loop's or set's own name comes first."""
        if node.local:
            for scope in reversed(self.scopes):
                if node.root in scope:
                    return read(scope, node.root, node.keys)
        return read(self.names, node.root, node.keys)

    def read_field(self, node: Field) -> Json:
        """A computed field."""
        of = self.maybe(node.of)
        if type(of) is Missing:
            return of
        key = self.value(node.key)
        return field(of, key, _where(node.of))

    def cut(self, node: Slice) -> Json:
        """A part of a list or text."""
        of = self.value(node.of)
        if not isinstance(of, list | str):
            raise ExpressionFailed(f"a part of {kind(of)} cannot be taken, only of a list or text")
        parts = (node.start, node.stop, node.step)
        ends: list[Json] = [None if part is None else self.value(part) for part in parts]
        if any(end is not None and type(end) is not int for end in ends) or ends[2] == 0:
            raise ExpressionFailed("the ends of a part are whole numbers, and its step is not 0")
        self.budget.spend(1 + len(range(*slice(*ends).indices(len(of)))))
        return of[slice(*ends)]

    def make_list(self, node: ListOf) -> Json:
        """A list."""
        return [self.value(item) for item in node.items]

    def make_object(self, node: ObjectOf) -> Json:
        """An object."""
        made = {}
        for key_node, value_node in node.pairs:
            key = self.value(key_node)
            if not isinstance(key, str):
                raise ExpressionFailed(f"the keys of an object are text, not {kind(key)}")
            made[key] = self.value(value_node)
        return made

    def unary(self, node: Unary) -> Json:
        """`not`, `-`, `+`."""
        value = self.value(node.of)
        if node.operator == "not":
            return not value
        if not isinstance(value, int | float):
            raise ExpressionFailed(f"'{node.operator}' needs a number, not {kind(value)}")
        return number(-value if node.operator == "-" else +value)

    def binary(self, node: Binary) -> Json:
        """Arithmetic, `and`, `or`: the last two give a value of theirs, as in Python."""
        left = self.value(node.left)
        if node.operator == "and":
            return self.value(node.right) if left else left
        if node.operator == "or":
            return left or self.value(node.right)
        right = self.value(node.right)
        return compute(node.operator, left, right, self.budget)

    def compare(self, node: Compare) -> Json:
        """A chain of comparisons; it stops at the first that does not hold."""
        left = self.value(node.first)
        for operator, right_node in node.rest:
            right = self.value(right_node)
            if operator in ("in", "not in"):
                holds = contains(right, left, self.budget) is (operator == "in")
            else:
                holds = compare(operator, left, right, self.budget)
            if not holds:
                return False
            left = right
        return True

    def concat(self, node: Concat) -> Json:
        """Texts side by side."""
        words = [text(self.value(part), self.budget) for part in node.parts]
        self.budget.text(sum(map(len, words)))
        return "".join(words)

    def choose(self, node: Choice) -> Json:
        """`a if test else b`."""
        if self.value(node.test):
            return self.maybe(node.then)
        if node.otherwise is None:
            return NO_ELSE
        return self.maybe(node.otherwise)

    def apply(self, node: Applied) -> Json:
        """A filter or a test."""
        self.budget.spend(1)
        function = (FILTERS if node.kind == "filter" else TESTS)[node.name]
        if node.name in TAKES_MISSING:
            of = self.maybe(node.of)
            arguments = [self.maybe(argument) for argument in node.arguments]
        else:
            of = self.value(node.of)
            arguments = [self.value(argument) for argument in node.arguments]
        named = {name: self.value(argument) for name, argument in node.named}
        try:
            return function(self.budget, of, *arguments, **named)
        except ExpressionFailed as failure:
            raise ExpressionFailed(f"{node.kind} '{node.name}': {failure.message}") from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ExpressionFailed(
                f"{node.kind} '{node.name}' cannot be applied to {kind(of)}: {shown(str(error))}"
            ) from None

    def count_up(self, node: RangeOf) -> Json:
        """`range(…)`: a list of whole numbers."""
        ends = [self.value(argument) for argument in node.arguments]
        if any(type(end) is not int for end in ends) or ends[2:] == [0]:
            raise ExpressionFailed("range takes whole numbers, and its step is not 0")
        numbers = range(*ends)
        self.budget.spend(min(1 + max(0, (numbers.stop - numbers.start) // numbers.step), 2**40))
        return list(numbers)


def each(value: Json, budget: Budget) -> list[Json]:
    """The items of a list, the keys of an object, the characters of a text."""
    if isinstance(value, Mapping | list | str):
        budget.spend(1 + len(value))
        return list(value)
    raise ExpressionFailed(f"{kind(value)} has no items to go through")


def _spread(targets: tuple[str, ...], value: Json, *, unpack: bool) -> dict[str, Json]:
    if not unpack:
        return {targets[0]: value}
    if not isinstance(value, list) or len(value) != len(targets):
        raise ExpressionFailed(
            f"{kind(value)} cannot be spread over {', '.join(targets)}: "
            f"a list of {len(targets)} items is needed"
        )
    return dict(zip(targets, value, strict=True))


def _loop_state(items: list[Json], place: int) -> dict[str, Json]:
    """What `loop` holds in one round, as an object like any other."""
    length = len(items)
    state: dict[str, Json] = {
        "index": place + 1,
        "index0": place,
        "revindex": length - place,
        "revindex0": length - place - 1,
        "first": place == 0,
        "last": place == length - 1,
        "length": length,
        "depth": 1,
        "depth0": 0,
    }
    if place > 0:
        state["previtem"] = items[place - 1]
    if place < length - 1:
        state["nextitem"] = items[place + 1]
    return state


def _where(node: Expr) -> str:
    return path_text((node.root, *node.keys)) if isinstance(node, Path) else "the value"


_RULES: dict[type, Callable[[Evaluator, Any], Json]] = {
    Const: lambda _, node: node.value,
    Path: Evaluator.read_path,
    Field: Evaluator.read_field,
    Slice: Evaluator.cut,
    ListOf: Evaluator.make_list,
    ObjectOf: Evaluator.make_object,
    Unary: Evaluator.unary,
    Binary: Evaluator.binary,
    Compare: Evaluator.compare,
    Concat: Evaluator.concat,
    Choice: Evaluator.choose,
    Applied: Evaluator.apply,
    RangeOf: Evaluator.count_up,
}
