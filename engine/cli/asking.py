"""Asking at the terminal: a question that is given up when it has been answered elsewhere."""

import asyncio
import os
import sys
import termios

from engine.cli import output
from engine.messages import Actor, Decide, GateView, Standing, same_person

_LONGEST = 4_000


def at_terminal() -> bool:
    """Whether there is someone to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def may_answer(gate: GateView, who: str, initiator: str, standing: Standing, *, solo: bool) -> bool:
    """Whether the run would take an answer from this person, as far as can be told from here."""
    if standing.agent:
        return False
    if same_person(who, initiator) and not (gate.initiator_may_approve or solo):
        return False
    if any(same_person(d.approver_id, who) and d.accepted for d in gate.decisions):
        return False
    asked = standing.open_policy or set(standing.roles) & set(gate.approvers)
    return bool(asked) and (standing.open_policy or standing.approve_scope)


async def answer(path: str, gate: GateView, actor: Actor) -> Decide | None:
    """The answer typed for a gate; None where the line was left empty or the input ended."""
    decision = await _decision(path, actor)
    if decision is None:
        return None
    reason = await _reason(decision)
    if reason is None:
        return None
    return Decide(
        decision=decision,
        approver_id=actor.name,
        gate=path,
        reason=reason or None,
        digest=gate.digest,
        source="cli",
        user=actor.user,
        host=actor.host,
    )


async def _decision(path: str, actor: Actor) -> str | None:
    # What was typed before the question was seen is no answer to it.
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    question = f"  Approve {output.clean(path)} as {output.clean(actor.name)}? [y/n, Enter: later] "
    while True:
        typed = await _line(question)
        word = (typed or "").strip().lower()
        if not word:
            return None
        if word in ("y", "yes"):
            return "approved"
        if word in ("n", "no"):
            return "rejected"
        output.say("  Type y to approve or n to reject.")


async def _reason(decision: str) -> str | None:
    """Why: for an approval it may be empty; None where the input ended before a rejection's."""
    if decision == "approved":
        return (await _line("  Reason (Enter for none): ") or "").strip()
    while (typed := await _line("  Reason, for those who read it later: ")) is not None:
        if typed.strip():
            return typed.strip()
    return None


async def _line(question: str) -> str | None:
    """One line from the terminal; None at its end. A cancellation leaves nothing behind."""
    output.ask(output.style(question, fg="yellow"))
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not typed.done():
            typed.set_result(os.read(descriptor, _LONGEST))

    loop.add_reader(descriptor, readable)
    try:
        data = await typed
    except asyncio.CancelledError:
        output.say()
        raise
    finally:
        loop.remove_reader(descriptor)
    if not data:
        output.say()
        return None
    return data.decode(errors="replace")
