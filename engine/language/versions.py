"""Ranges of versions, as a step writes them behind `@`."""


def in_range(version: str, wanted: str) -> bool:
    """Whether `version` is in the range: `1` is any 1.x, `1.2` at least 1.2 below 2, `1.2.3`
    exactly that. A pre-release is in none."""
    if wanted.count(".") == 2:
        return version.partition("+")[0] == wanted
    core, _, rest = version.partition("-")
    if rest:
        return False
    have = [int(part) for part in core.partition("+")[0].split(".")]
    want = [int(part) for part in wanted.split(".")]
    return have[0] == want[0] and have[1] >= (want[1] if len(want) == 2 else 0)
