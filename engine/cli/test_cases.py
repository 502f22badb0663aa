"""`harmony test`: the cases of blueprints, in simulated time, and of capabilities, for real."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli import fault_output, output
from engine.cli.case_paths import chosen
from engine.cli.frame import Frame, harmony_command
from engine.errors import DefinitionError
from engine.faults import Fault, in_order
from engine.plan import Json

if TYPE_CHECKING:
    from engine.simulation.cases import CaseResult
    from engine.simulation.coverage import Coverage
    from engine.steps.capability_cases import CapabilityCaseResult


@dataclass(slots=True)
class _Report:
    """All that was found."""

    blueprints: dict[str, "list[CaseResult]"] = field(default_factory=dict)
    capabilities: dict[str, "list[CapabilityCaseResult]"] = field(default_factory=dict)
    coverage: dict[str, "Coverage"] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def results(self) -> list[tuple[str, "CaseResult | CapabilityCaseResult"]]:
        """Every case, with the id of what it is a case of."""
        return [
            *((name, case) for name, cases in self.blueprints.items() for case in cases),
            *((name, case) for name, cases in self.capabilities.items() for case in cases),
        ]

    @property
    def failed(self) -> int:
        """How many cases had another end than they expect."""
        return sum(1 for _, result in self.results if not result.passed)


@harmony_command("test")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--coverage", is_flag=True, help="Name the outcomes of steps that no case reaches.")
def command(frame: Frame, paths: tuple[str, ...], coverage: bool) -> int:  # noqa: FBT001
    """Run the cases of blueprints and capabilities; all of the project without PATH.

    A PATH is a file or folder of the project, or an id. Exit status 1 where a case fails,
    2 where a definition or a case has a fault.
    """
    blueprints, capabilities = chosen(frame.project.catalog, paths)
    report = _Report()
    began = time.monotonic()
    _test_blueprints(frame, blueprints, report, coverage=coverage)
    asyncio.run(_test_capabilities(frame, capabilities, report))
    if frame.json:
        output.document(frame, _document(report))
    else:
        _tell(report, time.monotonic() - began, frame.project.folder)
    return 2 if report.faults else int(report.failed > 0)


def _test_blueprints(
    frame: Frame, names: Iterable[str], report: _Report, *, coverage: bool
) -> None:
    from engine.simulation.cases import run_cases
    from engine.simulation.coverage import coverage as coverage_of

    project = frame.project
    for name in names:
        try:
            report.blueprints[name] = run_cases(project.catalog, name, project.policy)
        except DefinitionError as error:
            report.faults += error.faults
            continue
        if coverage:
            results = report.blueprints[name]
            report.coverage[name] = coverage_of(project.catalog, name, results)


async def _test_capabilities(frame: Frame, names: Sequence[str], report: _Report) -> None:
    if not names:
        return
    from engine.runners.choice import choose_runner
    from engine.steps.capability_cases import run_capability_cases

    runner, _ = choose_runner(frame.project.settings.runner, frame.project.containers)
    try:
        for name in names:
            try:
                results = await run_capability_cases(frame.project, name, runner)
                report.capabilities[name] = results
            except DefinitionError as error:
                report.faults += error.faults
    finally:
        await runner.close()


def _document(report: _Report) -> dict[str, Json]:
    cases = [
        {"of": name, "name": case.name, "file": case.file, "line": case.line,
         "passed": case.passed, "problems": case.problems}
        for name, case in report.results
    ]  # fmt: skip
    coverage = {
        name: {
            "reached": each.reached,
            "total": each.total,
            "missing": [{"step": step, "outcome": outcome} for step, outcome in each.missing],
        }
        for name, each in report.coverage.items()
    }
    return {
        "passed": len(cases) - report.failed,
        "failed": report.failed,
        "cases": cases,
        **({"coverage": coverage} if coverage else {}),
        "faults": in_order(report.faults),
    }


def _tell(report: _Report, took: float, folder: Path) -> None:
    for name, case in report.results:
        word = output.style("ok  ", fg="green") if case.passed else output.style("FAIL", fg="red")
        output.result(f"{word} {output.clean(f'{name}: {case.name}')}")
        for problem in case.problems:
            output.result(f"       {output.clean(problem)}")
        if not case.passed:
            output.result(f"       at {case.file}:{case.line}")
    for name, each in report.coverage.items():
        output.result(f"{name}: {each.reached} of {each.total} outcomes of steps reached")
        for step, outcome in each.missing:
            output.result(f"       no case has {step} {outcome}")
    fault_output.show(in_order(report.faults), folder)
    groups = {**report.blueprints, **report.capabilities}
    without = [name for name, found in groups.items() if not found]
    if without:
        output.say(f"no cases: {', '.join(without)}")
    failed = report.failed
    summary = f"{len(report.results) - failed} passed, {failed} failed in {took:.1f} s"
    output.say(output.style(summary, fg="red" if failed or report.faults else "green"))
