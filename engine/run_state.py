"""RunState, the pure heart: what has finished goes in, what to do next comes out.

No clock, no I/O, no Temporal, no randomness: the same calls in the same order give the same
commands. Times are milliseconds since the epoch, given by the driver, and never run backwards.
"""

from collections.abc import Mapping

from engine.commands import Command, Ended, RunInfo
from engine.messages import Decide, Entry, Reply, RunView, Standing
from engine.plan import Json, Plan, RunStatus


class RunState:
    """One run of one plan, from its beginning to its result."""

    def __init__(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json], info: RunInfo
    ) -> None:
        raise NotImplementedError

    def begin(self, now: int) -> list[Command]:
        """Start the run: the commands of every step that waits for nothing."""
        raise NotImplementedError

    def finished(self, key: str, ended: Ended, now: int) -> list[Command]:
        """What was in flight under `key` has ended; one that is not in flight is ignored."""
        raise NotImplementedError

    def signal(self, name: str, payload: Json, now: int) -> list[Command]:
        """A signal came; without a step that waits for it, it is kept in its order."""
        raise NotImplementedError

    def decide(self, decide: Decide, standing: Standing, now: int) -> tuple[Reply, list[Command]]:
        """An answer to a gate: always replied to, always recorded, also where it is refused."""
        raise NotImplementedError

    def flag(self, key: str, on: bool, now: int) -> list[Command]:  # noqa: FBT001
        """The answer to `AskFlag(key)`."""
        raise NotImplementedError

    def cancel(self, now: int) -> list[Command]:
        """Stop what is in flight, then undo, then `finally`. A second one changes nothing."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        """Whether the run has its result, and nothing is in flight."""
        raise NotImplementedError

    @property
    def status(self) -> RunStatus | None:
        """How the run ended; None while it runs."""
        raise NotImplementedError

    @property
    def pending(self) -> Mapping[str, Command]:
        """All that is in flight, by key: to be issued again after `restore`.

        A driver that goes on in a new history first lets the calls and children which it has
        issued end, and holds back the commands that it is given meanwhile: they are in here.
        """
        raise NotImplementedError

    def view(self, now: int | None = None) -> RunView:
        """The run as results and the query `status` show it; own gates only."""
        raise NotImplementedError

    def entries(self) -> list[Entry]:
        """What happened since the last call, for people. Drained: a driver that has no use for
        them calls this all the same. They are not part of a snapshot."""
        raise NotImplementedError

    def snapshot(self) -> Json:
        """All that has happened, as JSON without the plan; `restore` goes on exactly here."""
        raise NotImplementedError

    @classmethod
    def restore(cls, plan: Plan, snapshot: Json) -> "RunState":
        """The state that `snapshot` was taken of, over the same plan."""
        raise NotImplementedError
