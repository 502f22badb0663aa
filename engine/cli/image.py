"""`harmony image`: the container images that steps run in, and the building of them."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from engine.cli import completing, image_records, output
from engine.cli.frame import Frame, harmony_command, harmony_group
from engine.cli.image_records import Built
from engine.errors import RunRefused
from engine.plan import Json
from engine.runners import images
from engine.runners.images import Image

if TYPE_CHECKING:
    from engine.runners.dagger_session import Session

BUILD_SECONDS = 1800.0
_OUTPUT_LINES = 20


@dataclass(frozen=True, slots=True)
class Known:
    """An image of the project, and what is known of it without an engine."""

    image: Image
    content: str
    parent: str
    """What stands for `ARG BASE`; "" where the Containerfile's own is taken."""
    users: tuple[str, ...] = ()
    """Ids of capabilities, names of runbooks."""
    built: Built | None = None


@harmony_command("list")
def list_command(frame: Frame) -> None:
    """List the images that steps run in: when they were built, and who uses them.

    An image is known by its content: change its folder, and it is another one, not built yet.
    """
    found = _known(frame)
    if frame.json:
        output.document(frame, [_facts(each) for each in found])
        return
    for line in output.table(
        [_row(each) for each in found], ("IMAGE", "BUILT", "EXECUTOR", "USED BY")
    ):
        output.result(line)
    for each in found:
        if each.built is not None and ":" in each.built.executor:
            output.say(f"{each.image.name}: {output.clean(each.built.executor)}")
    if any(each.built is None for each in found):
        output.say("not yet: not by `harmony image build`; a step builds what its engine lacks")


@harmony_command("build")
@click.argument("names", metavar="[NAME]…", nargs=-1, shell_complete=completing.images)
def build_command(frame: Frame, names: tuple[str, ...]) -> None:
    """Build or pull images before a step needs them.

    Those named, or all that the project uses. An image is built once for each content. Exit status
    2 where one cannot be built, 4 where no Dagger engine answers.
    """
    wanted = _chosen(_known(frame), names)
    done = asyncio.run(_build_all(frame, wanted))
    if frame.json:
        output.document(frame, [_facts(each) for each in done])


command = harmony_group(
    "image", list_command, build_command, help="List or build the images that steps run in."
)


def _known(frame: Frame) -> list[Known]:
    """The images of the project, those first that capabilities share."""
    parent = images.base()
    users: dict[Image, list[str]] = {image: [] for image in images.shared(frame.project.containers)}
    for user, image in _uses(frame):
        users.setdefault(image, []).append(user)
    found = []
    for image, names in users.items():
        content = images.content(image, parent if image.folder else "")
        built = image_records.read(frame.state_folder / "images", content)
        found.append(Known(image, content, parent if image.folder else "", tuple(names), built))
    return found


def _uses(frame: Frame) -> Iterator[tuple[str, Image]]:
    """Each capability and runbook that names an image which is there, with that image."""
    catalog, containers = frame.project.catalog, frame.project.containers
    named = []
    for name in catalog.capabilities():
        capability = catalog.capability(name)
        if capability is not None:
            named.append((name, capability.image, catalog.capability_folder(name)))
    for name in catalog.runbooks():
        runbook = catalog.runbook(name)
        if runbook is not None and runbook.image:
            named.append((name, runbook.image, frame.project.folder / "runbooks"))
    for user, wanted, folder in named:
        try:
            image = images.find(wanted, folder, containers)
        except RunRefused as error:
            output.say(f"{user}: {error}")
            continue
        yield user, replace(image, name=user) if wanted == "." else image


def _chosen(known: Sequence[Known], names: Sequence[str]) -> list[Known]:
    by_name = {each.image.name: each for each in known}
    for name in names:
        if name not in by_name:
            there = ", ".join(by_name) or "none"
            raise RunRefused(f"there is no image '{name[:80]}'; there are: {there}", code="IMAGE")
    return [by_name[name] for name in names] if names else list(known)


async def _build_all(frame: Frame, wanted: Sequence[Known]) -> list[Known]:
    """Build them side by side; the first error is raised after all have ended."""
    from engine.runners.dagger_session import Session

    session = await Session.open()
    try:
        ended = await asyncio.gather(
            *(_build(frame, session, each) for each in wanted), return_exceptions=True
        )
    finally:
        await session.close()
    errors = [each for each in ended if isinstance(each, BaseException)]
    for error in errors[1:]:
        output.say(str(error))
    if errors:
        raise errors[0]
    return [each for each in ended if isinstance(each, Known)]


async def _build(frame: Frame, session: "Session", known: Known) -> Known:
    import dagger

    from engine.runners import image_build

    name, started = known.image.name, time.monotonic()
    try:
        made = await session.call(image_build.build(session.client, known.image), BUILD_SECONDS)
        executor = await session.call(image_build.executor(made), BUILD_SECONDS)
    except RunRefused as error:
        _show(name, error.__cause__)
        raise
    except dagger.ClientError as error:
        raise RunRefused(_not_pulled(known, str(error)), code="IMAGE") from error
    seconds = round(time.monotonic() - started, 2)
    if known.built is not None:
        output.say(f"{name}: was built at {known.built.at}; it is there ({seconds} s)")
        return known
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    built = Built(known.content, at, seconds, executor)
    image_records.write(frame.state_folder / "images", built)
    output.say(f"{name}: ready in {seconds} s" + (f"; {executor}" if executor else ""))
    return replace(known, built=built)


def _show(name: str, cause: BaseException | None) -> None:
    """The end of what the failed line wrote."""
    said = f"{getattr(cause, 'stdout', '')}\n{getattr(cause, 'stderr', '')}".strip().splitlines()
    for line in said[-_OUTPUT_LINES:]:
        output.say(f"{name}: {output.clean(line)}")


def _not_pulled(known: Known, said: str) -> str:
    wanted = known.image.reference or known.parent or "the base that its Containerfile names"
    why = said.partition(" [traceparent:")[0][:300]
    return (
        f"the image '{known.image.name}' cannot be built from {wanted}: {why}. Where no registry "
        f"is reached, `make engine` brings a base, or name one in {images.BASE}"
    )


def _row(known: Known) -> tuple[str, str, str, str]:
    built = known.built
    executor = built.executor.partition(":")[0] if built else ""
    return (
        known.image.name,
        built.at if built else "not yet",
        executor or "-",
        ", ".join(known.users) or "-",
    )


def _facts(known: Known) -> dict[str, Json]:
    built = known.built
    facts: dict[str, Any] = {
        "name": known.image.name,
        "folder": str(known.image.folder) if known.image.folder else None,
        "reference": known.image.reference or None,
        "base": known.parent or None,
        "content": known.content,
        "usedBy": list(known.users),
        "builtAt": built.at if built else None,
        "seconds": built.seconds if built else None,
        "executor": (built.executor or None) if built else None,
    }
    return facts
