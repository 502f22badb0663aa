"""Feature flags, through OpenFeature: from flags.json, or from a flagd server.

`FLAGD_HOST` set means the server, else the file is read. A flag that is not there, and a source
that does not answer in time, mean the documented default, with one warning. A file that is broken
while in use is left alone: what it said last counts until it can be read again.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openfeature.client import OpenFeatureClient

ANSWER_WITHIN = 2.0
"""Seconds a look-up may take before the default counts."""
ASK_AGAIN_AFTER = 5.0
"""Seconds without a question to a server that did not answer."""
_SERVER_DEADLINE_MS = 1_000

Warn = Callable[[str], None]
_logger = logging.getLogger(__name__)


class Flags:
    """Where nothing is configured every flag has its default, without a warning."""

    def __init__(
        self,
        file: Path | None,
        environment: Mapping[str, str],
        warn: Warn = _logger.warning,
    ) -> None:
        self._file = file
        self._server = bool(environment.get("FLAGD_HOST"))
        self._warn_with = warn
        self._warned: set[str] = set()
        self._client: OpenFeatureClient | None = None
        self._connecting = threading.Lock()
        self._leave_alone_until = 0.0

    @property
    def source(self) -> str:
        """Where flags come from, as `harmony doctor` says it."""
        if self._server:
            return "flagd server"
        return f"file {self._file}" if self._file else "none"

    async def is_on(self, name: str, *, default: bool = True) -> bool:
        """Whether a flag is on; never raises, and answers within `ANSWER_WITHIN` seconds."""
        if not self._server:
            return default if self._file is None else self._look_up(name, default=default)
        if time.monotonic() < self._leave_alone_until:
            return default
        try:
            asked = asyncio.to_thread(self._look_up, name, default=default)
            return await asyncio.wait_for(asked, ANSWER_WITHIN)
        except TimeoutError:
            self._no_answer()
            return default

    async def close(self) -> None:
        """Give back the connection to the server."""
        if self._client is not None:
            client, self._client = self._client, None
            await asyncio.to_thread(client.provider.shutdown)

    def _look_up(self, name: str, *, default: bool) -> bool:
        try:
            client = self._client or self._connect()
            details = client.get_boolean_details(name, default)
        except Exception as error:
            self._warn(f"flags cannot be read, and have their defaults: {error}")
            return default
        if details.error_code is not None:
            self._explain(name, str(details.error_code.value), details.error_message, default)
        return details.value

    def _explain(self, name: str, code: str, message: str | None, default: bool) -> None:  # noqa: FBT001
        state = "on" if default else "off"
        if code == "FLAG_NOT_FOUND":
            self._warn(f"the flag {name} is not in the {self.source}; it counts as {state}")
        elif self._server and code in ("PROVIDER_NOT_READY", "GENERAL", "PROVIDER_FATAL"):
            self._no_answer()
        else:
            self._warn(f"the flag {name} cannot be used and counts as {state}: {message or code}")

    def _no_answer(self) -> None:
        """Have the defaults for a while: a server that is away must not hold up every step."""
        self._leave_alone_until = time.monotonic() + ASK_AGAIN_AFTER
        self._warn(f"the {self.source} does not answer; flags have their defaults")

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._warn_with(sentence)

    def _connect(self) -> "OpenFeatureClient":
        """The client, made once: after a failed start it finds the server when it is there."""
        from openfeature import api

        with self._connecting:
            if self._client is None:
                domain = f"harmony-{id(self)}"
                with contextlib.suppress(Exception):
                    api.set_provider_and_wait(self._provider(), domain)
                self._client = api.get_client(domain)
            return self._client

    def _provider(self) -> Any:
        if self._server:
            from openfeature.contrib.provider.flagd import FlagdProvider

            return FlagdProvider(deadline_ms=_SERVER_DEADLINE_MS)
        from engine.steps.flags_file import FlagsFile

        assert self._file is not None  # noqa: S101
        return FlagsFile(self._file, self._warn)
