"""Which backend runs programs: the one asked for, or the one there is."""

from engine.errors import RunRefused
from engine.runners.base import Runner

NO_ISOLATION = "programs run as processes of this machine: limited, not isolated"


def choose_runner(name: str) -> tuple[Runner, str]:
    """The runner, and what to tell the user about the choice.

    `auto` takes Dagger where an engine answers. RunRefused for one that is not there.
    """
    if name == "dagger":
        raise RunRefused(
            "this release has no Dagger runner yet; use --runner process", code="RUNNER"
        )
    if name not in ("auto", "process"):
        raise RunRefused(
            f"there is no runner '{name[:40]}'; there are auto, process, dagger", code="RUNNER"
        )
    from engine.runners.process import ProcessRunner

    return ProcessRunner(), f"runner process: {NO_ISOLATION}"
