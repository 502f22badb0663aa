"""The tree of an expression: what the parser makes, and what evaluation and type checks walk.

Plain frozen data. `offset` counts characters from the start of the template's text.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.plan import Json

Key: TypeAlias = str | int
"""A field's name, or an item's place in a list."""


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: text, a number, true, false or null."""

    value: Json


@dataclass(frozen=True, slots=True)
class Path:
    """A name and the fields read from it, all known from the text: `steps.a.output.b`."""

    root: str
    keys: tuple[Key, ...]
    offset: int
    local: bool = False
    """The root is a loop's or a `set`'s own name."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of what is not a name, or one that is itself computed: `inputs.map[item]`."""

    of: "Expr"
    key: "Expr"


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a list or a text: `x[1:3]`."""

    of: "Expr"
    start: "Expr | None"
    stop: "Expr | None"
    step: "Expr | None"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list (or tuple: the same here)."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object; its keys must come out as text."""

    pairs: tuple[tuple["Expr", "Expr"], ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x`, `not x`."""

    operator: Literal["-", "+", "not"]
    of: "Expr"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, and `and`, `or`."""

    operator: Literal["+", "-", "*", "/", "//", "%", "**", "and", "or"]
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Compare:
    """A chain of comparisons: `1 < x <= 3`."""

    first: "Expr"
    rest: tuple[tuple[str, "Expr"], ...]
    """Each an operator (`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`) and what follows it."""


@dataclass(frozen=True, slots=True)
class Concat:
    """`a ~ b`: text, side by side."""

    parts: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`a if test else b`; without `else` and with a false test there is no value."""

    test: "Expr"
    then: "Expr"
    otherwise: "Expr | None"


@dataclass(frozen=True, slots=True)
class Applied:
    """A filter (`x | f(…)`) or a test (`x is f(…)`)."""

    kind: Literal["filter", "test"]
    name: str
    of: "Expr"
    arguments: tuple["Expr", ...]
    named: tuple[tuple[str, "Expr"], ...]
    offset: int


@dataclass(frozen=True, slots=True)
class RangeOf:
    """`range(…)`, the only thing that can be called."""

    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class If:
    """`{% if %}`: the branches in order, and what is left when none is true."""

    branches: tuple[tuple["Expr", tuple["Piece", ...]], ...]
    otherwise: tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class For:
    """`{% for target in items if condition %}`."""

    targets: tuple[str, ...]
    unpack: bool
    """Each item is a list, spread over the targets."""
    items: "Expr"
    condition: "Expr | None"
    body: tuple["Piece", ...]
    otherwise: tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class Set:
    """`{% set target = value %}`."""

    targets: tuple[str, ...]
    unpack: bool
    value: "Expr"


Expr: TypeAlias = (
    Const
    | Path
    | Field
    | Slice
    | ListOf
    | ObjectOf
    | Unary
    | Binary
    | Compare
    | Concat
    | Choice
    | Applied
    | RangeOf
)
Piece: TypeAlias = str | Expr | If | For | Set
"""A part of a text: words as they are, an expression to be written out, or a statement."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a template reads, with the fields read from it."""

    path: tuple[Key, ...]
    """Like ("steps", "a", "output", "b"); ends where a field is computed."""
    guarded: bool
    """It may be absent: it has a `default`, or is read only where `is defined` said yes."""
    offset: int
    ran: bool = False
    """Read only where its step is known to have run: `… if steps.a.outcome == 'succeeded'`."""
    cut: bool = False
    """A computed field follows the path."""
    hyphenated: str | None = None
    """`look-again`, where the text says `steps.look-again`, which is a subtraction."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text, parsed."""

    text: str
    tree: Expr | tuple[Piece, ...]
    """The expression where the text is exactly one, else the parts of the text."""
    references: tuple[Reference, ...]

    @property
    def whole(self) -> bool:
        """Whether the value keeps its type."""
        return not isinstance(self.tree, tuple)
