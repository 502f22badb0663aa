"""What `harmony doctor` says of what runs programs: which runner, and whether its engine works."""

import asyncio
from collections.abc import Iterator

from engine.cli.checkup import Finding, Level
from engine.cli.frame import Frame
from engine.errors import HarmonyError
from engine.runners import dagger_engine

TRUSTED = "Run only programs that you trust, or give them an engine: docs/isolation.md."


def runner(frame: Frame) -> Iterator[Finding]:
    """The runner that `harmony.yaml` or `auto` comes to, and the engine it has or lacks."""
    try:
        wanted = frame.project.settings.runner
    except HarmonyError:
        return
    found = dagger_engine.look()
    if wanted == "process":
        says = f"process, as harmony.yaml says: limited, not isolated ({found.says})"
        yield Finding("runner", "warn", says, TRUSTED)
    elif found.answers:
        yield _of_engine(frame, wanted, found)
    elif wanted == "dagger":
        level: Level = "warn" if found.startable else "fail"
        yield Finding("runner", level, f"dagger: {found.says}", found.do)
    else:
        says = f"process, because {found.says}: programs are limited, not isolated"
        yield Finding("runner", "warn", says, found.do)


def _of_engine(frame: Frame, wanted: str, found: dagger_engine.Found) -> Finding:
    from engine.runners.dagger_checkup import trouble

    wrong = asyncio.run(trouble(frame.project.containers))
    if wrong is not None:
        return Finding("runner", "fail", f"{found.says}: {wrong.says}", wrong.do)
    asked = "" if wanted == "dagger" else f" ({wanted})"
    text = f"dagger{asked}: each step in a confined container of its own; {found.says}"
    return Finding("runner", "ok", text)
