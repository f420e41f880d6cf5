"""The scripts of others: as they were published, with their licences, and small."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import taxoloss
from taxoloss.report.vendored import Vendored, texts, vendored

FOLDER = Path(taxoloss.__file__).parent / "report" / "page" / "vendor"
#: What all scripts and styles of others may weigh.
MOST = 1_400_000


@pytest.mark.parametrize("script", vendored(), ids=lambda script: script.file)
def test_a_file_is_as_it_was_published(script: Vendored) -> None:
    """Its checksum is the one that is written down; a banner, where it has one, names the version."""
    held = (FOLDER / script.file).read_bytes()
    assert hashlib.sha256(held).hexdigest() == script.sha256
    banner = held[:200].decode("utf-8").splitlines()[0]
    if banner.startswith("/*"):
        assert f"v{script.version} " in banner


@pytest.mark.parametrize(
    ("name", "said"), [("vega", 'version="{}"'), ("vega-lite", '"{}"'), ("vega-embed", '"{}"')]
)
def test_a_script_without_a_banner_says_its_version_in_its_code(name: str, said: str) -> None:
    """Written as a text, as the package's own `version` gives it."""
    (script,) = (script for script in vendored() if script.name == name)
    assert said.format(script.version) in (FOLDER / script.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("script", vendored(), ids=lambda script: script.file)
def test_its_licence_stands_beside_it(script: Vendored) -> None:
    """With the words of the licence that is named, and what was built into it has its own."""
    words = {
        "MIT": "Permission is hereby granted, free of charge",
        "BSD-3-Clause": "Redistributions of source code",
    }
    licence = (FOLDER / script.licence_file).read_text(encoding="utf-8")
    assert "Copyright" in licence
    assert words[script.licence] in licence
    assert script.address.startswith("https://github.com/")
    if script.notices is not None:
        assert "Copyright" in (FOLDER / script.notices).read_text(encoding="utf-8")


def test_there_is_no_file_without_an_entry() -> None:
    """Every file of the folder is a script, a licence of one, or the table itself."""
    named = {
        name for script in vendored() for name in (script.file, script.licence_file, script.notices) if name
    }
    held = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert held == {*named, "vendored.json"}


def test_all_are_small_enough() -> None:
    """Scripts and styles together, in bytes."""
    assert sum((FOLDER / script.file).stat().st_size for script in vendored()) <= MOST


def test_none_can_end_the_element_it_stands_in() -> None:
    """No mark that a page reads as markup, and no carriage return, which it would change."""
    for name, text in [*texts(".js"), *texts(".css")]:
        for mark in ("</script", "</style", "<!--", "\r"):
            assert mark not in text.lower(), name


def test_styles_load_nothing() -> None:
    """The page's policy would refuse it, with a message on the console."""
    for name, text in texts(".css"):
        assert "url(" not in text, name
        assert "@import" not in text, name
