"""The pictures of reports that the README and docs/report.md show, taken in Chromium.

make demo && python -m benchmarks.scripts.pictures

docs/report.png is the head of the demo's page, runs/icd10cm/report.html; those in docs/report/ are parts of
the report that docs/report.md makes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taxoloss.taxonomy.file.atomic import write_whole

DOCS = Path(__file__).parents[2] / "docs"
DEMO = Path("runs/icd10cm/report.html")
#: Pixels of the window.
WIDTH, HEIGHT = 1200, 860


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A page in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(path.resolve().as_uri())
        yield page
        browser.close()


def taken(page: Any, name: str, selector: str, height: int) -> None:
    """Writes a picture of an element, cut below a height."""
    element = page.locator(selector).first
    element.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    page.evaluate("window.scrollTo(0, 0)")
    box = element.bounding_box()
    clip = {**box, "height": min(box["height"], height)}
    write_whole(DOCS / name, page.screenshot(full_page=True, clip=clip))


def example(folder: Path) -> Path:
    """The report of docs/report.md, from its first two blocks of Python."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "report.md").read_text(encoding="utf-8"), re.S)
    code = "\n".join(blocks[:2])
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    return folder / "report.html"


def main(demo: Path) -> None:
    """All of them."""
    with opened(demo) as page:
        page.wait_for_timeout(1000)
        write_whole(DOCS / "report.png", page.screenshot())
    (DOCS / "report").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, opened(example(Path(name))) as page:
        taken(page, "report/first.png", "#first", 640)
        taken(page, "report/tree.png", "#tree", 760)
        page.locator("#confusion").scroll_into_view_if_needed()
        page.wait_for_timeout(1000)
        taken(page, "report/confusion.png", "#confusion", 1100)
        taken(page, "report/unsure.png", "#unsure", 560)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO)
