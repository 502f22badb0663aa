"""The shape as one SVG file that needs nothing from outside."""

import itertools
from collections.abc import Iterator
from xml.sax.saxutils import escape

from engine.cli.output import clean
from engine.cli.picture.layout import Layout, Point, place
from engine.cli.picture.shape import Link, Node, Shape

_WIDE, _HIGH = 230, 58
_GAP_X, _GAP_Y = 28, 54
_MARGIN = 24
_HEAD = 34
_LETTERS = 32
"""How many letters of 12px fit into a box."""

_MISSING = "\N{REPLACEMENT CHARACTER}"
_NO_XML = frozenset(map(chr, (*range(0xD800, 0xE000), 0xFFFE, 0xFFFF)))
_STYLE = (
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1c1c1c}"
    ".id{font-weight:600}.head{font-size:14px;font-weight:600}"
    ".label{font-size:11px;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "rect,polygon{fill:#f8f9fa;stroke:#868e96;stroke-width:1.2}"
    ".gate>polygon{fill:#fff3bf;stroke:#b08900}"
    ".write>rect{fill:#d0ebff;stroke:#1864ab}"
    ".destructive>rect{fill:#ffe3e3;stroke:#c92a2a}"
    ".last>rect{stroke-dasharray:5 3}"
    "path{fill:none;stroke:#868e96;stroke-width:1.2}"
    ".paper{fill:#fff;stroke:none}.tip{fill:#868e96;stroke:none}"
)


def draw(shape: Shape) -> str:
    """The picture; whatever titles hold is text in it, never markup."""
    layout = place(shape)
    wide = round(2 * _MARGIN + layout.columns * (_WIDE + _GAP_X) - _GAP_X)
    high = round(2 * _MARGIN + _HEAD + layout.rows * (_HIGH + _GAP_Y) - _GAP_Y)
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
                f'viewBox="0 0 {wide} {high}" role="img">'
            ),
            f"<title>{_safe(shape.title)}</title>",
            f"<style>{_STYLE}</style>",
            (
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
                'markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/>'
                "</marker></defs>"
            ),
            '<rect class="paper" width="100%" height="100%"/>',
            (
                f'<text class="head" x="{_MARGIN}" y="{_MARGIN + 8}">'
                f"{_safe(_cut(shape.title, max(wide // 8, 20)))}</text>"
            ),
            *(_edge(link, layout) for link in shape.links),
            *(_box(node, *_middle(layout.places[node.key])) for node in shape.nodes),
            "</svg>",
        ]
    )


def _middle(point: Point) -> Point:
    column, row = point
    return (
        _MARGIN + column * (_WIDE + _GAP_X) + _WIDE / 2,
        _MARGIN + _HEAD + row * (_HIGH + _GAP_Y) + _HIGH / 2,
    )


def _edge(link: Link, layout: Layout) -> str:
    x, y = _middle(layout.places[link.source])
    points = [(x, y + _HIGH / 2)]
    for bend in layout.bends[link.source, link.target]:
        across, middle = _middle(bend)
        points += [(across, middle - _HIGH / 2), (across, middle + _HIGH / 2)]
    x, y = _middle(layout.places[link.target])
    points.append((x, y - _HIGH / 2))
    return f'<path d="{" ".join(_curve(points))}" marker-end="url(#tip)"/>{_label(link, points)}'


def _curve(points: list[Point]) -> Iterator[str]:
    """Through rows straight down, between rows in a bow."""
    yield f"M{points[0][0]:g} {points[0][1]:g}"
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        if x == to_x:
            yield f"L{to_x:g} {to_y:g}"
        else:
            half = (y + to_y) / 2
            yield f"C{x:g} {half:g} {to_x:g} {half:g} {to_x:g} {to_y:g}"


def _label(link: Link, points: list[Point]) -> str:
    if not link.label:
        return ""
    (x, y), (to_x, to_y) = points[-2:]
    return (
        f'<text class="label" text-anchor="middle" x="{(x + to_x) / 2:g}" '
        f'y="{(y + to_y) / 2 + 4:g}">{_safe(link.label)}</text>'
    )


def _box(node: Node, x: float, y: float) -> str:
    last = " last" if node.key.startswith("finally/") else ""
    told = "\n".join([f"{node.key}: {node.kind} {node.text}", *node.conditions])
    lines = [_cut(node.key, _LETTERS - 4), _cut(" ".join(node.text.split()), _LETTERS)]
    if node.conditions:
        lines.append(_cut(" ".join(", ".join(node.conditions).split()), _LETTERS))
    first = y + 4 - (len(lines) - 1) * 8
    text = "".join(
        f'<text{"" if number else " class=" + chr(34) + "id" + chr(34)} text-anchor="middle" '
        f'x="{x:g}" y="{first + number * 16:g}">{_safe(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<g class="{node.kind} {node.effect}{last}"><title>{_safe(told)}</title>'
        f"{_outline(node, x - _WIDE / 2, y - _HIGH / 2)}{text}</g>"
    )


def _outline(node: Node, x: float, y: float) -> str:
    if node.kind != "gate":
        round_ = {"wait": _HIGH / 2, "run": 6}.get(node.kind, 0)
        return f'<rect x="{x:g}" y="{y:g}" width="{_WIDE}" height="{_HIGH}" rx="{round_:g}"/>'
    tip, right, low = 14, x + _WIDE, y + _HIGH
    corners = (
        (x, y + _HIGH / 2),
        (x + tip, y),
        (right - tip, y),
        (right, y + _HIGH / 2),
        (right - tip, low),
        (x + tip, low),
    )
    return f'<polygon points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>'


def _safe(text: str) -> str:
    """`text` without signs that XML refuses, and with its own markup escaped."""
    allowed = (_MISSING if sign in _NO_XML else sign for sign in clean(text))
    return escape("".join(allowed), {'"': "&quot;"})


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"
