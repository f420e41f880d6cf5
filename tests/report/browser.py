"""A browser that opens pages from disk, and keeps what they complain of, ask for and save."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

__all__ = ["Opened", "browser", "opened"]


@dataclass
class Opened:
    """A page that is open, with what was noted of it.

    Args:
        page: what playwright drives.
        said: what the page wrote to the console, its errors and its dialogs.
        asked: addresses that the page requested, its own left out.
    """

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that a selector finds."""
        return self.page.locator(selector).all_inner_texts()

    def saved(self, selector: str, folder: Path) -> Path:
        """Clicks what a selector finds, and returns the file that is saved."""
        with self.page.expect_download() as waiting:
            self.page.locator(selector).click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def quiet(self) -> None:
        """Fails where the page complained, opened a dialog or asked for anything."""
        assert self.said == []
        assert self.asked == []


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium as it is installed; skips the test where it or playwright is not."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def opened(
    running: Browser,
    path: Path,
    width: int = 1440,
    height: int = 900,
    colours: Literal["light", "dark"] = "light",
    fragment: str = "",
) -> Iterator[Opened]:
    """A page that stands on disk, in a window of its own.

    Args:
        running: the browser.
        path: of the page.
        width: of the window, in pixels.
        height: of the window, in pixels.
        colours: what the reader prefers.
        fragment: where in the page, without the sign.
    """
    context = running.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours, accept_downloads=True
    )
    page = context.new_page()
    seen = Opened(page)
    address = path.resolve().as_uri()
    page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: _dismiss(seen, dialog))
    page.on("request", lambda request: _note(seen, request.url, address))
    page.goto(address + (f"#{fragment}" if fragment else ""))
    yield seen
    context.close()


def _dismiss(seen: Opened, dialog: Dialog) -> None:
    """Keeps what a dialog says, and closes it."""
    seen.said.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _note(seen: Opened, url: str, address: str) -> None:
    """Keeps a request that is not for the page itself, nor for what stands in it."""
    if not url.startswith((address, "data:", "blob:")):
        seen.asked.append(url)
