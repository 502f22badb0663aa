"""The sandbox's page in a real browser: what it shows, what its buttons do, what it never runs."""

import asyncio
import hashlib
import hmac
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from engine.sandbox.server import Sandbox, running
from engine.sandbox.settings import Settings
from tests.http_servers import serving
from tests.vendors.program import Program, program

CHROMIUM = shutil.which("chromium")
LIMIT_MS = 30_000
HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("HARMONY_REQUIRE_CHROMIUM") != "1",
    reason="there is no chromium to look with: install Debian's package chromium",
)


class App:
    """Somebody's app: it takes clicks and keeps them."""

    def __init__(self) -> None:
        self.taken: SimpleQueue[tuple[dict[str, str], bytes]] = SimpleQueue()
        app = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                app.taken.put(({k.lower(): v for k, v in self.headers.items()}, raw))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/slack/interactions"

    @contextmanager
    def running(self) -> Iterator["App"]:
        """Until the block ends."""
        with serving(self._server):
            yield self


@pytest.fixture
def app() -> Iterator[App]:
    with App().running() as found:
        yield found


@pytest.fixture
def sandbox(app: App) -> Iterator[Sandbox]:
    with running(Settings(interactions=app.url)) as found:
        yield found


@asynccontextmanager
async def looked_at(url: str) -> AsyncIterator[Page]:
    """The page, in a browser that is closed afterwards; a fault in its script fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await browser.new_page()
            page.set_default_timeout(LIMIT_MS)
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            await page.goto(url)
            yield page
            assert faults == []
        finally:
            await browser.close()


def ready(sandbox: Sandbox, capability: str) -> Program:
    """A capability pointed at the sandbox."""
    wiring = sandbox.wiring.document()
    cold = program(capability, {}, {})
    keys = cold.contract["schemas"]["secrets"]["properties"]
    names = {key: about["x-env"] for key, about in keys.items()}
    held = {key: wiring["variables"][name] for key, name in names.items()}
    name = f"golden.{capability.replace('/', '.')}"
    return Program(cold.folder, cold.contract, wiring["config"][name], held)


async def call(ready: Program, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await asyncio.to_thread(lambda: ready.call(given, **more))


async def test_a_click_is_sent_signed(sandbox: Sandbox, app: App) -> None:
    slack = ready(sandbox, "integrations/slack-interactive")
    made = await call(slack, {"operation": "create-channel", "name": "inc-2026-0001"})
    gate = {
        "path": "approve", "digest": "0" * 64, "ask": f"Restart {HOSTILE}?",
        "approvers": ["incident-approver"], "deadline": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    ask = {"operation": "request-approval", "channel": made["channel"], "gate": gate}
    async with looked_at(f"{sandbox.url}/?as=U0BOB00001") as page:
        asked = await call(slack, ask)
        # The page follows by itself.
        await expect(page.get_by_text("Restart <script>")).to_be_visible(timeout=LIMIT_MS)
        assert await page.title() == "Harmony sandbox"
        await expect(page.locator("#slack")).to_contain_text("Answer by2030-01-01 00:00 UTC")
        await page.get_by_role("button", name="Approve", exact=True).click()
        headers, raw = await asyncio.to_thread(app.taken.get, True, 30)
        await expect(page.locator("#said")).to_contain_text("answered 200", timeout=LIMIT_MS)
        secret = sandbox.settings.keys.slack_signing_secret.encode()
        signed = b"v0:" + headers["x-slack-request-timestamp"].encode() + b":" + raw
        digest = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        assert headers["x-slack-signature"] == f"v0={digest}"
        payload = json.loads(parse_qs(raw.decode())["payload"][0])
        assert payload["user"]["id"] == "U0BOB00001"
        assert payload["actions"][0]["action_id"] == "approval_approve"
        assert payload["message"]["ts"] == asked["ts"]
        assert json.loads(payload["actions"][0]["value"])["gate"] == "approve"
        await page.get_by_label("Act as").select_option("carol")
        await page.wait_for_url("**as=U0CAROL001*")
        await page.get_by_role("button", name="Reject", exact=True).click()
        _, raw = await asyncio.to_thread(app.taken.get, True, 30)
        rejected = json.loads(parse_qs(raw.decode())["payload"][0])
        assert rejected["user"]["id"] == "U0CAROL001"
        assert rejected["actions"][0]["action_id"] == "approval_reject"
        closed = {**gate, "event": "closed", "state": "timed_out", "notice": asked}
        await call(slack, {**ask, "gate": closed})
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(
            0, timeout=LIMIT_MS
        )


async def test_what_vendors_hold_is_shown_and_nothing_of_it_runs(sandbox: Sandbox) -> None:
    slack = ready(sandbox, "integrations/slack-interactive")
    status = ready(sandbox, "connectors/statuspage")
    pager = ready(sandbox, "connectors/pagerduty")
    wiki = ready(sandbox, "connectors/confluence")
    made = await call(slack, {"operation": "create-channel", "name": "inc-2026-0001"})
    post = {"operation": "post-message", "channel": made["channel"], "title": HOSTILE}
    await call(
        slack,
        {
            **post,
            "text": f"{HOSTILE} <https://evil.example|bank>",
            "fields": {HOSTILE[:50]: HOSTILE},
        },
    )
    create = {"operation": "create-incident", "incidentId": "INC-2026-0001"}
    await call(status, {**create, "name": f"Slow {HOSTILE}", "body": HOSTILE})
    part = {"componentId": "component-api", "componentStatus": "partial_outage"}
    await call(status, {"operation": "update-component", **part})
    paged = await call(pager, {**create, "title": f"Paged {HOSTILE}", "details": HOSTILE})
    note = {"operation": "add-note", "pagerdutyIncidentId": paged["incident"]["id"]}
    await call(pager, {**note, "note": HOSTILE})
    raw = "<p>By hand</p><script>document.title='run'</script>"
    written = await call(
        wiki,
        {"operation": "create-page", "title": f"Page {HOSTILE}", "storage": raw, "labels": ["p1"]},
    )
    async with looked_at(sandbox.url) as page:
        for part_of_page, text in (
            ("#slack", "#inc-2026-0001"), ("#slack", HOSTILE), ("#statuspage", "Slow <script>"),
            ("#statuspage", "api: partial outage"), ("#pagerduty", "Paged <script>"),
            ("#confluence", "Page <script>"), ("#confluence", "p1"),
        ):  # fmt: skip
            await expect(page.locator(part_of_page)).to_contain_text(text, timeout=LIMIT_MS)
        assert await page.locator("[data-live] script, [data-live] img").count() == 0
        link = page.locator("a[href*='evil.example']")
        assert await link.all_inner_texts() == ["https://evil.example"]
        assert await page.title() == "Harmony sandbox"
        await page.get_by_role("link", name="Page <script>").click()
        await expect(page.get_by_text("By hand")).to_be_visible(timeout=LIMIT_MS)
        assert page.url == written["page"]["url"]
        assert (await page.title()).startswith("Page <script>")


async def test_an_incident_is_triggered_and_a_vendor_fails_from_the_page(sandbox: Sandbox) -> None:
    async with looked_at(sandbox.url) as page:
        await page.get_by_label("Title").fill("Checkout is down")
        await page.get_by_role("button", name="Trigger an incident").click()
        shown = page.locator("#pagerduty")
        await expect(shown).to_contain_text("Checkout is down", timeout=LIMIT_MS)
        await page.get_by_label("Vendor").select_option("statuspage")
        await page.locator("#mode").select_option("broken")
        await page.get_by_role("button", name="Set").click()
        failures = page.locator("#failures")
        await expect(failures).to_contain_text("statuspage: broken", timeout=LIMIT_MS)
        url = f"{sandbox.url}/statuspage/v1/pages/sandboxpage1/incidents"
        answer = await asyncio.to_thread(httpx.get, url, trust_env=False)
        assert answer.status_code == 503
        asked = page.locator("#asked")
        await expect(asked).to_contain_text("sandboxpage1/incidents: 503, broken")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 403), ({"Origin": "https://evil.example"}, 403), ({}, 200)],
)
def test_another_site_cannot_use_the_page(
    sandbox: Sandbox, headers: dict[str, str], status: int
) -> None:
    answer = httpx.post(
        f"{sandbox.url}/sandbox/pagerduty/trigger", headers=headers, json={}, trust_env=False
    )
    assert answer.status_code == status
