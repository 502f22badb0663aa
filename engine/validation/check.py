"""`harmony validate`: every fault of every file of a project, in one go."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from engine.errors import RunRefused
from engine.faults import Fault, in_order
from engine.language.blueprint_checks import check_blueprint
from engine.language.catalog import Catalog
from engine.language.loader import file_name
from engine.project.flags_checks import check_flags
from engine.project.folder import Project
from engine.project.people_checks import check_roles
from engine.project.settings_checks import check_bindings, check_settings
from engine.validation.stray_files import stray_files

Check = Callable[[], Iterable[Fault]]


def check(project: Project, paths: Iterable[Path] | None = None) -> tuple[Fault, ...]:
    """The faults of what lies at these paths, or of the whole project; sorted.

    A path is a file or a folder; RunRefused where there is none, or it holds no definition.
    """
    everything = dict(_everything(project))
    if paths is None:
        wanted = set(everything)
    else:
        wanted = {file for path in paths for file in _below(path, everything)}
    return in_order(fault for file in wanted for fault in everything[file]())


def _below(path: Path, files: Iterable[Path]) -> list[Path]:
    """The files that a path on the command line means."""
    if not path.exists() and not path.is_symlink():
        raise RunRefused(f"there is no file or folder '{path}'", code="PATH")
    whole = path.parent.resolve() / path.name if path.is_symlink() else path.resolve()
    found = [file for file in files if file == whole or file.is_relative_to(whole)]
    if not found:
        message = f"'{path}' is no blueprint, capability, runbook or case of this project"
        raise RunRefused(message, code="PATH")
    return found


def _everything(project: Project) -> Iterator[tuple[Path, Check]]:
    """Each file that is checked, and how."""
    catalog = project.catalog
    yield project.env_file, lambda: (*project.settings_faults, *check_settings(project))
    yield project.folder / "policy.yaml", lambda: project.policy_faults
    if project.written_settings.flags_file is not None:
        yield project.written_settings.flags_file, lambda: check_flags(project)
    for file, fault in stray_files(project.folder):
        yield file, partial(tuple[Fault], (fault,))
    for name in catalog.blueprints():
        yield catalog.blueprint_file(name), partial(_blueprint, project, name)
    for name in catalog.capabilities():
        folder = catalog.capability_folder(name)
        yield folder / "capability.yaml", partial(_capability, catalog, name)
        for path in folder.glob("cases/*.yaml"):
            yield path, partial(_capability_cases, catalog, name, path)
    for name in catalog.runbooks():
        yield catalog.runbook_file(name), partial(_runbook, catalog, name)
    for name in catalog.case_files():
        yield catalog.case_file(name), partial(_cases, catalog, name)


def _blueprint(project: Project, name: str) -> Iterator[Fault]:
    blueprint = project.catalog.blueprint(name)
    if blueprint is not None:
        yield from check_blueprint(project.catalog, blueprint)
        yield from check_roles(blueprint, project)
        yield from check_bindings(blueprint, project)


def _capability(catalog: Catalog, name: str) -> Iterator[Fault]:
    capability = catalog.capability(name)
    if capability is None:
        return
    yield from capability.faults
    if capability.healthy and not any(capability.folder.glob("cases/*.yaml")):
        yield Fault(
            "CASES_MISSING",
            "warning",
            "the capability has no cases",
            file_name(capability.folder / "capability.yaml", catalog.folder),
            hint="Write cases/<name>.yaml beside its contract.",
        )


def _capability_cases(catalog: Catalog, name: str, path: Path) -> Iterator[Fault]:
    from engine.steps.capability_case import check_capability_cases

    capability = catalog.capability(name)
    if capability is not None and capability.healthy:
        file = file_name(path, catalog.folder)
        found = check_capability_cases(catalog, capability)
        yield from (fault for fault in found if fault.file == file)


def _runbook(catalog: Catalog, name: str) -> tuple[Fault, ...]:
    runbook = catalog.runbook(name)
    return runbook.faults if runbook is not None else ()


def _cases(catalog: Catalog, name: str) -> tuple[Fault, ...]:
    from engine.simulation.case_checks import check_cases

    return check_cases(catalog, name)
