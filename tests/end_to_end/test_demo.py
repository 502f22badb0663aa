"""`make demo` at a terminal: one P1 incident, with a click in the sandbox's page by a browser."""

import asyncio
import os
import pty
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = shutil.which("chromium")
LIMIT = 150.0
"""Seconds for each part of the demo, on a machine that others use too."""
GATE = "30s"


class Watched:
    """What the demo draws at its terminal."""

    def __init__(self, master: int) -> None:
        self.drawn = ""
        self._master = master
        self._wrote = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # its other end is closed
            data = b""
        if not data:
            self.close()
        self.drawn += data.decode(errors="replace")
        self._wrote.set()

    def close(self) -> None:
        """Look no more."""
        asyncio.get_running_loop().remove_reader(self._master)

    async def said(self, pattern: str) -> str:
        """Wait for text like this; its first group."""
        async with asyncio.timeout(LIMIT):
            while (found := re.search(pattern, self.drawn)) is None:
                assert "The demo stopped" not in self.drawn, self.drawn
                self._wrote.clear()
                await self._wrote.wait()
        return found.group(1)

    def type(self, text: str) -> None:
        """As somebody at the terminal."""
        os.write(self._master, text.encode())


@asynccontextmanager
async def browser_page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


@pytest.mark.timeout(400)
@pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("HARMONY_REQUIRE_CHROMIUM") != "1",
    reason="there is no chromium to click with: install Debian's package chromium",
)
async def test_an_incident_from_pagerduty_to_its_post_mortem(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tools.demo", "--gate", GATE, "--runner", "process",
        cwd=ROOT, env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "1"},
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    demo = Watched(master)
    try:
        async with browser_page() as page:
            await page.goto(await demo.said(r"The vendors' page: (\S+as=U0CAROL001)"))
            await demo.said(r"(You are carol now)")
            approve = page.get_by_role("button", name="Approve")
            await expect(approve).to_be_visible(timeout=10_000)
            await approve.click(timeout=10_000)
            await demo.said(r"(Approved by carol, from slack; escalated before)")
            await expect(page.locator("#slack")).to_contain_text("Approved by carol")
            await demo.said(r"(INC-\d{4}-\d{4}): \d+ events, as they were written")
            written = await demo.said(r"The post-mortem: (\S+)")
            await page.goto(written)
            await expect(page.locator("body")).to_contain_text("Post-mortem INC-")
        demo.type("\n")
        async with asyncio.timeout(LIMIT):
            assert await process.wait() == 0, demo.drawn
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        demo.close()
        os.close(master)
    assert "gate.escalated" in demo.drawn
    assert "PostMortem → Closed" in demo.drawn
    assert "of 6 files 2 are left" in demo.drawn
