"""Container images: which one a capability names; Containerfiles are built by Dagger."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagger

from engine.errors import RunRefused

CONTAINERFILE = "Containerfile"
DEFAULT = "python"
"""The image of an execution that names none."""
BASE = "HARMONY_BASE_IMAGE"
"""The variable that replaces a Containerfile's `ARG BASE`, for machines that reach no registry."""
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_SKIPPED = frozenset({"__pycache__", ".git"})


@dataclass(frozen=True, slots=True)
class Image:
    """Where an image comes from: a folder with a Containerfile, or a reference with a digest."""

    name: str
    """As it is written in the contract."""
    folder: Path | None = None
    reference: str = ""


def find(name: str, capability: Path, containers: Path) -> Image:
    """The image that `runtime.image` names, of a capability in this folder. RunRefused where there
    is none, or it is a reference that may change."""
    name = name or DEFAULT
    if _DIGEST.search(name):
        return Image(name, reference=name)
    folder = capability if name == "." else containers / name
    if (folder / CONTAINERFILE).is_file():
        return Image(name, folder=folder)
    there = ", ".join(sorted(path.parent.name for path in containers.glob(f"*/{CONTAINERFILE}")))
    raise RunRefused(
        f"the image '{name}' is neither a reference with a digest (name@sha256:…) nor a folder "
        f"with a {CONTAINERFILE} under {containers}; there are: {there or 'none'}",
        code="IMAGE",
    )


def shared(containers: Path) -> tuple[Image, ...]:
    """The images of a project's `containers` folder, by name."""
    files = sorted(containers.glob(f"*/{CONTAINERFILE}"))
    return tuple(Image(file.parent.name, folder=file.parent) for file in files)


def signature(folder: Path) -> str:
    """What a folder holds, told by names, modes, sizes and times: changes when a file does."""
    told = hashlib.blake2b(digest_size=16)
    for path, entry in _files(folder):
        told.update(f"{path}\0{entry.st_mode}\0{entry.st_size}\0{entry.st_mtime_ns}\0".encode())
        told.update(f"{entry.st_ino}\n".encode())
    return told.hexdigest()


def build(
    client: dagger.Client, image: Image, environment: Mapping[str, str] = os.environ
) -> dagger.Container:
    """The container of an image. Lazy: it is pulled or built when it is used.

    A build sees this machine's pip settings and certificates as secrets, which are neither in the
    image nor in the key by which Dagger knows that it has built it.
    """
    if image.folder is None:
        return client.container().from_(image.reference)
    context = client.host().directory(
        str(image.folder), exclude=[f"**/{name}" for name in sorted(_SKIPPED)], no_cache=True
    )
    base = environment.get(BASE)
    return context.docker_build(
        dockerfile=CONTAINERFILE,
        build_args=[dagger.BuildArg("BASE", base)] if base else [],
        secrets=[client.set_secret(name, text) for name, text in _of_this_machine(environment)],
    )


def _of_this_machine(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """How pip reaches its index here: `pip.conf`, and `ca.pem` for certificates of one's own."""
    certificates = environment.get("PIP_CERT") or environment.get("SSL_CERT_FILE")
    lines = ["[global]"]
    for key, value in _pip_settings().items():
        if key == "cert":
            certificates = certificates or value
        elif key in {"index-url", "extra-index-url", "trusted-host", "timeout", "proxy"}:
            lines.append(f"{key} = {value}")
    if certificates and Path(certificates).is_file():
        yield "ca.pem", Path(certificates).read_text(encoding="utf-8")
        lines.append("cert = /run/secrets/ca.pem")
    yield "pip.conf", "\n".join(lines) + "\n"


def _pip_settings() -> dict[str, str]:
    """What `pip config list` says on this machine; nothing where there is no pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    found = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = value.strip("'")
    return found


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder below, in a fixed order."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in (*folders, *sorted(names)):
            path = os.path.join(parent, name)
            yield path, os.lstat(path)
