"""Pages are written for GitHub too: fences that name a file, and links out of docs/, are changed here."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

__all__ = ["setup"]

_FENCE = re.compile(r"^```(\w+) (\S+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((\.\.?/[^)#\s]*)(#[^)]*)?\)")
#: The lexers of files that blocks write; other files are text.
_LANGUAGES = {".json": "json", ".yaml": "yaml", ".py": "python"}


def _captioned(fence: re.Match[str]) -> str:
    """A block with what stands beside its language as its caption: a file's name, "wrong" or "right"."""
    language, caption = fence.groups()
    if language == "file":
        language = _LANGUAGES.get(Path(caption).suffix, "text")
    elif caption == "wrong" and language == "yaml":
        language = "text"  # what is no YAML has no colours
    return f"```{{code-block}} {language}\n:caption: {caption}\n"


def _inside(page: Path, docs: Path, link: re.Match[str]) -> str:
    """The link; the text alone where it leaves docs/ for a folder, which a site cannot show."""
    text, target, _ = link.groups()
    there = (page.parent / target).resolve()
    if not there.exists():
        raise FileNotFoundError(f"{page}: {target} is not there")
    return text if there.is_dir() and docs not in there.parents else link[0]


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    page, docs = Path(app.env.doc2path(name)), Path(app.srcdir)
    if page.suffix == ".md":
        text = _FENCE.sub(_captioned, source[0])
        source[0] = _LINK.sub(lambda link: _inside(page, docs, link), text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
