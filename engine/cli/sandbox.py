"""`harmony sandbox`: one local server that plays the vendors, to try and to rehearse."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from engine.cli import output
from engine.cli.frame import Frame, harmony_command
from engine.cli.interrupts import Interrupts
from engine.errors import ServiceUnavailable

if TYPE_CHECKING:
    from engine.sandbox.settings import Settings

_PORT = 8650
_ASK_SECONDS = 10.0


@harmony_command("sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="0 finds a free one.",
)
@click.option("--interactions", metavar="URL", help="Where Slack's clicks are posted to.")
@click.option("--webhooks", metavar="URL", help="Where PagerDuty's webhooks are posted to.")
@click.option(
    "--fail",
    "failures",
    metavar="VENDOR=MODE[:N]",
    multiple=True,
    help="slow, limited, broken, down or lost, from the start, for N requests or until changed.",
)
@click.option(
    "--slow-seconds",
    type=click.FloatRange(0, 600),
    default=5.0,
    show_default=True,
    help="What slow means.",
)
@click.option(
    "--export",
    is_flag=True,
    help="Print the variables of the sandbox that runs on --port, to eval.",
)
def command(
    frame: Frame,
    port: int,
    interactions: str | None,
    webhooks: str | None,
    failures: tuple[str, ...],
    slow_seconds: float,
    export: bool,  # noqa: FBT001
) -> int:
    """Play Slack, Statuspage, PagerDuty and Confluence on 127.0.0.1 until told to stop."""
    if export:
        return _export(frame, port)
    from engine.sandbox.failures import FailureUnknown, parsed
    from engine.sandbox.settings import Settings

    for name, url in (("--interactions", interactions), ("--webhooks", webhooks)):
        if url is not None and not url.startswith(("http://", "https://")):
            raise click.UsageError(f"{name} needs a URL with http:// or https://, not '{url}'")
    try:
        for text in failures:
            parsed(text)
    except FailureUnknown as error:
        raise click.UsageError(f"--fail: {error}") from None
    settings = Settings(port, interactions, webhooks, slow_seconds, failures=failures)
    return asyncio.run(_serve(frame, settings))


async def _serve(frame: Frame, settings: "Settings") -> int:
    from engine.sandbox.server import running

    interrupts = Interrupts()
    with running(settings) as sandbox:
        wiring = sandbox.wiring.document()
        if frame.json:
            output.document(frame, wiring)
        else:
            _tell(wiring)
        await interrupts.first.wait()
    output.say("Stopped; what was in it is gone.")
    return 0


def _tell(wiring: dict[str, Any]) -> None:
    import yaml

    output.say(f"The sandbox is at {wiring['url']}/ - stop it with Ctrl-C. Use with it:")
    for line in _exports(wiring):
        output.result(line)
    config = yaml.safe_dump({"config": wiring["config"]}, sort_keys=False)
    output.say(f"\nIn harmony.yaml:\n{config}")
    ids = ", ".join(f"{name} {slack}" for name, slack in wiring["people"].items())
    output.say(f"In policy.yaml, `slack:` of each: {ids}")


def _exports(wiring: dict[str, Any]) -> list[str]:
    import shlex

    return [f"export {name}={shlex.quote(value)}" for name, value in wiring["variables"].items()]


def _export(frame: Frame, port: int) -> int:
    """Ask the sandbox that runs on this port how it is used."""
    import httpx

    url = f"http://127.0.0.1:{port}"
    try:
        answer = httpx.get(f"{url}/sandbox/wiring", timeout=_ASK_SECONDS, trust_env=False)
        wiring = answer.raise_for_status().json()
        lines = _exports(wiring)
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        raise ServiceUnavailable(
            f"no sandbox answers at {url}: start one with `harmony sandbox --port {port}`"
        ) from None
    if frame.json:
        output.document(frame, wiring)
    for line in () if frame.json else lines:
        output.result(line)
    return 0
