"""The site is built without a warning, has every public name, and opens in a browser without a fault."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import taxoloss
from taxoloss.cli import COMMANDS

ROOT = Path(__file__).parents[2]
#: Each module of taxoloss.integrations, and what it needs; one that changes torch is not imported here.
INTEGRATIONS = {
    "checkpoints": "safetensors",
    "fastai": "fastai",
    "lightning": "lightning",
    "onnx": "onnxruntime",
    "sklearn": "sklearn",
    "transformers": "transformers",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built as `make docs` builds it: a link that leads nowhere is an error."""
    for package in ("sphinx", "myst_parser", "pydata_sphinx_theme", *INTEGRATIONS.values()):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[integrations]' --group docs")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-E", "-q", "docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return out


def rows_with_numbers(page: str) -> set[str]:
    """The rows of the tables of a page that hold a number with a decimal point."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line.startswith("|") and re.search(r"\d\.\d", line)}


def test_the_tables_of_when_it_helps_are_of_the_experiments() -> None:
    """Each of its rows is one of docs/experiments.md, which `make experiments` writes."""
    rows = rows_with_numbers("concepts/when-it-helps.md")
    assert len(rows) > 10
    assert rows - rows_with_numbers("experiments.md") == set()


def documented(site: Path) -> set[str]:
    """The dotted names that the site has an entry of."""
    data = (site / "objects.inv").read_bytes()
    lines = zlib.decompress(data.split(b"\n", 4)[4]).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if " py:" in line}


def integration_names() -> Iterator[str]:
    """Of the modules of taxoloss.integrations, as their `__all__` has them."""
    for name in INTEGRATIONS:
        path = ROOT / "taxoloss" / "integrations" / name
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for line in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__all__":
                yield from (
                    f"taxoloss.integrations.{name}.{public}" for public in ast.literal_eval(line.value)
                )


def test_the_reference_has_every_public_name(site: Path) -> None:
    """Of taxoloss and its rooms, each once, and of the integrations, but for what taxoloss has itself."""
    found = documented(site)
    places: dict[int, set[str]] = {}
    for module in (taxoloss, *(getattr(taxoloss, name) for name in taxoloss.__all__)):
        for name in getattr(module, "__all__", ()) if isinstance(module, ModuleType) else ():
            value = getattr(module, name)
            if not isinstance(value, ModuleType):
                places.setdefault(id(value), set()).add(f"{module.__name__}.{name}")
    assert [names for names in places.values() if not names & found] == []
    short = {name: f"taxoloss.{name.rpartition('.')[2]}" for name in integration_names()}
    assert [name for name in short if not {name, short[name]} & found] == []


def test_the_reference_has_every_member_of_a_taxonomy(site: Path) -> None:
    """Methods and properties, also those of its bases; none that begins with _."""
    public = {f"taxoloss.Taxonomy.{name}" for name in dir(taxoloss.Taxonomy) if not name.startswith("_")}
    assert len(public) > 40
    assert public - documented(site) == set()


def test_the_reference_has_every_command(site: Path) -> None:
    """With the first sentence of its help."""
    page = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        assert f"<h2>{name}<a" in page
        assert (command.__doc__ or "").partition(".")[0].partition(":")[0] in page


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, as on a host of its own."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page as wide as a phone's, and what goes wrong on it as `page.faults`."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.faults = []
    page.on(
        "console", lambda message: message.type in ("error", "warning") and page.faults.append(message.text)
    )
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda request: _outside(request.url, address) and page.faults.append(request.url))
    page.on("requestfailed", lambda request: _lost(request) and page.faults.append(request.url))
    yield page
    page.close()


def _outside(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def _lost(request: Any) -> bool:
    """Not if the page was left while its icon was still on its way."""
    return request.failure != "net::ERR_ABORTED"


def test_every_page_opens_on_a_phone(site: Path, address: str, page: Any) -> None:
    """No error on the console, no request to elsewhere, nothing to scroll sideways, light and dark."""
    pages = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    wide = []
    for number, path in enumerate(path for path in pages if not path.startswith("_static/")):
        page.emulate_media(color_scheme=("light", "dark")[number % 2])
        page.goto(address + path)
        if page.evaluate("document.documentElement.scrollWidth") > 360:
            wide.append(path)
    assert (wide, page.faults) == ([], [])


@pytest.mark.parametrize(("scheme", "shade"), [("light", "255"), ("dark", "2")])
def test_the_pages_follow_the_scheme(address: str, page: Any, scheme: str, shade: str) -> None:
    """What the system prefers, until somebody chooses."""
    page.emulate_media(color_scheme=scheme)
    page.goto(address + "start.html")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("getComputedStyle(document.body).backgroundColor").startswith(f"rgb({shade}")


def test_the_search_finds(address: str, page: Any) -> None:
    """A word of a page and a name of the reference, without a server that searches."""
    for words, found in {"ragged": "missing-ranks", "climb": "decisions"}.items():
        page.goto(f"{address}search.html?q={words}")
        page.wait_for_selector("#search-results li a")
        links = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
        assert any(found in link for link in links)
    assert page.faults == []
