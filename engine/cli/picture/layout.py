"""Where the nodes of a graph go: layers from top to bottom, crossings kept low."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.cli.picture.shape import Shape

Point = tuple[float, float]

_SWEEPS = 6
_MOST_BENDS = 20_000
"""More bends than this are left out: then long edges go straight."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns and rows, in units of one box and its gap; edges pass through their bends."""

    places: Mapping[str, Point]
    """Node → column and row of its middle."""
    bends: Mapping[tuple[str, str], tuple[Point, ...]]
    """Source and target → the points between them."""
    columns: float
    rows: int


def place(shape: Shape) -> Layout:
    """A place for each node: its row is one below the lowest of its sources."""
    rows = _rows(shape)
    chains = _chains(shape, rows)
    layers = _layers(rows, chains)
    _uncross(layers, chains.values())
    widest = max(len(layer) for layer in layers)
    at: dict[object, Point] = {
        node: (column + (widest - len(layer)) / 2, row)
        for row, layer in enumerate(layers)
        for column, node in enumerate(layer)
    }
    return Layout(
        {node.key: at[node.key] for node in shape.nodes},
        {ends: tuple(at[point] for point in chain[1:-1]) for ends, chain in chains.items()},
        widest,
        len(layers),
    )


def _rows(shape: Shape) -> dict[str, int]:
    sources: dict[str, list[str]] = defaultdict(list)
    for link in shape.links:
        sources[link.target].append(link.source)
    rows: dict[str, int] = {}
    for node in shape.nodes:
        rows[node.key] = 1 + max((rows[source] for source in sources[node.key]), default=-1)
    first_last = 1 + max(
        (row for key, row in rows.items() if not key.startswith("finally/")), default=-1
    )
    return {
        key: row + first_last if key.startswith("finally/") and row < first_last else row
        for key, row in rows.items()
    }


def _chains(shape: Shape, rows: Mapping[str, int]) -> dict[tuple[str, str], list[object]]:
    """For each edge its ends, with a bend for each row that it passes."""
    edges = dict.fromkeys((link.source, link.target) for link in shape.links)
    passed = sum(rows[target] - rows[source] - 1 for source, target in edges)
    return {
        (source, target): [
            source,
            *(
                (source, target, row)
                for row in range(rows[source] + 1, rows[target])
                if passed <= _MOST_BENDS
            ),
            target,
        ]
        for source, target in edges
    }


def _layers(
    rows: Mapping[str, int], chains: Mapping[tuple[str, str], list[object]]
) -> list[list[object]]:
    layers: list[list[object]] = [[] for _ in range(1 + max(rows.values()))]
    for key, row in rows.items():
        layers[row].append(key)
    for (source, _), chain in chains.items():
        for number, bend in enumerate(chain[1:-1], start=rows[source] + 1):
            layers[number].append(bend)
    return layers


def _uncross(layers: list[list[object]], chains: Iterable[list[object]]) -> None:
    """Order each layer by the middle of its neighbours, downwards and upwards in turn."""
    above: dict[object, list[object]] = defaultdict(list)
    below: dict[object, list[object]] = defaultdict(list)
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        places = {node: column for layer in layers for column, node in enumerate(layer)}
        for layer in layers if down else reversed(layers):
            _sort(layer, above if down else below, places)


def _sort(
    layer: list[object], near: Mapping[object, list[object]], places: dict[object, int]
) -> None:
    def middle(node: object) -> float:
        beside = near.get(node)
        return sum(places[n] for n in beside) / len(beside) if beside else places[node]

    layer.sort(key=middle)
    places.update((node, column) for column, node in enumerate(layer))
