"""A project folder: its definitions, its environment, its people."""

import dataclasses
import logging
import os
from functools import cached_property
from pathlib import Path

from engine.errors import DefinitionError, RunRefused
from engine.faults import Fault, has_error, in_order
from engine.language.catalog import Catalog
from engine.language.document import Document
from engine.language.loader import load
from engine.project.policy import Policy
from engine.project.settings import Settings, read_settings


def find_project(start: Path) -> Path:
    """The nearest folder upward with `blueprints/`; RunRefused where there is none."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / "blueprints").is_dir():
            return folder
    message = (
        f"no project here: neither {here} nor a folder above it has blueprints/; use --project, "
        "or begin one with `mkdir blueprints`"
    )
    raise RunRefused(message, code="PROJECT")


def given_project(folder: Path) -> Path:
    """A folder that was named as a project; RunRefused where it holds nothing of one."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise RunRefused(f"the folder {folder} cannot be read", code="PROJECT")
    if not any((folder / part).is_dir() for part in ("blueprints", "capabilities", "runbooks")):
        message = f"{folder} is no project: it has no blueprints/, capabilities/ or runbooks/"
        raise RunRefused(message, code="PROJECT")
    return folder


class Project:
    """One project folder. Files are read when they are asked for; `env_file` stands for
    harmony.yaml. DefinitionError where a file that is asked for has an error."""

    def __init__(self, folder: Path, env_file: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.env_file = env_file.resolve() if env_file else self.folder / "harmony.yaml"
        self._given = env_file is not None
        self._policy_file = self.folder / "policy.yaml"
        self._signatures: dict[str, tuple[int, ...]] = {}

    @property
    def containers(self) -> Path:
        """The folder of the images that capabilities share."""
        return self.folder / "containers"

    @cached_property
    def catalog(self) -> Catalog:
        """The blueprints, capabilities and runbooks."""
        return Catalog.load(self.folder)

    def refresh(self) -> None:
        """Read again what changed on disk. What a file said counts on while it is gone or has an
        error, so that a slip in policy.yaml neither stops the runs under way nor opens the door."""
        self.catalog.refresh()
        for name, path in (("_settings", self.env_file), ("_policy", self._policy_file)):
            seen = _signature(path)
            if self._signatures.setdefault(name, seen) != seen:
                self._signatures[name] = seen
                self._read_again(name, path)

    def _read_again(self, name: str, path: Path) -> None:
        kept = self.__dict__.pop(name, None)
        self.__dict__.pop("_settings_document", None)
        if kept is not None and (not _is_there(path) or has_error(getattr(self, name)[1])):
            logging.getLogger(__name__).warning(
                "%s is gone or has errors, and counts as it was before; run `harmony validate`",
                path.name,
            )
            self.__dict__[name] = kept

    @property
    def settings(self) -> Settings:
        """harmony.yaml; empty where there is none."""
        settings, faults = self._settings
        if has_error(faults):
            raise DefinitionError(in_order(faults))
        return settings

    @property
    def policy(self) -> Policy:
        """policy.yaml; `Policy.open()` where there is none."""
        policy, faults = self._policy
        if has_error(faults):
            raise DefinitionError(in_order(faults))
        return policy

    @property
    def settings_document(self) -> Document | None:
        """The text of the settings with its places; None where there is no file."""
        return self._settings_document

    @property
    def settings_faults(self) -> tuple[Fault, ...]:
        """What is wrong with harmony.yaml on its own."""
        return in_order(self._settings[1])

    @property
    def policy_faults(self) -> tuple[Fault, ...]:
        """What is wrong with policy.yaml."""
        return in_order(self._policy[1])

    @property
    def written_settings(self) -> Settings:
        """What could be read of harmony.yaml, faults or not: for checks, never for a run."""
        return self._settings[0]

    @property
    def written_policy(self) -> Policy:
        """What could be read of policy.yaml, faults or not: for checks, never for a run."""
        return self._policy[0]

    @cached_property
    def _settings_document(self) -> Document | None:
        if not self._given and not _is_there(self.env_file):
            return None
        inside = self.env_file.is_relative_to(self.folder)
        return load(self.env_file, self.folder if inside else self.env_file.parent)

    @cached_property
    def _settings(self) -> tuple[Settings, tuple[Fault, ...]]:
        document = self._settings_document
        read = (
            (Settings(), ()) if document is None else read_settings(document, self.env_file.parent)
        )
        usual = self.folder / "flags.json"
        if read[0].flags_file is None and _is_there(usual):
            return dataclasses.replace(read[0], flags_file=usual), read[1]
        return read

    @cached_property
    def _policy(self) -> tuple[Policy, tuple[Fault, ...]]:
        if not _is_there(self._policy_file):
            return Policy.open(), ()
        from engine.project.policy_reader import read_policy

        return read_policy(load(self._policy_file, self.folder))


def _signature(path: Path) -> tuple[int, ...]:
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino


def _is_there(path: Path) -> bool:
    """Whether there is such a file; a link that leads nowhere counts, for it was meant."""
    return path.exists() or path.is_symlink()
