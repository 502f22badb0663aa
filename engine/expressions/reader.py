"""Reads expressions out of Jinja's syntax tree: what the language has, with every reference."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, Literal, NoReturn

from jinja2 import nodes

from engine.errors import ExpressionSyntaxError
from engine.expressions.filters import FILTERS, TESTS
from engine.expressions.names import hyphenated
from engine.expressions.proofs import proven_false, proven_true
from engine.expressions.tree import (
    Applied,
    Binary,
    Choice,
    Compare,
    Concat,
    Const,
    Expr,
    Field,
    Key,
    ListOf,
    ObjectOf,
    Path,
    RangeOf,
    Reference,
    Slice,
    Unary,
)
from engine.suggestions import did_you_mean

MAX_DEPTH: Final = 100
"""How deep a tree may be: `a + b + c + …` is as deep as it has terms."""

_HALVES: Final = re.compile("[\ud800-\udfff]")
_BINARY: Final[dict[type, Any]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Pow: "**",
}
_COMPARE: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}


class ExpressionReader:
    """Reads one text's syntax tree, and gathers what it refers to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.references: list[Reference] = []
        self.scopes: list[set[str]] = [set()]
        self.proven: list[tuple[Key, ...]] = []
        self.depth = 0

    def found(self) -> tuple[Reference, ...]:
        """Every reference, in the order of the text; a mistaken `steps.a-b` counts as one."""
        spans = [
            range(found.offset + 1, found.offset + len("steps.") + len(found.hyphenated))
            for found in self.references
            if found.hyphenated
        ]
        kept = [
            found for found in self.references if not any(found.offset in span for span in spans)
        ]
        return tuple(sorted(kept, key=lambda found: found.offset))

    def fail(self, message: str, node: nodes.Node) -> NoReturn:
        """Refuse what the language does not have."""
        placed = getattr(node, "lineno", None) is not None  # a scope has no place of its own
        place = node if placed else next(node.iter_child_nodes())
        raise ExpressionSyntaxError(message, place.lineno)

    def deeper(self, node: nodes.Node) -> None:
        """One level down, as long as the limit allows."""
        if self.depth >= MAX_DEPTH:
            self.fail(f"it is nested deeper than {MAX_DEPTH}", node)
        self.depth += 1

    @contextmanager
    def assuming(self, proven: Iterable[tuple[Key, ...]]) -> Iterator[None]:
        """Where these paths are known to be there."""
        before = len(self.proven)
        self.proven.extend(proven)
        yield
        del self.proven[before:]

    def expr(self, node: nodes.Node, *, guarded: bool = False) -> Expr:
        """An expression; `guarded` where its absence is provided for."""
        self.deeper(node)
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            made = self.access(node, guarded=guarded)
        elif isinstance(node, nodes.Filter | nodes.Test):
            made = self.applied(node, guarded=guarded)
        elif isinstance(node, nodes.CondExpr):
            made = self.choice(node, guarded=guarded)
        elif type(node) in _RULES:
            made = _RULES[type(node)](self, node)
        else:
            self.fail(f"'{tag_of(node)}' is not part of the language", node)
        self.depth -= 1
        return made

    def maybe(self, node: nodes.Node | None) -> Expr | None:
        """An expression that may be left out."""
        return None if node is None else self.expr(node)

    def all(self, found: Iterable[nodes.Node], *, guarded: bool = False) -> tuple[Expr, ...]:
        """Several expressions."""
        return tuple(self.expr(node, guarded=guarded) for node in found)

    def const(self, node: nodes.Const) -> Const:
        """A literal, if JSON can hold it."""
        value = node.value
        if isinstance(value, float) and abs(value) == float("inf"):
            self.fail("the number is too large", node)
        if isinstance(value, int) and abs(value) >= 2**64:
            self.fail("the number has more than 64 bits", node)
        if isinstance(value, str) and not value.isascii() and _HALVES.search(value):
            self.fail("half a surrogate pair is no text", node)
        return Const(value)

    def access(self, node: nodes.Node, *, guarded: bool) -> Expr:
        """A name with its fields, or a field of something else."""
        steps: list[nodes.Getattr | nodes.Getitem] = []
        inner = node
        while isinstance(inner, nodes.Getattr | nodes.Getitem):
            steps.append(inner)
            inner = inner.node
        steps.reverse()
        if len(steps) > MAX_DEPTH:
            self.fail(f"it is nested deeper than {MAX_DEPTH}", node)
        if isinstance(inner, nodes.Name):
            keys: list[Key] = []
            while len(keys) < len(steps) and (key := _static(steps[len(keys)])) is not None:
                keys.append(key)
            made: Expr = self.path(inner, tuple(keys), guarded=guarded, cut=len(keys) < len(steps))
            steps = steps[len(keys) :]
        else:
            made = self.expr(inner)
        for step in steps:
            made = self.step(made, step)
        return made

    def path(self, node: nodes.Name, keys: tuple[Key, ...], *, guarded: bool, cut: bool) -> Path:
        """A name and the fields known from the text; a reference unless the name is local."""
        if any(node.name in scope for scope in self.scopes):
            return Path(node.name, keys, node.lineno, local=True)
        path = (node.name, *keys)
        self.references.append(
            Reference(
                path,
                guarded or any(known[: len(path)] == path for known in self.proven),
                node.lineno,
                ran=any(_ran(known) and known[:2] == path[:2] for known in self.proven),
                cut=cut,
                hyphenated=hyphenated(self.text, node.lineno),
            )
        )
        return Path(node.name, keys, node.lineno)

    def step(self, of: Expr, node: nodes.Getattr | nodes.Getitem) -> Expr:
        """One field, item or part, of something that is not a plain path."""
        if isinstance(node, nodes.Getattr):
            return Field(of, Const(node.attr))
        if isinstance(node.arg, nodes.Slice):
            part = node.arg
            return Slice(of, self.maybe(part.start), self.maybe(part.stop), self.maybe(part.step))
        return Field(of, self.expr(node.arg))

    def applied(self, node: nodes.Filter | nodes.Test, *, guarded: bool) -> Applied:
        """A filter or a test, known by name, with arguments that it can take."""
        kind: Literal["filter", "test"] = "filter" if isinstance(node, nodes.Filter) else "test"
        table = FILTERS if kind == "filter" else TESTS
        self.known(kind, table, node.name, node)
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            self.fail(f"{kind} '{node.name}' takes its arguments one by one", node)
        covers = node.name in ("default", "d", "defined", "undefined")
        of = self.expr(node.node, guarded=covers)
        arguments = self.all(node.args, guarded=guarded and covers)
        named = tuple((str(pair.key), self.expr(pair.value)) for pair in node.kwargs)
        self.names_within(node, arguments)
        try:
            signature(table[node.name]).bind(None, None, *arguments, **dict(named))
        except TypeError as error:
            self.fail(f"{kind} '{node.name}': {error}", node)
        return Applied(kind, node.name, of, arguments, named, node.lineno)

    def names_within(self, node: nodes.Filter | nodes.Test, arguments: tuple[Expr, ...]) -> None:
        """`map('upper')`, `selectattr('x', 'eq', 1)`: the filter or test named must be there."""
        place = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}.get(
            node.name
        )
        if place is None or len(arguments) <= place or isinstance(node, nodes.Test):
            return
        named = arguments[place]
        if isinstance(named, Const):
            kind, table = ("filter", FILTERS) if node.name == "map" else ("test", TESTS)
            self.known(kind, table, str(named.value), node)

    def known(
        self, kind: str, table: dict[str, Callable[..., Any]], name: str, node: nodes.Node
    ) -> None:
        """Refuse the name of a filter or test that is not there."""
        if name not in table:
            self.fail(f"there is no {kind} '{name}'{did_you_mean(name, table)}", node)

    def choice(self, node: nodes.CondExpr, *, guarded: bool) -> Choice:
        """`a if test else b`."""
        test = self.expr(node.test)
        with self.assuming(proven_true(test)):
            then = self.expr(node.expr1, guarded=guarded)
        with self.assuming(proven_false(test)):
            otherwise = None if node.expr2 is None else self.expr(node.expr2, guarded=guarded)
        return Choice(test, then, otherwise)

    def logic(self, node: nodes.And | nodes.Or) -> Binary:
        """`and`, `or`: the right side is read only where the left says so."""
        left = self.expr(node.left)
        both = isinstance(node, nodes.And)
        with self.assuming(proven_true(left) if both else proven_false(left)):
            return Binary("and" if both else "or", left, self.expr(node.right))

    def call(self, node: nodes.Call) -> RangeOf:
        """`range(…)`, and nothing else."""
        if not isinstance(node.node, nodes.Name) or node.node.name != "range":
            self.fail("only range(…) can be called; a filter is written `value | filter`", node)
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not 1 <= len(node.args) <= 3:
            self.fail("range takes one to three whole numbers", node)
        return RangeOf(self.all(node.args))

    def compare(self, node: nodes.Compare) -> Compare:
        """A chain of comparisons."""
        first = self.expr(node.expr)
        return Compare(first, tuple((_COMPARE[o.op], self.expr(o.expr)) for o in node.ops))


def _ran(known: tuple[Key, ...]) -> bool:
    """Whether a path that is there shows that its step has run."""
    return len(known) > 2 and known[0] == "steps" and known[2] != "outcome"


def _static(node: nodes.Getattr | nodes.Getitem) -> Key | None:
    """The field's name or the item's place, where the text has it."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def tag_of(node: nodes.Node) -> str:
    """What an author calls this part of a template."""
    return {
        "AssignBlock": "set … endset",
        "CallBlock": "call",
        "FilterBlock": "filter",
        "FromImport": "from",
        "Scope": "autoescape",
        "NSRef": "namespace",
    }.get(type(node).__name__, type(node).__name__.lower())


@lru_cache(maxsize=256)
def signature(function: Callable[..., Any]) -> inspect.Signature:
    """What a filter or test takes."""
    return inspect.signature(function)


_RULES: Final[dict[type, Callable[[ExpressionReader, Any], Expr]]] = {
    nodes.Const: ExpressionReader.const,
    nodes.Tuple: lambda reader, node: ListOf(reader.all(node.items)),
    nodes.List: lambda reader, node: ListOf(reader.all(node.items)),
    nodes.Dict: lambda reader, node: ObjectOf(
        tuple((reader.expr(pair.key), reader.expr(pair.value)) for pair in node.items)
    ),
    nodes.Neg: lambda reader, node: Unary("-", reader.expr(node.node)),
    nodes.Pos: lambda reader, node: Unary("+", reader.expr(node.node)),
    nodes.Not: lambda reader, node: Unary("not", reader.expr(node.node)),
    nodes.And: ExpressionReader.logic,
    nodes.Or: ExpressionReader.logic,
    nodes.Concat: lambda reader, node: Concat(reader.all(node.nodes)),
    nodes.Compare: ExpressionReader.compare,
    nodes.Call: ExpressionReader.call,
    **{
        kind: lambda reader, node: Binary(
            _BINARY[type(node)], reader.expr(node.left), reader.expr(node.right)
        )
        for kind in _BINARY
    },
}
