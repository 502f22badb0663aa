"""What `harmony image build` remembers of its builds, a file each in the state folder."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class Built:
    """One build that succeeded."""

    content: str
    """SHA-256, in hex, of all that decides what is in the image."""
    at: str
    """When, as RFC 3339."""
    seconds: float
    executor: str = ""
    """What the image says of what runs a runbook's blocks; "" for other images."""


def read(folder: Path, content: str) -> Built | None:
    """The build of this content, if there was one."""
    try:
        return msgspec.json.decode((folder / f"{content}.json").read_bytes(), type=Built)
    except (OSError, msgspec.MsgspecError):
        return None


def write(folder: Path, built: Built) -> None:
    """Remember it; another process that does the same at once is no harm."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{built.content}.json"
    new = file.with_suffix(f".{os.getpid()}")
    new.write_bytes(msgspec.json.encode(asdict(built)))
    new.replace(file)
