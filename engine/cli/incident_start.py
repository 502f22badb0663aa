"""A run that begins an incident: its number is taken first, and the run is named after it."""

import secrets
from typing import TYPE_CHECKING

import msgspec

from engine.cli import output
from engine.cli.desk import desk, store_is_shared
from engine.cli.frame import Frame, program
from engine.cli.ordering import Order
from engine.errors import HarmonyError
from engine.incidents import opening

if TYPE_CHECKING:
    from engine.incidents.incident import Incident
    from engine.temporal.client import Runs


async def start(frame: Frame, asked: Order, runs: "Runs") -> Order:
    """Start the run that was asked for, and give it as it was started.

    Where the store is only known to the workers, they open the incident.
    """
    if not opening.opens(asked.blueprint, asked.start.context) or not store_is_shared():
        await runs.start(asked.blueprint, asked.start, asked.run)
        return asked
    incident = await _opened(frame, asked)
    output.say(f"Opened {incident.id}, {incident.severity}: {output.clean(incident.title)}")
    context = opening.context_of(asked.start.context, incident)
    asked = asked.for_incident(
        opening.run_of(asked.blueprint, incident.id),
        msgspec.structs.replace(asked.start, context=context),
    )
    try:
        await runs.start(asked.blueprint, asked.start, asked.run)
    except HarmonyError:
        output.say(
            f"{incident.id} is open and its run is not started; start it again with "
            f"`{program()} start {asked.blueprint} --context incident_id={incident.id}`"
        )
        raise
    return asked


async def _opened(frame: Frame, asked: Order) -> "Incident":
    given = opening.opening(
        asked.start.inputs,
        asked.start.context,
        actor=asked.actor.name,
        key=f"cli/{secrets.token_hex(16)}",
    )
    async with desk(frame) as incidents:
        incident, _ = await incidents.open(given)
    return incident
