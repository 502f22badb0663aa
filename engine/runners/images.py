"""Container images: which one a capability names, what is in it, and what it starts from."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RunRefused
from engine.runners import dagger_engine

CONTAINERFILE = "Containerfile"
DEFAULT = "python"
"""The image of an execution that names none."""
BASE = "HARMONY_BASE_IMAGE"
"""The variable that replaces a Containerfile's `ARG BASE`, for machines that reach no registry."""
BASE_FILE = "base"
"""Beside the socket of an engine that brings a base image of its own: that image's reference."""
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
    there = ", ".join(image.name for image in shared(containers))
    raise RunRefused(
        f"the image '{name}' is neither a reference with a digest (name@sha256:…) nor a folder "
        f"with a {CONTAINERFILE} under {containers}; there are: {there or 'none'}",
        code="IMAGE",
    )


def shared(containers: Path) -> tuple[Image, ...]:
    """The images of a project's `containers` folder, by name."""
    files = sorted(containers.glob(f"*/{CONTAINERFILE}"))
    return tuple(Image(file.parent.name, folder=file.parent) for file in files)


def base(environment: Mapping[str, str] = os.environ) -> str:
    """What stands for `ARG BASE` here: `HARMONY_BASE_IMAGE`, else the base that the engine brings;
    "" where the Containerfile's own is taken."""
    if BASE in environment:
        return environment[BASE]
    for file in dagger_engine.beside_socket(BASE_FILE, environment):
        with contextlib.suppress(OSError):
            return file.read_text(encoding="utf-8").strip()
    return ""


def content(image: Image, parent: str) -> str:
    """The SHA-256, in hex, of all that decides what is in an image: its files with their names and
    whether they can be executed, and what stands for `ARG BASE`."""
    told = hashlib.sha256(f"{image.reference}\0{parent}\n".encode())
    for path, entry in _files(image.folder) if image.folder else ():
        file = Path(path)
        if file.is_dir() and not file.is_symlink():
            continue
        data = os.readlink(path).encode() if file.is_symlink() else file.read_bytes()
        name = file.relative_to(image.folder or file).as_posix()
        told.update(f"{name}\0{entry.st_mode & 0o111:o}\0{len(data)}\n".encode() + data)
    return told.hexdigest()


def signature(folder: Path) -> str:
    """What a folder holds, told by names, modes, sizes and times: changes when a file does."""
    told = hashlib.blake2b(digest_size=16)
    for path, entry in _files(folder):
        told.update(f"{path}\0{entry.st_mode}\0{entry.st_size}\0{entry.st_mtime_ns}\0".encode())
        told.update(f"{entry.st_ino}\n".encode())
    return told.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder below, in a fixed order."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in (*folders, *sorted(names)):
            path = os.path.join(parent, name)
            yield path, os.lstat(path)
