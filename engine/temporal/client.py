"""Runs, as the command line and other programs see them: start, list, look at, answer, cancel.

What replays histories is imported when one is read: it needs all that a worker needs.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import msgspec
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from engine import failures
from engine.errors import RunRefused, ServiceUnavailable
from engine.interpreter import ending
from engine.messages import Actor, Decide, Entry, GateView, Reply, RunError, RunView, StartArguments
from engine.temporal import deciding, listing
from engine.temporal.connection import TASK_QUEUE, connect
from engine.temporal.histories import histories, is_end, next_history
from engine.temporal.indexing import is_indexed
from engine.temporal.listing import ListedRun, RunFilter
from engine.temporal.pollers import may_be_served

__all__ = ["Client", "ListedRun", "Look", "RunFilter", "Runs", "connect"]

QUERY_TIMEOUT = timedelta(seconds=5)
LOOK_TIMEOUT = timedelta(seconds=2)
"""Shorter: what is asked once can be read from the history just as well."""
ANSWER_TIMEOUT = timedelta(seconds=15)
UNSERVED_TIMEOUT = timedelta(seconds=3)
"""Where no worker is known: one may have come back with the server a moment ago."""
_ONCE = WorkflowIDReusePolicy.REJECT_DUPLICATE


@dataclass(frozen=True, slots=True)
class Look:
    """A run, and who showed it."""

    view: RunView
    answered: bool
    """False where no worker answered, so that it was read from the history and stands still."""


Found: TypeAlias = list[ListedRun]
Journal: TypeAlias = list[Entry]
"""Named here, because within the class `list` is the method."""


class Runs:
    """The runs of a client's namespace.

    RunRefused where there is no such run; ServiceUnavailable where Temporal or a worker that is
    needed does not answer.
    """

    def __init__(self, client: Client, *, task_queue: str = TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(
        self, blueprint: str, start: StartArguments, run: str, *, once: bool = False
    ) -> None:
        """Start a run; RunRefused, code ID_TAKEN, where one of that id is running, or with `once`
        where there ever was one as far as the server remembers."""
        attributes = ending.attributes(blueprint, start.context, "running")
        indexed = await is_indexed(self._client)
        try:
            await self._client.start_workflow(
                blueprint,
                start,
                id=run,
                task_queue=self._task_queue,
                id_reuse_policy=_ONCE if once else WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=TypedSearchAttributes(attributes if indexed else []),
                memo=None if indexed else {pair.key.name: pair.value for pair in attributes},
            )
        except WorkflowAlreadyStartedError:
            raise RunRefused(
                f"The run {run} is already under way; see it with `harmony status {run}`, "
                "or give another id with --id",
                code="ID_TAKEN",
            ) from None
        except RPCError as error:
            raise _unavailable(error) from None

    async def list(self, which: RunFilter | None = None, *, limit: int = 100) -> Found:
        """The runs that fit the filter: those under way, then those that ended, latest first."""
        wanted = which or RunFilter()
        found: Found = []
        query = listing.query(wanted, indexed=await is_indexed(self._client))
        async for execution in self._client.list_workflows(query):
            listed = await listing.listed(execution)
            if listing.fits(listed, wanted):
                found.append(listed)
            if len(found) == limit:
                break
        return found

    async def view(self, run: str) -> RunView:
        """The run as it is now, or as it ended."""
        return (await self.look(run)).view

    async def look(self, run: str) -> Look:
        """The run as it is now, or as it ended; read from its history where no worker answers."""
        description = await self._describe(run)
        if description.status != WorkflowExecutionStatus.RUNNING:
            return Look(await self._ended(description), answered=True)
        asks = await may_be_served(self._client, description.task_queue)
        view = await self._asked(run, LOOK_TIMEOUT) if asks else None
        if view is not None and ending.is_whole(view):
            return Look(view, answered=True)
        return Look(await self._read(description), answered=view is not None)

    async def history(self, run: str) -> Journal:
        """All that happened, in its order."""
        from engine.temporal import past_runs

        entries: Journal = []
        first = (await self._describe(run)).raw_info.first_run_id
        async for history in histories(self._client, run, first):
            replayed = await past_runs.replay(history)
            if replayed is not None:
                entries += past_runs.journal_of(replayed)
        return entries

    async def gates(self, run: str) -> dict[str, GateView]:
        """Every gate by path, those of children too."""
        return (await self.view(run)).gates

    async def decide(self, run: str, answer: Decide) -> Reply:
        """Answer a gate, and give back what the run says to it."""
        served = await may_be_served(self._client, self._task_queue)
        limit = ANSWER_TIMEOUT if served else UNSERVED_TIMEOUT
        try:
            return await deciding.decide(self._client, run, answer, limit)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise ServiceUnavailable(
                f"No worker serves {run}, so the answer is not taken; start one with "
                f"`harmony worker`, look at `harmony status {run}`, and answer again"
            ) from None
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise _unavailable(error) from None
            view = await self.view(run)
            return Reply(
                accepted=False, state="closed", reason=f"The run {run} has ended: {view.status}"
            )

    async def cancel(self, run: str, by: Actor | None = None) -> None:
        """Ask the run to stop; it undoes what it did, and runs `finally`."""
        description = await self._describe(run)
        if description.status != WorkflowExecutionStatus.RUNNING:
            raise RunRefused(f"The run {run} has ended; there is nothing to cancel")
        reason = "" if by is None else msgspec.json.encode(by).decode()
        await self._client.get_workflow_handle(run).cancel(reason=reason)

    async def result(self, run: str) -> RunView:
        """The run as it ended, once it has."""
        handle = self._client.get_workflow_handle(run)
        try:
            await handle.result()
        except WorkflowFailureError:
            pass  # how it failed is in the view
        except RPCError as error:
            raise _missing(run, error) from None
        return await self.view(run)

    async def follow(self, run: str) -> AsyncIterator[RunView]:
        """The run as it is now, and again after each change, until it has ended."""
        shown: RunView | None = None
        async for ended in self._changes(run):
            view = None if ended else await self._asked(run, QUERY_TIMEOUT)
            view = view or await self.view(run)
            if view != shown:
                yield view
            shown = view
            if view.status != "running":
                return

    async def _changes(self, run: str) -> AsyncIterator[bool]:
        """One item now, and one whenever something was written to the run's history: whether the
        run has ended with it."""
        description = await self._describe(run)
        if description.status != WorkflowExecutionStatus.RUNNING:
            yield True
            return
        following = description.run_id
        while following:
            handle = self._client.get_workflow_handle(run, run_id=following)
            events = handle.fetch_history_events(wait_new_event=True)
            following = ""
            while True:
                await events.fetch_next_page()
                page = events.current_page or []
                if page:
                    following = next_history(page[-1])
                    yield not following and is_end(page[-1])
                if events.next_page_token is None:
                    break

    async def _describe(self, run: str) -> WorkflowExecutionDescription:
        try:
            return await self._client.get_workflow_handle(run).describe()
        except RPCError as error:
            raise _missing(run, error) from None

    async def _ended(self, description: WorkflowExecutionDescription) -> RunView:
        ended = await self._end(description.id)
        told = _told(ended)
        if told is not None and description.parent_id is None and ending.is_whole(told):
            return told
        return _closed(await self._read(description), description, ended, told)

    async def _asked(self, run: str, limit: timedelta) -> RunView | None:
        """What the run itself says; None where no worker is there to say it."""
        handle = self._client.get_workflow_handle(run)
        try:
            view: RunView = await handle.query("status", result_type=RunView, rpc_timeout=limit)
        except (RPCError, WorkflowQueryFailedError):
            return None
        return view

    async def _read(self, description: WorkflowExecutionDescription) -> RunView:
        """What the run's last history says."""
        from engine.temporal import past_runs

        handle = self._client.get_workflow_handle(description.id, run_id=description.run_id)
        replayed = await past_runs.replay(await handle.fetch_history())
        view = None if replayed is None else past_runs.view_of(replayed)
        return view or RunView(
            run=description.id,
            blueprint=description.workflow_type,
            version="",
            digest="",
            status="running",
            outputs={},
            steps={},
            gates={},
        )

    async def _end(self, run: str) -> BaseException | RunView | None:
        """What Temporal keeps of how a closed run ended."""
        handle: WorkflowHandle[object, RunView] = self._client.get_workflow_handle(
            run, result_type=RunView
        )
        try:
            return await handle.result()
        except WorkflowFailureError as error:
            return error.cause
        except msgspec.ValidationError:
            return None


def _told(ended: BaseException | RunView | None) -> RunView | None:
    """What the run itself said at its end."""
    if isinstance(ended, ApplicationError):
        return failures.detail(ended, RunView)
    return ended if isinstance(ended, RunView) else None


def _closed(
    view: RunView,
    description: WorkflowExecutionDescription,
    ended: BaseException | RunView | None,
    told: RunView | None,
) -> RunView:
    """The view that was read, ended as Temporal says that it ended."""
    if told is not None:
        return view if view.status == told.status else told
    if view.status != "running":
        return view
    if description.status == WorkflowExecutionStatus.CANCELED:
        return msgspec.structs.replace(view, status="cancelled")
    code = description.status.name if description.status is not None else "LOST"
    if isinstance(ended, ApplicationError):
        code = ended.type or "INTERNAL"
    message = str(ended) if ended is not None else "Temporal ended the run"
    return msgspec.structs.replace(
        view, status="failed", error=RunError(code=code, message=message)
    )


def _missing(run: str, error: RPCError) -> Exception:
    if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
        return RunRefused(f"There is no run {run}; `harmony list` shows those there are")
    return _unavailable(error)


def _unavailable(error: RPCError) -> ServiceUnavailable:
    return ServiceUnavailable(f"Temporal does not answer: {error.message}")
