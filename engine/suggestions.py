"""Did you mean: the nearest of the known names."""

from collections.abc import Iterable
from typing import TypeVar

_Word = TypeVar("_Word", bound=str)


def suggest(name: str, choices: Iterable[_Word]) -> _Word | None:
    """The choice most like `name`, or None where none is near.

    Letters' case, hyphens and underscores count for nothing; else one slip (a letter too many, too
    few, another one, two swapped) is allowed for every three letters, and at least one; none in two
    letters.
    """
    wanted = _plain(name[:100])
    allowed = max(1, len(wanted) // 3)
    best: tuple[int, _Word] | None = None
    for choice in choices:
        plain = _plain(choice)
        if choice == name or abs(len(plain) - len(wanted)) > allowed:
            continue
        slips = _slips(wanted, plain, allowed)
        if (
            slips <= allowed
            and 2 * slips < len(wanted)
            and (best is None or (slips, choice) < best)
        ):
            best = slips, choice
    return best[1] if best else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?`, to be put behind a sentence, or nothing."""
    near = suggest(name, choices)
    return f"; did you mean '{near}'?" if near is not None else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _slips(one: str, other: str, most: int) -> int:
    """Edits from one to the other (swaps count once), or more than `most` as soon as it is sure."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, another in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != another))
            if row > 1 < column and letter == other[column - 2] and one[row - 2] == another:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]
