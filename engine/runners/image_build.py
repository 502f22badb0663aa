"""Images as containers of a Dagger engine: pulled, or built from their Containerfile."""

import asyncio
import os
from collections.abc import Mapping

import dagger

from engine.errors import RunRefused
from engine.runners import build_settings, images
from engine.runners.images import Image

EXECUTOR = "etc/harmony/executor"
"""Where a runbook image says what runs its blocks: `runme 3.13.1`, or why it is something else."""


async def build(
    client: dagger.Client, image: Image, environment: Mapping[str, str] = os.environ
) -> dagger.Container:
    """The container of an image, pulled or built where the engine does not have it by its content.

    Of the image's configuration it keeps PATH alone. RunRefused where a line of the Containerfile
    fails, with the ExecError as its cause; another dagger.ClientError where its base cannot be had.
    """
    try:
        return await _build(client, image, environment)
    except dagger.ExecError as error:
        raise RunRefused(
            f"the image '{image.name}' cannot be built: {_why(error)}", code="IMAGE"
        ) from error


async def _build(
    client: dagger.Client, image: Image, environment: Mapping[str, str]
) -> dagger.Container:
    if image.folder is None:
        return await client.container().from_(image.reference).sync()
    context = client.host().directory(
        str(image.folder), exclude=["**/__pycache__", "**/.git"], no_cache=True
    )
    settings = await asyncio.to_thread(build_settings.read, environment)
    for number, folder in enumerate(settings.wheels):
        wheels = client.host().directory(str(folder), include=["*.whl"], no_cache=True)
        context = context.with_directory(f"{build_settings.WHEELS}/{number}", wheels)
    parent = images.base(environment)
    built = context.docker_build(
        dockerfile=images.CONTAINERFILE,
        build_args=[dagger.BuildArg("BASE", parent)] if parent else [],
        secrets=[client.set_secret(name, text) for name, text in settings.secrets],
    )
    # The secrets stay mounted on what docker_build gives, and cannot be taken off.
    clean = client.container().with_rootfs(built.rootfs())
    path = await built.env_variable("PATH")
    return await (clean.with_env_variable("PATH", path) if path else clean).sync()


async def executor(container: dagger.Container) -> str:
    """What a runbook image says of its executor; "" for other images."""
    if not await container.rootfs().glob(EXECUTOR):
        return ""
    return (await container.file(f"/{EXECUTOR}").contents()).strip()


def _why(error: dagger.ExecError) -> str:
    """Which line failed, and the last that it said."""
    line = error.command[-1] if error.command else "a line of its Containerfile"
    said = (error.stderr or error.stdout).strip().splitlines()
    last = said[-1].strip() if said else "it said nothing"
    return f"`{line[:200]}` ended with status {error.exit_code}: {last[:300]}"
