"""Which blueprints and capabilities the paths after `harmony test` mean."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import RunRefused
from engine.language.catalog import Catalog
from engine.suggestions import did_you_mean


def chosen(catalog: Catalog, paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids of blueprints and of capabilities: all without a path. A path may be an id too.

    RunRefused for one that means nothing of the project.
    """
    blueprints, capabilities = catalog.blueprints(), catalog.capabilities()
    if not paths:
        return list(blueprints), list(capabilities)
    found = {name for path in paths for name in _meant(path, catalog)}
    return (
        [name for name in blueprints if name in found],
        [name for name in capabilities if name in found],
    )


def _meant(text: str, catalog: Catalog) -> set[str]:
    known = (*catalog.blueprints(), *catalog.capabilities())
    if text in known:
        return {text}
    path = Path(text).resolve()
    if not path.exists():
        near = did_you_mean(text, known)
        raise RunRefused(f"there is no file, folder, blueprint or capability '{text}'{near}")
    found = {*_blueprints(path, catalog), *_capabilities(path, catalog)}
    if not found and not catalog.folder.is_relative_to(path):
        raise RunRefused(f"'{text}' is no blueprint, capability or case of this project")
    return found


def _blueprints(path: Path, catalog: Catalog) -> Iterator[str]:
    cases = catalog.folder / "blueprints" / "cases"
    for name in catalog.blueprints():
        files = (catalog.blueprint_file(name), cases / f"{name}.yaml")
        if any(file.is_relative_to(path) for file in files):
            yield name


def _capabilities(path: Path, catalog: Catalog) -> Iterator[str]:
    for name in catalog.capabilities():
        folder = catalog.capability_folder(name)
        if folder.is_relative_to(path) or path.is_relative_to(folder):
            yield name
