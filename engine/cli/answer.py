"""`harmony approve` and `harmony reject`: a person's answer to a gate."""

import asyncio

import click

from engine.cli import arguments, output
from engine.cli.frame import Frame, harmony_command
from engine.cli.reach import service
from engine.errors import GateError
from engine.messages import Decide

_DIGEST = "Only if the gate asks for exactly this; the digest of `harmony status` and `plan`."


def _said(_: click.Context, __: click.Parameter, reason: str) -> str:
    if not reason.strip():
        raise click.BadParameter("say why, for those who read it later")
    return reason


@harmony_command("approve")
@click.argument("run")
@click.argument("gate", required=False)
@arguments.as_option
@click.option("--reason", metavar="WHY", help="Why; it is kept with the answer.")
@click.option("--digest", metavar="SHA256", help=_DIGEST)
def approve(
    frame: Frame,
    run: str,
    gate: str | None,
    acting_as: str | None,
    reason: str | None,
    digest: str | None,
) -> int:
    """Approve a gate of a run; GATE may be left out where only one is open."""
    decide = _answer("approved", gate, acting_as, reason, digest)
    return asyncio.run(_send(frame, run, decide))


@harmony_command("reject")
@click.argument("run")
@click.argument("gate", required=False)
@arguments.as_option
@click.option(
    "--reason",
    metavar="WHY",
    required=True,
    callback=_said,
    help="Why not; it is what others read later.",
)
@click.option("--digest", metavar="SHA256", help=_DIGEST)
def reject(
    frame: Frame,
    run: str,
    gate: str | None,
    acting_as: str | None,
    reason: str,
    digest: str | None,
) -> int:
    """Reject a gate of a run; GATE may be left out where only one is open."""
    decide = _answer("rejected", gate, acting_as, reason, digest)
    return asyncio.run(_send(frame, run, decide))


def _answer(
    decision: str, gate: str | None, acting_as: str | None, reason: str | None, digest: str | None
) -> Decide:
    actor = arguments.who(acting_as)
    return Decide(
        decision=decision,
        approver_id=actor.name,
        gate=gate,
        reason=reason,
        digest=digest,
        source="cli",
        user=actor.user,
        host=actor.host,
    )


async def _send(frame: Frame, run: str, decide: Decide) -> int:
    async with service(frame, "running") as temporal:
        reply = await temporal.runs.decide(run, decide)
    if frame.json:
        output.document(frame, reply)
    if not reply.accepted:
        raise GateError(f"{decide.approver_id}'s answer does not count: {reply.reason}")
    if not frame.json:
        output.result(output.clean(reply.reason))
    return 0
