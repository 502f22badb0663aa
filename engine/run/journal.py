"""What happened in a run, one line each, for people: `harmony history` and the live view."""

from engine import instants
from engine.messages import Decide, Entry, Source


class Journal:
    """Keeps what happened until it is drained; entries are made only then."""

    def __init__(self) -> None:
        self._lines: list[
            tuple[int, str, str, str | None, str | None, str | None, Source | None]
        ] = []

    def add(
        self,
        now: int,
        event: str,
        text: str,
        *,
        step: str | None = None,
        gate: str | None = None,
        by: Decide | None = None,
        who: str | None = None,
    ) -> None:
        """One line; `by` is the answer that made it, `who` the person where there is none."""
        if by is not None:
            self._lines.append((now, event, text, step, gate, by.approver_id, by.source))
        else:
            self._lines.append((now, event, text, step, gate, who, None))

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
                who=who,
                source=source,
            )
            for at, event, text, step, gate, who, source in lines
        ]
