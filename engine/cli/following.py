"""Following a run to its end: shows each change, and asks whoever sits at the terminal."""

import asyncio
import contextlib
from collections.abc import Callable

from engine.cli import asking
from engine.cli.presenter import Presenter
from engine.cli.run_lines import open_gates
from engine.cli.shown import one_line
from engine.errors import HarmonyError
from engine.messages import Actor, Decide, GateView, RunView, Standing
from engine.temporal.client import Runs


class Follower:
    """One run, shown as it goes. `asks` is who may be asked at the terminal, None for nobody."""

    def __init__(
        self,
        runs: Runs,
        run: str,
        presenter: Presenter,
        *,
        asks: Actor | None,
        standing: Callable[[str], Standing],
        each: Callable[[RunView], None],
    ) -> None:
        self._runs = runs
        self._run = run
        self._presenter = presenter
        self._asks = asks
        self._standing = standing
        self._each = each
        self._view: RunView | None = None
        self._asked: set[tuple[str, int]] = set()
        """Gates that were asked here, each with how often it had escalated."""
        self._asking: tuple[str, asyncio.Task[None]] | None = None
        self._sending = False
        """An answer has been typed and is on its way: the question is not given up any more."""

    @property
    def view(self) -> RunView | None:
        """The run as it was last seen."""
        return self._view

    async def to_the_end(self) -> RunView:
        """Follow until the run has ended; its result."""
        try:
            async for view in self._runs.follow(self._run):
                await self._seen(view)
        finally:
            await self._stop_asking()
        if self._view is None:
            raise HarmonyError(f"The run {self._run} could not be followed")
        return self._view

    async def _seen(self, view: RunView) -> None:
        if view == self._view:
            return
        self._view = view
        self._each(view)
        asked = self._asking[0] if self._asking is not None else None
        if asked is not None and asked not in open_gates(view) and not self._sending:
            await self._stop_asking()
        if self._asking is None:
            self._presenter.show(view)
            self._ask_next(view)

    def _ask_next(self, view: RunView) -> None:
        for path, gate in open_gates(view).items():
            if self._may_ask(path, gate, view):
                self._asked.add((path, len(gate.escalations)))
                self._presenter.pause()
                self._asking = (path, asyncio.create_task(self._ask(path, gate)))
                return

    def _may_ask(self, path: str, gate: GateView, view: RunView) -> bool:
        if self._asks is None or (path, len(gate.escalations)) in self._asked:
            return False
        name = self._asks.name
        standing = self._standing(name)
        return asking.may_answer(gate, name, view.initiator, standing, solo=view.solo)

    async def _ask(self, path: str, gate: GateView) -> None:
        assert self._asks is not None  # noqa: S101 - _may_ask said so
        decide = await asking.answer(path, gate, self._asks)
        if decide is not None:
            self._sending = True
            await self._send(decide)
            self._sending = False
        self._asking = None
        if self._view is not None:
            self._presenter.show(self._view)
            self._ask_next(self._view)

    async def _send(self, decide: Decide) -> None:
        try:
            reply = await self._runs.decide(self._run, decide)
        except HarmonyError as error:
            self._presenter.note(((one_line(str(error)), "yellow"),))
            return
        if not reply.accepted:
            refused = f"That answer does not count: {one_line(reply.reason)}"
            self._presenter.note(((refused, "yellow"),))

    async def _stop_asking(self) -> None:
        if self._asking is not None:
            _, task = self._asking
            self._asking = None
            if not self._sending:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
