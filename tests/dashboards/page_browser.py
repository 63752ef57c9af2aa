"""Chromium on the built page, for tests."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from dashboards.controlroom import build_page

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DEADLINE_S = 60.0  # software rendering on a shared machine


def chromium_path() -> str:
    """Path of Chromium; without it the test is skipped by name, and fails in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        _absent("chromium is not on this machine")
        raise AssertionError
    return found


def built_page() -> None:
    """Makes sure that the page of the present sources is built."""
    try:
        build_page.build()
    except build_page.BuildError as error:
        _absent(f"the page can't be built: {error}")


def _absent(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Look:
    """An open page, and everything that went wrong on it."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("request", lambda request: self._request(request.url))

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "GPU stall" not in text:
            self.faults.append(f"console {kind}: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin + "/", "blob:", "data:")):
            self.faults.append(f"request to {url}")

    async def ask(self, expression: str) -> Any:
        """Value of an expression on the page."""
        return await self.page.evaluate(expression)

    async def until(self, expression: str) -> None:
        """Wait for an expression to hold. Polled from here: the page's policy forbids ``eval``."""
        async with asyncio.timeout(DEADLINE_S):
            while not await self.ask(expression):
                await asyncio.sleep(0.05)

    async def open(self) -> None:
        """Load the page and wait until the map shows containers."""
        await self.page.goto(self.origin + "/")
        await self.until("window.sealtrail !== undefined && window.sealtrail.mapIdle")
        await self.until("window.sealtrail.renderedContainers() > 0")


@asynccontextmanager
async def browser_page(origin: str, **context: Any) -> AsyncIterator[Look]:
    """A fresh Chromium with an empty profile at 1366x768."""
    path = chromium_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            options = {"viewport": {"width": 1366, "height": 768}, "reduced_motion": "reduce", **context}
            page = await (await browser.new_context(**options)).new_page()
            page.set_default_timeout(DEADLINE_S * 1_000)
            look = Look(page, origin)
            look.watch()
            yield look
        finally:
            await browser.close()
