"""`harmony validate`: every fault of every definition, in one go."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from engine.blueprint_checks import check_blueprint
from engine.case_checks import check_cases
from engine.catalog import Catalog
from engine.errors import RunRefused
from engine.faults import Fault, in_order

Check = Callable[[], Iterable[Fault]]


def check(catalog: Catalog, paths: Iterable[Path] | None = None) -> tuple[Fault, ...]:
    """The faults of what lies at these paths, or of the whole project; sorted.

    A path is a file or a folder; RunRefused where there is none, or it holds no definition.
    """
    everything = dict(_everything(catalog))
    if paths is None:
        wanted = set(everything)
    else:
        wanted = {file for path in paths for file in _below(path, everything)}
    return in_order(fault for file in sorted(wanted) for fault in everything[file]())


def _below(path: Path, files: Iterable[Path]) -> list[Path]:
    """The definition files that a path on the command line means."""
    if not path.exists() and not path.is_symlink():
        raise RunRefused(f"there is no file or folder '{path}'", code="PATH")
    whole = path.absolute()
    found = [file for file in files if file == whole or file.is_relative_to(whole)]
    if not found:
        message = f"'{path}' is no blueprint, capability, runbook or case of this project"
        raise RunRefused(message, code="PATH")
    return found


def _everything(catalog: Catalog) -> Iterator[tuple[Path, Check]]:
    """Each definition file, and how it is checked."""
    for name in catalog.blueprints():
        yield catalog.blueprint_file(name), partial(_blueprint, catalog, name)
    for name in catalog.capabilities():
        file = catalog.capability_folder(name) / "capability.yaml"
        yield file, partial(_capability, catalog, name)
    for name in catalog.runbooks():
        yield catalog.runbook_file(name), partial(_runbook, catalog, name)
    for name in catalog.case_files():
        yield catalog.case_file(name), partial(check_cases, catalog, name)


def _blueprint(catalog: Catalog, name: str) -> tuple[Fault, ...]:
    blueprint = catalog.blueprint(name)
    return check_blueprint(catalog, blueprint) if blueprint is not None else ()


def _capability(catalog: Catalog, name: str) -> tuple[Fault, ...]:
    capability = catalog.capability(name)
    return capability.faults if capability is not None else ()


def _runbook(catalog: Catalog, name: str) -> tuple[Fault, ...]:
    runbook = catalog.runbook(name)
    return runbook.faults if runbook is not None else ()
