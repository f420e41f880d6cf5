"""A document as one self-contained page: nothing is loaded, and nothing that data says can run.

The page's policy (Content-Security-Policy) allows no request at all, and of scripts only those whose hashes
it names: text of a file that found its way into markup could not run. Data stands in the page as JSON in
which no `<` occurs, so that no name can end the element around it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from taxoloss.errors.packages import package
from taxoloss.report.charts import charts
from taxoloss.report.vendored import licences, texts

__all__ = ["escaped_json", "policy", "render"]

#: In the order in which they run.
_SCRIPTS = (
    "base.js", "table.js", "chart.js", "specs.js", "frequent.js", "meanings.js", "first.js", "icicle.js",
    "tree.js", "panel.js", "folds.js", "confusion.js", "mistakes.js", "unsure.js", "advice.js",
    "calibration.js", "versus.js", "start.js",
)  # fmt: skip
_STYLES = ("report.css", "charts.css")


def escaped_json(value: Any) -> str:
    r"""JSON that stands as it is in a page: `<`, `>`, `&` and the separators U+2028, U+2029 are escaped.

    Raises:
        ValueError: a number is NaN or infinite.

    >>> print(escaped_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def policy(scripts: list[str]) -> str:
    """A policy that allows these scripts, styles of the page, and pictures in it; nothing else.

    >>> policy([]).split("; ")[:3]
    ["default-src 'none'", "script-src 'none'", "style-src 'unsafe-inline'"]
    """
    digests = (hashlib.sha256(text.encode("utf-8")).digest() for text in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)
    parts = {
        "default-src": "'none'",
        "script-src": allowed or "'none'",
        # Tables and charts set styles as they are drawn.
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def render(document: Mapping[str, Any]) -> str:
    """The page of a document, as HTML.

    Raises:
        ModuleNotFoundError: Jinja2 is not installed.
        ValueError: a number is NaN or infinite.
    """
    jinja2 = package("jinja2", "a report", "report")
    markup = package("markupsafe", "a report", "report").Markup
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, loader=jinja2.FunctionLoader(_own)
    )
    scripts = [*texts(".js"), *((name, _own(name)) for name in _SCRIPTS)]
    styles = [*texts(".css"), *((name, _own(name)) for name in _STYLES)]
    rendered: str = environment.get_template("page.html.jinja").render(
        title=document["title"],
        licences=licences(),
        policy=policy([text for _, text in scripts]),
        styles=[(name, markup(text)) for name, text in styles],
        scripts=[(name, markup(text)) for name, text in scripts],
        document=markup(escaped_json(_of_page(document))),
    )
    # Half a surrogate pair (of a file's name that is not UTF-8) cannot be written: JSON reads its escape.
    return rendered.encode("utf-8", "backslashreplace").decode("utf-8")


def _of_page(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it stands in a page: with how charts are drawn, and pairs as small numbers.

    Pairs come in the order of their truths, and most answers are near their truth: a truth stands as the
    step from the one before, an answer as its distance from its truth. Of 40,000 pairs half the bytes stay.
    """
    pairs = document["pairs"]
    truth = pairs["truth"]
    steps = [node - before for before, node in zip([0, *truth], truth, strict=False)]
    away = [answer - node for answer, node in zip(pairs["answer"], truth, strict=True)]
    kept = {name: value for name, value in pairs.items() if name not in ("truth", "answer")}
    return {
        **document,
        "pairs": {"truth_step": steps, "answer_from_truth": away, **kept},
        "charts": charts(),
    }


def _own(name: str) -> str:
    """A file of the page that is ours."""
    return files("taxoloss.report").joinpath("page").joinpath(name).read_text(encoding="utf-8")
