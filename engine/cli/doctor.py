"""`harmony doctor`: what is reachable and set, and what to do where it is not."""

import asyncio

from engine.cli import output
from engine.cli.checkup import Finding, service, surroundings
from engine.cli.frame import Frame, harmony_command
from engine.cli.runner_checkup import runner
from engine.cli.store_checkup import store

_LOOKS = {"ok": "green", "warn": "yellow", "fail": "red"}


@harmony_command("doctor")
def command(frame: Frame) -> int:
    """Say what is reachable and set: Temporal, clock, runner, store, flags, policy, secrets.

    Values of secrets are never shown. Exit status 0 without a `fail`, 4 where Temporal cannot be
    reached, else 1.
    """
    findings = [*surroundings(frame), *runner(frame), *store(frame)]
    findings += asyncio.run(service(frame))
    if frame.json:
        output.document(frame, {"healthy": not _failed(findings), "checks": findings})
    else:
        for finding in findings:
            _tell(finding)
    failed = _failed(findings)
    return 4 if "temporal" in failed else int(bool(failed))


def _failed(findings: list[Finding]) -> set[str]:
    return {finding.check for finding in findings if finding.level == "fail"}


def _tell(finding: Finding) -> None:
    word = output.style(finding.level.ljust(4), fg=_LOOKS[finding.level])
    output.result(f"{word}  {finding.check.ljust(10)}  {output.clean(finding.text)}")
    if finding.do:
        output.result(f"{'':18}{output.clean(finding.do)}")
