"""`harmony serve`: Slack's clicks and alerts over HTTP, and a look at its own health."""

import asyncio
import contextlib
import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from engine.cli import output
from engine.cli.desk import desk, store_warning
from engine.cli.frame import Frame, harmony_command
from engine.cli.interrupts import Interrupted, Interrupts, unless
from engine.cli.reach import Service, service
from engine.errors import HarmonyError, RunRefused, ServiceUnavailable
from engine.incidents.opening import INITIATE
from engine.project.folder import Project
from engine.project.policy import Policy

if TYPE_CHECKING:
    from engine.incidents.desk import Desk

PORT = 8640
SLACK = "golden.integrations.slack-interactive"
_PAUSE_SECONDS = 2.0


@harmony_command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="0 finds a free one.",
)
@click.option(
    "--incidents-per-minute",
    type=click.IntRange(1, 10_000),
    default=30,
    show_default=True,
    help="Alerts beyond are put off; their senders try again.",
)
def command(frame: Frame, host: str, port: int, incidents_per_minute: int) -> int:
    """Take Slack's clicks and alerts until told to stop; what was taken is worked on to its end.

    A way in without its secret stays closed: SLACK_SIGNING_SECRET, PAGERDUTY_WEBHOOK_SECRET,
    ALERTMANAGER_TOKEN. SLACK_APP_TOKEN opens Socket Mode, SLACK_BOT_TOKEN the window for a reason.
    """
    return asyncio.run(_Serving(frame, host, port, incidents_per_minute).until_stopped())


@dataclass(slots=True)
class _Serving:
    """One server, from its start to its end; it waits for a Temporal that is away."""

    frame: Frame
    host: str
    port: int
    incidents_per_minute: int

    async def until_stopped(self) -> int:
        """Serve until SIGTERM or Ctrl-C."""
        interrupts = Interrupts()
        output.say(f"Serving {self.frame.project.folder}")
        if warning := store_warning():
            output.say(warning)
        with contextlib.suppress(Interrupted):
            async with contextlib.AsyncExitStack() as held:
                temporal = await unless(interrupts.first, self._connected(held))
                incidents = await held.enter_async_context(desk(self.frame))
                await self._serve(temporal, incidents, interrupts)
        output.say("Stopped.")
        return 0

    async def _connected(self, held: contextlib.AsyncExitStack) -> Service:
        waiting = False
        while True:
            try:
                return await held.enter_async_context(service(self.frame, "started"))
            except ServiceUnavailable as error:
                if not waiting:
                    output.say(f"{error}; waiting for it.")
                waiting = True
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _serve(self, temporal: Service, incidents: "Desk", interrupts: Interrupts) -> None:
        from engine.serve.server import Serving, listen, serve
        from engine.serve.ways_in import in_words, ways_in

        project = self.frame.project
        ways = ways_in(os.environ, project.settings.config.get(SLACK, {}).get("url"))
        try:
            on = listen(self.host, self.port)
        except OSError as error:
            raise RunRefused(
                f"cannot listen on {self.host}, port {self.port}: {error.strerror or error}; "
                "choose another with --port"
            ) from None
        serving = Serving(
            client=temporal.client,
            runs=temporal.runs,
            desk=incidents,
            policy=lambda: _policy(project),
            ways=ways,
            incidents_per_minute=self.incidents_per_minute,
            say=output.say,
        )
        for line in in_words(ways, project.policy, _roles(project)):
            output.say(line)
        host, port = on.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if not ipaddress.ip_address(host).is_loopback:
            output.say("Reachable from other machines: put what ends TLS in front of it.")
        output.say(f"Ready: {address}")
        if self.frame.json:
            output.json_line(self.frame, {"url": address})
        with on:
            await serve(serving, on, interrupts.first)


def _policy(project: Project) -> Policy:
    """As it is now; as it was, while there is an error in it."""
    project.refresh()
    return project.policy


def _roles(project: Project) -> tuple[str, ...] | None:
    """Who may start the blueprint that alerts start; None where there is none without faults."""
    from engine.language.planner import compile_blueprint

    try:
        return compile_blueprint(project.catalog, INITIATE).roles
    except HarmonyError:
        return None
