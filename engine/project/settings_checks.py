"""harmony.yaml against the contracts that it binds."""

from collections.abc import Iterator

from engine.faults import Fault
from engine.language import json_schema
from engine.language.blueprint import Blueprint
from engine.language.capability import Capability
from engine.language.document import Document, Path
from engine.language.reading import meant
from engine.language.schema_checks import named
from engine.project.folder import Project
from engine.project.settings import Settings


def check_settings(project: Project) -> Iterator[Fault]:
    """Entries of capabilities that are not there, and keys or values that their contracts do not
    take."""
    document = project.settings_document
    if document is None:
        return
    settings, catalog = project.written_settings, project.catalog
    for name, given in settings.config.items():
        found = catalog.capability(name)
        if found is None:
            yield _unknown(document, project, name, ("config", name))
            continue
        open_schema = {key: part for key, part in found.config.items() if key != "required"}
        if not found.healthy:
            continue
        yield from _service(document, found, settings)
        for where, message in json_schema.violations(open_schema, dict(given)):
            path = ("config", name, *where)
            yield document.fault("CONFIG", named(path, message), path)
    for entry, sources in settings.secrets.items():
        found = catalog.capability(entry.partition("/")[0])
        if found is None:
            yield _unknown(document, project, entry, ("secrets", entry))
        else:
            yield from _keys(document, found, list(sources), ("secrets", entry))


def check_bindings(blueprint: Blueprint, project: Project) -> Iterator[Fault]:
    """Entries of harmony.yaml that a step names and that are not there; none where there is no
    such file."""
    if project.settings_document is None:
        return
    bound = project.written_settings.secrets
    for step in (*blueprint.steps, *blueprint.finally_):
        for _, call in step.calls():
            for key, entry in call.secrets.items():
                if key not in bound.get(entry, {}):
                    message = f"harmony.yaml binds no '{key[:60]}' under '{entry[:100]}'"
                    path = (*call.path, "secrets", key)
                    hint = meant(entry, bound)
                    yield blueprint.document.fault("SECRET", message, path, hint=hint)


def _service(document: Document, capability: Capability, settings: Settings) -> Iterator[Fault]:
    """The worker's token goes to the worker alone: a URL of one's own has a token of one's own."""
    keys = capability.service
    if keys is None or keys.url not in settings.config.get(capability.id, {}):
        return
    if keys.token not in settings.secrets.get(capability.id, {}):
        yield document.fault(
            "SECRET",
            f"the worker gives '{keys.url}' and '{keys.token}' of {capability.id} together; with "
            f"a URL of your own, bind a token of your own too",
            ("config", capability.id, keys.url),
            hint="Leave the URL out, or bind the token under `secrets`.",
        )


def _unknown(document: Document, project: Project, name: str, path: Path) -> Fault:
    capability = name.partition("/")[0]
    hint = meant(capability, project.catalog.capabilities())
    message = f"there is no capability '{capability[:60]}'"
    return document.fault("CAPABILITY_UNKNOWN", message, path, key=True, hint=hint)


def _keys(
    document: Document, capability: Capability, given: list[str], path: Path
) -> Iterator[Fault]:
    known = [key.name for key in capability.secrets]
    for key in given:
        if key not in known:
            message = f"'{capability.id}' has no secret '{key[:60]}'"
            yield document.fault("SECRET", message, (*path, key), key=True, hint=meant(key, known))
