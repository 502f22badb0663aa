"""Images built on a real engine: once for each content, with the machine's settings and without
their traces."""

import hashlib
import re
import tarfile
import zipfile
from pathlib import Path

import dagger
import pytest

from engine.errors import RunRefused
from engine.runners import image_build, images
from engine.runners.dagger_session import Session
from tests.containers.conftest import MakeImage
from tests.containers.test_image_content import SHIPPED

pytestmark = pytest.mark.timeout(600)
IMPORTS = {
    "python": "import asyncio, httpx, httpx2, json, markdown_it, pagerduty, slack_sdk",
    "runbook": "import jsonschema_rs, markdown_it, yaml",
}
STAMP = "COPY note /note\nRUN cat /proc/sys/kernel/random/uuid >/stamp"


async def _says(container: dagger.Container, *command: str) -> str:
    return await container.with_exec(list(command)).stdout()


async def test_an_image_is_built_once_for_each_content(
    session: Session, make_image: MakeImage
) -> None:
    stamps = []
    for note in ("one", "one", "two"):
        image = make_image(STAMP, note=note)
        stamps.append(await _says(await image_build.build(session.client, image), "cat", "/stamp"))
    another = await Session.open()
    try:
        image = make_image(STAMP, note="one")
        stamps.append(await _says(await image_build.build(another.client, image), "cat", "/stamp"))
    finally:
        await another.close()
    assert stamps[0] == stamps[1] == stamps[3]
    assert stamps[2] != stamps[0]


async def test_a_line_that_fails_is_one_sentence(session: Session, make_image: MakeImage) -> None:
    image = make_image("RUN echo working; echo 'there is no such thing' >&2; exit 7")
    with pytest.raises(RunRefused) as caught:
        await image_build.build(session.client, image)
    said = str(caught.value)
    assert said.startswith("the image 'tried' cannot be built: `echo working")
    assert said.endswith("` ended with status 7: there is no such thing")
    assert isinstance(caught.value.__cause__, dagger.ExecError)


async def test_the_machines_settings_reach_a_build_and_are_not_in_the_image(
    session: Session, make_image: MakeImage, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("certificates-of-this-machine\n")
    seen = make_image(
        "RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem"
        " sha256sum /run/secrets/pip.conf /run/secrets/ca.pem | cut -c1-8 >/seen"
    )
    environment = {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "https://user:word@mine.example/simple",
        "PIP_CERT": str(authority),
        images.BASE: images.base(),
    }
    built = await image_build.build(session.client, seen, environment)
    assert len((await _says(built, "cat", "/seen")).split()) == 2
    words = "-e user:word -e certificates-of-this-machine"
    look = (
        f"grep -rIl {words} /etc /run /tmp /root /seen; grep secrets /proc/mounts; ls /run/secrets"
    )
    ended = built.with_exec(["sh", "-c", look], expect=dagger.ReturnType.ANY)
    assert await ended.stdout() == ""


async def test_the_machines_wheels_reach_a_build(
    session: Session, make_image: MakeImage, tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tried_here-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tried_here.py", "word = 'from a wheel'\n")
        about = "tried_here-1.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tried-here\nVersion: 1\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    image = make_image(
        "RUN --mount=type=bind,target=/context --mount=type=secret,id=pip.conf"
        " python3 -m venv /v && PIP_CONFIG_FILE=/run/secrets/pip.conf"
        " /v/bin/pip install --quiet --no-index --target /got tried-here"
    )
    environment = {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": str(wheels),
        images.BASE: images.base(),
    }
    built = await image_build.build(session.client, image, environment)
    assert await _says(built, "cat", "/got/tried_here.py") == "word = 'from a wheel'\n"
    assert await _says(built, "sh", "-c", "ls -A /context 2>/dev/null || true") == ""


@pytest.mark.parametrize("image", SHIPPED, ids=lambda image: image.name)
async def test_shipped_images_have_what_they_promise(session: Session, image: images.Image) -> None:
    built = await session.call(image_build.build(session.client, image), 500)
    assert await _uncompiled(built, IMPORTS[image.name]) == ""
    if image.name != "runbook":
        assert await image_build.executor(built) == ""
        return
    for tool in ("bash --version", "curl -V", "jq -V", "ps -V", "dig -v", "openssl version"):
        await _says(built, *tool.split())
    says = await image_build.executor(built)
    there = await _says(built, "sh", "-c", "command -v runme || true")
    assert says.startswith("runme 3.") if there else says.startswith("own executor: ")


@pytest.mark.parametrize("kind", ["one-line", "deb822"])
async def test_packages_come_from_the_machines_sources(session: Session, kind: str) -> None:
    (runbook,) = (image for image in SHIPPED if image.name == "runbook")
    built = await session.call(image_build.build(session.client, runbook), 500)
    find = "cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true"
    own = await _says(built, "sh", "-c", find)
    mirror = re.search(r"https?://\S+", own)
    assert mirror, "the image's own sources"
    sources = {
        "one-line": f"deb {mirror[0]} bookworm main\n",
        "deb822": f"Types: deb\nURIs: {mirror[0]}\nSuites: bookworm\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
    }[kind]
    folder = session.client.host().directory(str(runbook.folder))
    tried = built.with_exec(["sh", "-c", "rm -rf /etc/apt/sources.list*"])
    tried = tried.with_new_file("/run/secrets/apt.sources", sources)
    tried = tried.with_directory("/context", folder)
    said = tried.with_exec(["sh", "-x", "/context/install-tools.sh"])
    assert (
        f"SourceList=/tmp/apt.{'list' if kind == 'one-line' else 'sources'}" in await said.stderr()
    )
    assert not await said.rootfs().glob("tmp/apt.*")


@pytest.mark.parametrize(
    ("url", "right", "says"),
    [
        ("file:///release/runme.tar.gz", True, "runme 3.13.1\n"),
        ("file:///release/runme.tar.gz", False, "runme.tar.gz: FAILED"),
        (
            "http://127.0.0.1:1/runme.tar.gz",
            True,
            "own executor: runme could not be had (curl: (7)",
        ),
    ],
    ids=["reached", "another archive", "not reached"],
)
async def test_runme_is_installed_where_its_release_is_reached_and_is_the_pinned_one(
    session: Session, tmp_path: Path, url: str, right: bool, says: str
) -> None:
    (runbook,) = (image for image in SHIPPED if image.name == "runbook")
    assert runbook.folder is not None
    program = tmp_path / "runme"
    program.write_text("#!/bin/sh\necho 'runme version 3.13.1 (1234567) on 2025-04-01'\n")
    program.chmod(0o755)
    archive = tmp_path / "runme.tar.gz"
    with tarfile.open(archive, "w:gz") as release:
        release.add(program, "runme")
    checksum = hashlib.sha256(archive.read_bytes() if right else b"").hexdigest()
    built = await session.call(image_build.build(session.client, runbook), 500)
    host = session.client.host()
    tried = built.with_directory("/release", host.directory(str(tmp_path), include=["*.gz"]))
    tried = tried.with_directory("/context", host.directory(str(runbook.folder)))
    ended = tried.with_exec(
        ["sh", "/context/install-runme.sh", url, checksum], expect=dagger.ReturnType.ANY
    )
    assert says in await ended.stdout() + await ended.stderr()
    if url.startswith("file:") and not right:
        assert await ended.exit_code() == 1
        assert not await ended.rootfs().glob("usr/local/bin/runme")
    else:
        assert says.startswith((await image_build.executor(ended))[:20])


async def test_a_python_that_comes_without_bytecode_is_compiled(
    session: Session, make_image: MakeImage
) -> None:
    (python,) = (image for image in SHIPPED if image.name == "python")
    assert python.folder is not None
    lines = (python.folder / images.CONTAINERFILE).read_text().partition("FROM ${BASE}\n")[2]
    files = {
        name: (python.folder / name).read_text() for name in ("install.sh", "requirements.txt")
    }
    bare = "RUN find / -xdev -name '*.pyc' -delete"
    image = make_image(f"{bare}\n{lines}", **files)
    built = await session.call(image_build.build(session.client, image), 500)
    assert await _uncompiled(built, IMPORTS["python"]) == ""


async def _uncompiled(container: dagger.Container, imports: str) -> str:
    """The modules that Python would have to compile at each of these imports."""
    program = (
        f"import sys, pathlib; {imports}; print(*(name for name, module in sys.modules.items()"
        " if (file := getattr(module, '__cached__', None)) and not pathlib.Path(file).exists()))"
    )
    return (await _says(container, "python3", "-B", "-c", program)).strip()
