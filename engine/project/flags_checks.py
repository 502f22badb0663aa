"""flags.json against flagd's format."""

import json
from collections.abc import Container, Iterator
from importlib.resources import files
from typing import NoReturn

from engine.faults import Fault
from engine.language import json_schema
from engine.language.document import Document
from engine.language.loader import load
from engine.language.reading import meant
from engine.language.schema_checks import named
from engine.project.folder import Project


def check_flags(project: Project) -> Iterator[Fault]:
    """What flagd would not read, or read in another way than it was meant. JSON is YAML, so that
    each fault has its place; flagd reads no other YAML."""
    path = project.written_settings.flags_file
    if path is None or not path.is_file():
        return
    document = load(path, project.folder if path.is_relative_to(project.folder) else path.parent)
    yield from document.faults
    if document.faults and document.value is None:
        return
    text = path.read_text("utf-8-sig")

    def refuse(word: str) -> NoReturn:
        raise json.JSONDecodeError(f"{word} is no number", text, text.find(word))

    try:
        json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        message = f"it is YAML, and flagd reads JSON: {error.msg}"
        yield Fault("FLAG", "error", message, document.file, error.lineno, error.colno)
        return
    schema = json.loads(files("engine").joinpath("schemas", "flags.json").read_text("utf-8"))
    wrong = json_schema.violations(schema, document.value)
    for place, message in wrong:
        yield document.fault("FLAG", named(place, message), place)
    if all(len(place) > 1 for place, _ in wrong):
        yield from _variants(document, {place[1] for place, _ in wrong})


def _variants(document: Document, faulty: Container[str | int]) -> Iterator[Fault]:
    for name, flag in document.value["flags"].items():
        if name in faulty:
            continue
        variants, default = flag["variants"], flag.get("defaultVariant")
        if default is not None and default not in variants:
            message = f"'{default[:60]}' is none of the flag's variants"
            path = ("flags", name, "defaultVariant")
            yield document.fault("FLAG", message, path, hint=meant(default, variants))
        if len({type(value) for value in variants.values()}) > 1:
            message = "the variants of a flag are of one type"
            yield document.fault("FLAG", message, ("flags", name, "variants"))
