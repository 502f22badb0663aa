"""The shape as text of at most 80 columns: one step a line, its edges as lanes at the left."""

from engine.cli.output import clean
from engine.cli.picture.lanes import Lanes
from engine.cli.picture.shape import Kind, Node, Shape, shortest

WIDTH = 80
_SIGN: dict[Kind, str] = {"run": "●", "gate": "◆", "blueprint": "▣", "wait": "◷", "set": "◇"}
_WIDEST = 24
"""Columns of lanes; a wider picture is not readable, then words say what follows what."""
_LONGEST_NAME = 28


def draw(shape: Shape) -> str:
    """The picture, with a legend of the signs that are in it."""
    lanes = Lanes(shape.nodes, shortest(shape))
    rows = [row for node in shape.nodes for row in lanes.rows(node, _SIGN[node.kind])]
    wide = max(max(len(row.left), len(row.under)) for row in rows)
    drawn = wide <= _WIDEST
    needs = _needs(shape, all_of_them=not drawn)
    names = min(max(len(node.key) for node in shape.nodes), _LONGEST_NAME)
    lines = [shape.title, ""]
    for row in rows:
        if row.node is None:
            lines.extend([row.left] if drawn else [])
            continue
        left, under = (row.left, row.under) if drawn else (_SIGN[row.node.kind], "")
        indent = wide + 2 if drawn else 2
        lines.append(left.ljust(indent) + _words(row.node, names))
        details = [*needs.get(row.node.key, ()), *row.node.conditions]
        lines.extend(f"{under.ljust(indent)}  {_one_line(detail)}" for detail in details)
    return "\n".join(_cut(clean(line)) for line in [*lines, "", _legend(shape)])


def _needs(shape: Shape, *, all_of_them: bool) -> dict[str, list[str]]:
    """By step, the needs that the lanes alone do not tell."""
    found: dict[str, list[str]] = {}
    for link in shape.links:
        if link.label or all_of_them:
            found.setdefault(link.target, []).append(f"{link.source} {link.label}".rstrip())
    return {key: ["after " + ", ".join(needs)] for key, needs in found.items()}


def _words(node: Node, names: int) -> str:
    loud = f" [{node.effect}]" if node.effect in ("write", "destructive") else ""
    return f"{node.key.ljust(names)}  {node.kind}{loud}: {_one_line(node.text)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _legend(shape: Shape) -> str:
    kinds = dict.fromkeys(node.kind for node in shape.nodes)
    return "  ".join(f"{_SIGN[kind]} {kind}" for kind in kinds)


def _cut(text: str) -> str:
    text = text.rstrip()
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
