"""What happened in a run, one line each, for people: `harmony history` and the live view."""

from collections.abc import Mapping

from engine import instants
from engine.messages import Actor, Decide, Entry
from engine.plan import Json

_NOTHING: Mapping[str, Json] = {}


class Journal:
    """Keeps what happened until it is drained; entries are made only then."""

    def __init__(self) -> None:
        self._lines: list[
            tuple[int, str, str, str | None, str | None, Actor | None, Mapping[str, Json]]
        ] = []

    def add(
        self,
        now: int,
        event: str,
        text: str,
        *,
        step: str | None = None,
        gate: str | None = None,
        by: Actor | None = None,
        data: Mapping[str, Json] = _NOTHING,
    ) -> None:
        """One line; `by` is who made it happen, `data` is the same for programs."""
        self._lines.append((now, event, text, step, gate, by, data))

    def drain(self) -> list[Entry]:
        """Everything since the last call."""
        lines, self._lines = self._lines, []
        return [
            Entry(
                at=instants.render(at),
                event=event,
                text=text,
                step=step,
                gate=gate,
                who=None if by is None else by.name,
                source=None if by is None else by.source,
                user=None if by is None else by.user,
                host=None if by is None else by.host,
                data={name: value for name, value in data.items() if value is not None},
            )
            for at, event, text, step, gate, by, data in lines
        ]


def who_answered(decide: Decide) -> Actor:
    """Who an answer at a gate is of."""
    return Actor(name=decide.approver_id, source=decide.source, user=decide.user, host=decide.host)
