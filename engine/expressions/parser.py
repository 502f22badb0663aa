"""Jinja's syntax tree → our own tree: the statements of a text, and the way in."""

from collections.abc import Iterable, Iterator

from jinja2 import nodes

from engine.expressions import syntax
from engine.expressions.names import ROOTS
from engine.expressions.proofs import proven_false, proven_true
from engine.expressions.reader import ExpressionReader, tag_of
from engine.expressions.tree import For, If, Piece, Set, Template


def parse_template(text: str) -> Template:
    """A text with templates in it."""
    reader = TextReader(text)
    pieces = tuple(reader.pieces(syntax.parse_text(text)))
    expressions = [piece for piece in pieces if not isinstance(piece, str) or piece.strip()]
    if len(expressions) == 1 and not isinstance(expressions[0], str | If | For | Set):
        return Template(text, expressions[0], reader.found())
    return Template(text, pieces, reader.found())


def parse_bare(text: str) -> Template:
    """A bare expression."""
    reader = ExpressionReader(text)
    tree = reader.expr(syntax.parse_bare(text))
    return Template(text, tree, reader.found())


class TextReader(ExpressionReader):
    """Reads a text with templates in it: words, expressions, `if`, `for`, `set`."""

    def pieces(self, body: Iterable[nodes.Node]) -> Iterator[Piece]:
        """The parts of a text."""
        for node in body:
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    yield part.data if isinstance(part, nodes.TemplateData) else self.expr(part)
            elif isinstance(node, nodes.If | nodes.For | nodes.Assign):
                self.deeper(node)
                yield self.statement(node)
                self.depth -= 1
            else:
                self.fail(
                    f"'{tag_of(node)}' is not part of the language; a text has {{{{ … }}}}, "
                    "if, for and set",
                    node,
                )

    def statement(self, node: nodes.If | nodes.For | nodes.Assign) -> Piece:
        """`if`, `for`, `set`."""
        if isinstance(node, nodes.If):
            return self.condition(node)
        if isinstance(node, nodes.For):
            return self.loop(node)
        targets, unpack = self.targets(node.target)
        value = self.expr(node.node)
        self.scopes[-1].update(targets)
        return Set(targets, unpack, value)

    def condition(self, node: nodes.If) -> If:
        """`if`, with its `elif`s and its `else`."""
        branches = []
        before = len(self.proven)
        for branch in [node, *node.elif_]:
            test = self.expr(branch.test)
            with self.assuming(proven_true(test)):
                branches.append((test, tuple(self.pieces(branch.body))))
            self.proven.extend(proven_false(test))
        otherwise = tuple(self.pieces(node.else_))
        del self.proven[before:]
        return If(tuple(branches), otherwise)

    def loop(self, node: nodes.For) -> For:
        """`for`; its names are its own."""
        if node.recursive:
            self.fail("a recursive loop is not part of the language", node)
        targets, unpack = self.targets(node.target)
        items = self.expr(node.iter)
        self.scopes.append({*targets})
        condition = self.expr(node.test) if node.test else None
        self.scopes[-1].add("loop")
        with self.assuming(proven_true(condition) if condition else ()):
            body = tuple(self.pieces(node.body))
        self.scopes.pop()
        return For(targets, unpack, items, condition, body, tuple(self.pieces(node.else_)))

    def targets(self, node: nodes.Node) -> tuple[tuple[str, ...], bool]:
        """The names that a loop or `set` gives values to, and whether it spreads a list."""
        unpack = isinstance(node, nodes.Tuple)
        found = node.items if isinstance(node, nodes.Tuple) else [node]
        names = []
        for target in found:
            if not isinstance(target, nodes.Name):
                self.fail("only plain names are given values", target)
            if target.name in ROOTS or target.name in ("loop", "range"):
                self.fail(f"'{target.name}' has its meaning and cannot be given a value", target)
            names.append(target.name)
        return tuple(names), unpack
