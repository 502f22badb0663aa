"""What is in flight: calls, children, timers, flags; and the calls that wait for room."""

from collections import deque
from typing import Literal

from engine.run.commands import AskFlag, Command, StartTimer, Stop
from engine.run.run_memory import Flight, Memory

WINDOW = 500
"""Calls and children in flight at most: a Temporal workflow takes 2,000, and slows long before."""


class InFlight:
    """Keeps the books, and collects the commands that the driver is given next."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._flights = memory.flights
        self._queue = deque(memory.queue)
        self._calls = sum(flight.kind in {"call", "child"} for flight in self._flights.values())
        self._commands: list[Command] = []

    def commands(self) -> list[Command]:
        """What to do next; drained."""
        commands, self._commands = self._commands, []
        return commands

    @property
    def quiet(self) -> bool:
        """Nothing in flight and nothing waiting for room."""
        return not self._flights and not self._queue

    def ask_for(self, key: str) -> None:
        """Have a call or a child take its turn."""
        self._queue.append(key)

    def next_call(self) -> str | None:
        """The key whose turn it is, where there is room."""
        if self._queue and self._calls < WINDOW:
            return self._queue.popleft()
        return None

    def launch(self, command: Command, flight: Flight) -> None:
        """A call or child is on its way."""
        self._flights[command.key] = flight
        self._calls += 1
        self._commands.append(command)

    def timer(
        self, key: str, until_ms: int, why: Literal["retry", "wait", "signal", "gate"]
    ) -> None:
        """Have the driver come back at that time."""
        self._flights[key] = Flight(kind="timer", why=why, until_ms=until_ms)
        self._commands.append(StartTimer(key=key, until_ms=until_ms))

    def flag(self, key: str, flag: str) -> None:
        """Have the driver ask for a feature flag."""
        self._flights[key] = Flight(kind="flag")
        self._commands.append(AskFlag(key=key, flag=flag))

    def landed(self, key: str) -> Flight | None:
        """Take it off the books; None where it is not on them."""
        flight = self._flights.pop(key, None)
        if flight is not None and flight.kind in {"call", "child"}:
            self._calls -= 1
        return flight

    def kind(self, key: str) -> str | None:
        """What is in flight under a key: a call, child, timer or flag; None where nothing is."""
        flight = self._flights.get(key)
        return None if flight is None else flight.kind

    def stop(self, key: str) -> bool:
        """Stop what is in flight under a key; whether its end is still to come.

        Timers, flags and what only waits for room are gone at once.
        """
        flight = self._flights.get(key)
        if flight is None:
            return False
        if flight.kind in {"call", "child"}:
            if not flight.stopped:
                flight.stopped = True
                self._commands.append(Stop(key=key))
            return True
        del self._flights[key]
        if flight.kind == "timer":
            self._commands.append(Stop(key=key))
        return False

    def take_back(self) -> list[str]:
        """Keys of the main graph's calls and children: those in flight, between two attempts, or
        waiting for room. The last kind no longer waits."""
        keys = [
            key
            for key, flight in self._flights.items()
            if "/" not in key and (flight.kind in {"call", "child"} or flight.why == "retry")
        ]
        keys += [key for key in self._queue if "/" not in key]
        self._queue = deque(key for key in self._queue if "/" in key)
        return keys

    def remember(self) -> None:
        """Write the queue back into memory, for a snapshot."""
        self._memory.queue = list(self._queue)
