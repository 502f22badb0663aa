"""Durations as authors write them: `90s`, `15m`, `1h30m`, `2d`, `250ms`."""

import re

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PATTERN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_LONGEST = 3650 * _UNITS["d"]


def parse(text: str) -> int:
    """Milliseconds of a duration; a ValueError says what is wrong with the text.

    Whole numbers with `d h m s ms`, in that order, each at most once; at most ten years.
    """
    match = _PATTERN.fullmatch(text) if len(text) <= 64 else None
    if not text or match is None:
        raise ValueError(f"'{text[:40]}' is not a duration; write it like 90s, 15m, 1h30m or 2d")
    amounts = zip(match.groups(), _UNITS.values(), strict=True)
    total = sum(int(number) * unit for number, unit in amounts if number)
    if total > _LONGEST:
        raise ValueError(f"'{text[:40]}' is longer than ten years")
    return total


def render(milliseconds: int) -> str:
    """The shortest text that `parse` reads back as the same number of milliseconds."""
    parts = []
    for unit, size in _UNITS.items():
        number, milliseconds = divmod(milliseconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
