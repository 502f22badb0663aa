"""What is wrong with cases before they run: names that lead nowhere, outputs no contract allows."""

from collections.abc import Iterable, Iterator

from engine.errors import DefinitionError, RunRefused
from engine.faults import Fault, has_error, in_order
from engine.language import json_schema
from engine.language.catalog import Catalog
from engine.language.document import Document, Path
from engine.language.loader import load
from engine.language.places import Located, locate, paths
from engine.language.planner import compile_blueprint
from engine.language.reading import meant
from engine.plan import ChildStep, GateStep, Plan
from engine.simulation.case import Case, CaseFile
from engine.simulation.case_contracts import said
from engine.simulation.case_reader import read_cases


def read_case_file(catalog: Catalog, blueprint: str) -> CaseFile | None:
    """The cases of a blueprint as written; None where there is no file."""
    path = catalog.case_file(blueprint)
    if not path.is_file() and not path.is_symlink():
        return None
    return read_cases(load(path, catalog.folder))


def check_cases(catalog: Catalog, blueprint: str) -> tuple[Fault, ...]:
    """The faults of a blueprint's cases; those of the blueprint itself are not repeated."""
    file = read_case_file(catalog, blueprint)
    if file is None or has_error(file.faults):
        return () if file is None else in_order(file.faults)
    try:
        plan = compile_blueprint(catalog, blueprint)
    except DefinitionError:
        return in_order(file.faults)
    except RunRefused as refused:
        return (file.document.fault("CASE", str(refused), ()),)
    faults = (fault for case in file.cases for fault in _check(case, plan, catalog, file.document))
    return in_order((*file.faults, *faults))


def _check(case: Case, plan: Plan, catalog: Catalog, document: Document) -> Iterator[Fault]:
    names = dict(paths(plan))
    for key, written in (
        ("answers", case.answers), ("decisions", case.decisions),
    ):  # fmt: skip
        yield from _unknown(plan, written, (*case.path, key), names, document)
    for key, named in (
        ("outcomes", case.expected.outcomes), ("calls", case.expected.calls),
        ("gates", case.expected.gates),
    ):  # fmt: skip
        yield from _unknown(plan, named, (*case.path, "expect", key), names, document)
    for name in case.decisions:
        found = locate(plan, name)
        if found is not None and not isinstance(found.step, GateStep):
            text = f"'{name}' is no gate, so nobody decides there"
            yield document.fault("CASE", text, (*case.path, "decisions", name), key=True)
    yield from _outputs(case, plan, catalog, document)


def _unknown(
    plan: Plan, written: Iterable[str], path: Path, names: Iterable[str], document: Document
) -> Iterator[Fault]:
    for name in written:
        if locate(plan, name) is None:
            hint = meant(name, names)
            yield document.fault(
                "CASE", f"there is no step '{name[:100]}'", (*path, name), key=True, hint=hint
            )


def _outputs(case: Case, plan: Plan, catalog: Catalog, document: Document) -> Iterator[Fault]:
    """A canned output must be one that the capability could give."""
    for name, answers in case.answers.items():
        found = locate(plan, name)
        if found is None:
            continue
        path = (*case.path, "answers", name)
        if found.call is None and not isinstance(found.step, GateStep):
            yield from _no_call(found, name, path, document)
            continue
        call = found.call
        capability = (
            None if call is None else catalog.capability(plan.capabilities[call.capability].id)
        )
        for index, answer in enumerate(answers):
            if capability is None or answer.is_default or answer.error is not None:
                continue
            wrong = json_schema.violations(capability.output, answer.output)
            if wrong:
                text = f"{capability.id} never gives this output: {said(wrong)}"
                yield document.fault("CASE", text, (*path, index) if len(answers) > 1 else path)


def _no_call(found: Located, name: str, path: Path, document: Document) -> Iterator[Fault]:
    if isinstance(found.step, ChildStep) and found.purpose == "step":
        return
    yield document.fault("CASE", f"'{name}' calls nothing that could be answered", path, key=True)
