"""The shipped images: built with nothing kept, found again by a new session, and what Python's
start costs in them. Needs a Dagger engine; gives nothing where none answers."""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import dagger

from benchmarks.measure import Figure
from engine.runners import dagger_engine, image_build, images
from engine.runners.dagger_session import Session
from engine.runners.images import Image

CONTAINERS = Path(__file__).parents[1] / "containers"
WARM_SECONDS = 3.0
"""At most, for a worker's first step to find its image in the engine, opening a session apart."""
LIMIT = 1800.0
IMPORTS = {"python": "import httpx, slack_sdk, markdown_it", "runbook": "import yaml, markdown_it"}
STARTS = 5


async def figures() -> list[Figure]:
    """Cold and warm seconds of each image, and milliseconds of an import in it."""
    found = dagger_engine.look()
    if not found.answers:
        print(f"no figures of images: {found.says}", file=sys.stderr)
        return []
    given = []
    for image in images.shared(CONTAINERS):
        with tempfile.TemporaryDirectory() as name:
            fresh = _copy(image, Path(name))
            cold, _ = await _built(fresh)
            warm, starts = await _built(fresh, IMPORTS[image.name])
        given += [
            Figure(f"image {image.name}, built", cold, None, "s", "its base is in the engine"),
            Figure(f"image {image.name}, there already", warm, WARM_SECONDS, "s", "a new session"),
            Figure(
                f"image {image.name}, Python's imports", starts, None, "ms", IMPORTS[image.name]
            ),
        ]
    return given


def _copy(image: Image, folder: Path) -> Image:
    """The same image with a content that no engine has seen."""
    assert image.folder is not None
    shutil.copytree(image.folder, folder / image.name)
    (folder / image.name / "new").write_text(uuid4().hex)
    return Image(image.name, folder=folder / image.name)


async def _built(image: Image, imports: str = "") -> tuple[float, float]:
    """Seconds until a session that was just opened has it; milliseconds of the imports inside."""
    session = await Session.open()
    try:
        start = time.perf_counter()
        container = await session.call(image_build.build(session.client, image), LIMIT)
        seconds = time.perf_counter() - start
        return seconds, await _starts(container, imports) if imports else 0.0
    finally:
        await session.close()


async def _starts(container: dagger.Container, imports: str) -> float:
    """The least of several starts of Python in the container, timed there."""
    loop = (
        "import subprocess, sys, time\n"
        "def once():\n"
        "    start = time.perf_counter()\n"
        "    subprocess.run([sys.executable, '-I', '-B', '-c', sys.argv[1]], check=True)\n"
        "    return time.perf_counter() - start\n"
        f"print(min(once() for _ in range({STARTS})) * 1000)"
    )
    return float(await container.with_exec(["python3", "-c", loop, imports]).stdout())
