"""A graph's edges as lanes of text that part and come together, as `git log --graph` has them."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.cli.picture.shape import Link, Node


@dataclass(frozen=True, slots=True)
class Row:
    """One line of lanes: a step's own, or one where lanes part or come together."""

    left: str
    node: Node | None
    under: str
    """The lanes as they go on below a step's own line."""


class Lanes:
    """Walks down the nodes; each lane leads to one step, or is free."""

    def __init__(self, nodes: tuple[Node, ...], links: tuple[Link, ...]) -> None:
        order = {node.key: number for number, node in enumerate(nodes)}
        self.targets: dict[str, dict[str, None]] = {node.key: {} for node in nodes}
        for link in sorted(links, key=lambda link: order[link.target]):
            self.targets[link.source][link.target] = None
        self.lanes: list[str | None] = []
        self.ended: int | None = None
        """The lane in which the step before ended for good: what begins there is kept apart."""

    def rows(self, node: Node, sign: str) -> Iterator[Row]:
        """The rows of one step; to be called for each node in its order."""
        came = [place for place, target in enumerate(self.lanes) if target == node.key]
        at = came[0] if came else self._free(node.key)
        if at == self.ended and not came:
            self.lanes[at] = None
            yield Row(self._row(), None, "")
            self.lanes[at] = node.key
        for other in came[1:]:
            self.lanes[other] = None
        if came[1:]:
            yield Row(self._joined(at, came[1:], "╯┴"), None, "")
        left = self._row(at, sign)
        targets = list(self.targets[node.key])
        self.lanes[at] = targets[0] if targets else None
        self.ended = None if targets else at
        yield Row(left, node, self._row())
        fresh = [self._free(target) for target in targets[1:]]
        if fresh:
            yield Row(self._joined(at, fresh, "╮┬"), None, "")

    def _free(self, target: str) -> int:
        if None not in self.lanes:
            self.lanes.append(None)
        place = self.lanes.index(None)
        self.lanes[place] = target
        return place

    def _row(self, at: int = -1, sign: str = "") -> str:
        return " ".join(
            sign if place == at else "│" if target else " "
            for place, target in enumerate(self.lanes)
        ).rstrip()

    def _joined(self, at: int, others: list[int], corners: str) -> str:
        first, last = min(at, *others), max(at, *others)
        wide = max(len(self.lanes), last + 1)
        signs = [self._sign(place, at, others, corners) for place in range(wide)]
        gaps = ["─" if first <= place < last else " " for place in range(wide)]
        return "".join(sign + gap for sign, gap in zip(signs, gaps, strict=True)).rstrip()

    def _sign(self, place: int, at: int, others: list[int], corners: str) -> str:
        first, last = min(at, *others), max(at, *others)
        taken = place < len(self.lanes) and self.lanes[place] is not None
        if place == at:
            return "├" if at == first else "┤" if at == last else "┼"
        if place in others:
            end = {"╯": "╰", "╮": "╭"}[corners[0]] if place == first else corners[0]
            return end if place in (first, last) else corners[1]
        if first < place < last:
            return "┼" if taken else "─"
        return "│" if taken else " "
