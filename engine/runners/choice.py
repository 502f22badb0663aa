"""Which backend runs programs: the one asked for, or the one there is."""

from pathlib import Path

from engine.errors import RunnerUnavailable, RunRefused
from engine.runners import dagger_engine
from engine.runners.base import Runner

NO_ISOLATION = "programs run as processes of this machine: limited, not isolated"
CONFINED = "each step in a confined container of its own"


def choose_runner(name: str, containers: Path) -> tuple[Runner, str]:
    """The runner, and what to tell the user about the choice.

    `containers` is the project's folder of images. `auto` takes Dagger where an engine answers now
    and the program that opens sessions is here; nothing is started or downloaded for it.
    RunRefused for one that there is not; RunnerUnavailable where Dagger is asked for and no engine
    can be had.
    """
    if name not in ("auto", "process", "dagger"):
        raise RunRefused(
            f"there is no runner '{name[:40]}'; there are auto, process, dagger", code="RUNNER"
        )
    if name == "process":
        return _process(f"runner process: {NO_ISOLATION}")
    found = dagger_engine.look()
    if name == "auto" and found.answers and not dagger_engine.opens_sessions():
        why = f"{found.says}: `--runner dagger` does that"
        return _process(f"runner process: {NO_ISOLATION} ({why})")
    if found.answers or (name == "dagger" and found.startable):
        return _dagger(containers, f"runner dagger: {CONFINED}; {found.says}")
    if name == "dagger":
        raise RunnerUnavailable(f"{found.says}. {found.do}")
    return _process(f"runner process: {NO_ISOLATION} ({found.says})")


def _process(says: str) -> tuple[Runner, str]:
    from engine.runners.process import ProcessRunner

    return ProcessRunner(), says


def _dagger(containers: Path, says: str) -> tuple[Runner, str]:
    from engine.runners.dagger import DaggerRunner

    return DaggerRunner(containers), says
