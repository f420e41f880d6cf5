"""Files that are plainly something else: each is refused as what it is, with what would help."""

from __future__ import annotations

import re
from pathlib import Path

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Options, listed, refuse, source_text, text_without_entities

__all__ = ["binary_refusal", "code_refusal", "other_xml", "rdf_text", "text_refusal", "xml_root"]

#: First bytes, what they show, and what to do.
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", "an old Office file (.xls, .doc)", "save the sheet as CSV or .xlsx"),
    (b"\x1f\x8b", "a file packed by gzip", "unpack it first: gunzip FILE"),
    (b"BZh", "a file packed by bzip2", "unpack it first: bunzip2 FILE"),
    (b"\xfd7zXZ", "a file packed by xz", "unpack it first: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd", "unpack it first: unzstd FILE"),
    (b"7z\xbc\xaf", "a file packed by 7-Zip", "unpack it first"),
    (b"Rar!", "a file packed by RAR", "unpack it first"),
    (b"%PDF", "a PDF", "copy its table into a CSV file"),
    (b"SQLite format 3", "an SQLite database", "write the table of classes as CSV"),
    (b"\x89PNG", "an image (PNG)", "give the folder of the images, or a table"),
    (b"\xff\xd8\xff", "an image (JPEG)", "give the folder of the images, or a table"),
    (b"\x93NUMPY", "an array of numpy", "write the names of the classes as text"),
    (b"\x89HDF", "an HDF5 file", "write the names of the classes as text"),
)
#: What is in a zip, by the name of a file in it.
_PACKED = (
    ("word/document.xml", "a Word document", "copy its table into a CSV file"),
    ("ppt/presentation.xml", "a presentation", "copy its table into a CSV file"),
    ("xl/workbook.bin", "an Excel workbook (.xlsb)", "save the sheet as CSV or .xlsx"),
    ("content.xml", "an OpenDocument file (.ods, .odt)", "save the sheet as CSV"),
    ("data.pkl", "a checkpoint of torch", "give a list of its class names"),
)
_TAG = re.compile(r"<([A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*)([\s/>])")
_BEFORE = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[.*?\])*>)", re.DOTALL)


_CODE_HELP = "write its classes as text: a class and its parent, or paths, one a line"
#: How a text that is code or markup starts, what it is in words, and what to do.
_CODE = (
    (r"\s*(strict\s+)?(di)?graph\b[^{\n]*\{", "a Graphviz file", _CODE_HELP),
    (r"\s*(graph|flowchart)\s+(TD|TB|BT|LR|RL)\b", "a Mermaid diagram", _CODE_HELP),
    (r"\s*(mindmap|classDiagram|stateDiagram(-v2)?|erDiagram)\s*\n", "a Mermaid diagram", _CODE_HELP),
    (r"\s*@start(uml|mindmap|wbs)\b", "a PlantUML diagram", _CODE_HELP),
    (
        r"\s*(import\s+\w+(\s+as\s+\w+)?\s*\n|from\s+[\w.]+\s+import\s|def\s+\w+\()",
        "Python code",
        _CODE_HELP,
    ),
    (
        r"(?i:\s*(CREATE\s+TABLE|INSERT\s+INTO|SELECT\s.*\sFROM|DROP\s+TABLE)\b)",
        "SQL",
        "write the table as CSV",
    ),
    (r"\s*\w+\s*\{[ \t]*\n", "text with braces, as protocol buffers have it", _CODE_HELP),
    (r"\s*\\(documentclass|begin|usepackage)\b", "LaTeX", _CODE_HELP),
)
#: A line that gives a name a list or a mapping of quoted texts, or the start of one.
_ASSIGNED = re.compile(
    r"^[ \t]*(?:export\s+|const\s+|let\s+|var\s+)*[\w.$\"']+(?::[ \t]*[\w\[\], ]+)?[ \t]*(?:=|<-)[ \t]*"
    r"(?:\w*\(|[\[{])[ \t]*(?:[\"'][^\n]*|[\[{]?(?:#|//)?[ \t]*)$",
    re.MULTILINE,
)


def code_refusal(file: str, text: str) -> FormError | None:
    """The error of a text that is code or markup; None of lists and tables."""
    for pattern, what, help in _CODE:
        if (match := re.match(pattern, text)) is not None:
            line = 1 + text[: len(text) - len(text.lstrip())].count("\n")
            return refuse(file, f"this is {what}", line=line, help=help)
    settings = _settings(text)
    if settings is not None:
        help = "write each class below its group with spaces before it, or as a path: group/class"
        return refuse(file, "this is a file of settings (INI or TOML)", line=settings, help=help)
    if (match := _ASSIGNED.search(text)) is not None:
        help = "write the value alone, as JSON: from its first bracket to its last"
        line = 1 + text[: match.end() - len(match[0].lstrip())].count("\n")
        return refuse(file, "this is code, or TOML, that gives a name a value", line=line, help=help)
    return None


def _settings(text: str) -> int | None:
    """The line of the first key of a file of [sections] of which all lines are `key = value`."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and line[0] not in "#;"]
    keys = [number for number, line in lines if re.fullmatch(r"[\w.\"' -]+\s*=.*", line)]
    sections = sum(bool(re.fullmatch(r"\[{1,2}[^\[\]]+\]{1,2}", line)) for _, line in lines)
    return keys[0] if sections and keys and len(keys) + sections == len(lines) else None


def binary_refusal(path: Path, head: bytes, packed: frozenset[str]) -> FormError | None:
    """The error of a file that is no text, and none of the kinds that are read; None of others."""
    for start, what, help in _MAGIC:
        if head.startswith(start):
            return refuse(str(path), f"this is {what}", help=help)
    if not head.startswith(b"PK\x03\x04"):
        return None
    if not packed:
        return refuse(str(path), "this is a zip file that is cut off, or broken", help="get it again")
    names = {Path(name).name: name for name in sorted(packed)}
    for name, what, help in _PACKED:
        if name in packed or (name in names and "/" not in name):
            return refuse(str(path), f"this is {what}", help=help)
    message = f"this is a zip file that is no archive of taxa: it holds {listed(sorted(packed))}"
    return refuse(str(path), message, help="unpack it, and give the file or the folder")


def xml_root(text: str) -> tuple[str, str] | None:
    """The prefix and the name of the root element; None where a text is no XML.

    >>> xml_root('<?xml version="1.0"?><!-- a --><rdf:RDF xmlns:rdf="x"/>')
    ('rdf', 'RDF')
    >>> xml_root("<unk>\\ncat\\ndog") is None
    True
    """
    at, shown = 0, False
    while match := _BEFORE.match(text, at):
        at, shown = match.end(), True
    tag = _TAG.match(text, at + len(text[at:]) - len(text[at:].lstrip()))
    if tag is None:
        return None
    whole = f"{tag[1] or ''}{tag[2]}"
    closed = f"</{whole}" in text or text[tag.start() : text.find(">", tag.start()) + 1].endswith("/>")
    # A list of tokens may start with <unk> or <s>: it has no attributes, and does not end with a tag.
    closed = closed and text.rstrip().endswith(">")
    attributes = re.match(r"\s+[\w:.\-]+\s*=", text[tag.end() - 1 :])
    return ((tag[1] or "").rstrip(":"), tag[2]) if shown or closed or attributes else None


def other_xml(text: str) -> str | None:
    """The root element of XML that is none of the kinds that are read; None of others."""
    root = xml_root(text)
    if root is None or root[1].casefold() in ("rdf", "graphml") or "<graphml" in text:
        return None
    return ":".join(filter(None, root))


def text_refusal(path: Path, text: str) -> FormError | None:
    """The error of a text that is XML of another kind, HTML or NEXUS; None of others."""
    if text.lstrip()[:6].casefold() == "#nexus":
        help = "write the tree after the = of its line `tree ... = (...);` into a .nwk file"
        return refuse(str(path), "this is NEXUS, not Newick", help=help)
    root = other_xml(text)
    if root is None and not re.match(r"\s*<!doctype html", text, re.IGNORECASE):
        return None
    if root is None or root.casefold() == "html":
        return refuse(str(path), "this is a web page (HTML)", help="copy its table or list into a CSV file")
    message = f"this is XML of another kind, with the root element {quoted(root)}"
    line = text[: text.index(f"<{root}")].count("\n") + 1
    expected = "SKOS or OWL in RDF/XML, or GraphML"
    help = "write its classes as a table: a class and its parent, or paths"
    return refuse(str(path), message, line=line, expected=expected, help=help)


def rdf_text(path: Path, options: Options) -> str:
    """The text of a file that may be XML; FormError where that is XML of another kind, or has entities."""
    if refused := text_refusal(path, source_text(path, options.limits)):
        raise refused
    return text_without_entities(path, options)
