"""`taxoloss report` on 100,000 rows of 1,000 classes, and the page of 10,000 classes in a browser.

python -m benchmarks.scripts.report [ROWS]

Seconds and peak memory of the process; the bytes of the page; in Chromium, where it is installed, the
milliseconds until the page is drawn, and until a click on a branch of the tree, of the confusion matrix and
the next step of the slider are drawn (medians of five).
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.suite.trees import irregular_rows
from taxoloss import Taxonomy

#: Classes and levels of the two trees.
SPEED, PAGE = (1_000, 3), (10_000, 4)

_DRAWN = """() => new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""


def write(folder: Path, rows: int, classes: int, levels: int) -> list[str]:
    """A tree and logits that are right in two rows of three or so; the arguments of a command."""
    taxonomy = Taxonomy.from_paths(irregular_rows(classes, levels))
    taxonomy.save(folder / "tree.yaml")
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (rows, classes)).astype(np.float32)
    targets = rng.integers(0, classes, rows)
    # Siblings of the truth stand side by side: they are taken for it more often than others.
    for shift, more in ((0, 7.0), (1, 4.5), (-1, 4.0)):
        logits[np.arange(rows), (targets + shift) % classes] += more
    np.savez(folder / "a.npz", logits=logits, targets=targets, classes=np.array(taxonomy.classes))
    return ["report", str(folder / "tree.yaml"), str(folder / "a.npz"), "-o", str(folder / "report.html")]


def run(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of the command, in a process of its own."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "taxoloss", *arguments], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def opened(page: Any, path: Path) -> float:
    """Milliseconds from the start of the navigation until the page is drawn."""
    page.goto(path.as_uri(), wait_until="load")
    return float(page.evaluate(_DRAWN))


def acted(page: Any, section: str, selector: str, key: str | None) -> float:
    """Milliseconds from a click (or a key) on an element of a section until what follows is drawn."""
    page.evaluate("id => report.reveal(id, true)", section)
    page.wait_for_timeout(700)  # until the section itself is drawn
    element = page.locator(f"#{section} {selector}").first
    element.scroll_into_view_if_needed()
    if key is not None:
        element.focus()
    start = float(page.evaluate(_DRAWN))
    if key is None:
        element.click()
    else:
        page.keyboard.press(key)
    return float(page.evaluate(_DRAWN)) - start


def in_browser(path: Path) -> dict[str, float]:
    """Milliseconds of opening, and of clicks: medians of five."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(5):
            page = browser.new_page()
            found.setdefault("open", []).append(opened(page, path))
            for name, act in ACTS.items():
                found.setdefault(name, []).append(acted(page, *act))
            page.close()
        browser.close()
    return {name: median(values) for name, values in found.items()}


#: What is done: the section, the element, and the key that is pressed there; None: it is clicked.
ACTS: dict[str, tuple[str, str, str | None]] = {
    "unfold in the tree": ("tree", "[aria-label='folded']", None),
    "choose a node": ("tree", ".tabulator-row:nth-child(3) .tabulator-cell", None),
    "unfold in the confusion": ("confusion", ":is(.head-row, .strip-row) button", None),
    "other shares": ("confusion", ".choices button:nth-of-type(2)", None),
    "move the slider": ("unsure", "input[type=range]", "ArrowRight"),
}


def main(rows: int) -> None:
    """Both trees."""
    with tempfile.TemporaryDirectory() as name:
        for (classes, levels), count in ((SPEED, rows), (PAGE, rows // 5)):
            folder = Path(name, str(classes))
            folder.mkdir()
            seconds, memory = run(write(folder, count, classes, levels))
            page = folder / "report.html"
            size = page.stat().st_size
            print(f"{count:,} rows, {classes:,} classes, {levels} levels: {seconds:.1f} s, ", end="")
            print(f"peak {memory:,.0f} MB, page {size:,} bytes", flush=True)
            if shutil.which("chromium") is not None:
                print("  " + ", ".join(f"{k} {v:.0f} ms" for k, v in in_browser(page).items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
