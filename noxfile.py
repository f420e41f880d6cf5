"""The tests on every Python that the classifiers name, and with the lowest versions that are allowed.

nox -s tests          3.10 to 3.13; one that this machine lacks is skipped
nox -s lowest         every `>=` of the package and its extras taken as `==`, on the lowest Python
nox -s lowest -- tests/taxonomy -x        what pytest is to run
"""

from __future__ import annotations

import re
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
#: Those of the classifiers: a newer Python is not kept from installing taxoloss, and is not run here.
PYTHONS = nox.project.python_versions(PROJECT)
EXTRAS = ("examples", "plot", "ray", "sources", "sweep")
#: Rooms whose tests are over in minutes.
FAST = (
    "taxonomy", "weighting", "sources", "plot", "functional", "heads", "metrics", "decisions", "evaluation",
    "cli",
)  # fmt: skip

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, with the newest of everything."""
    session.install("--upgrade", "pip>=25.1")
    session.install("-e", f".[{','.join(EXTRAS)}]", "--group", "test", "--group", "trees")
    session.run("pytest", "-q", "-n", "2", *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The fast tests, with the lowest versions that pyproject.toml allows."""
    bounds = Path(session.create_tmp()) / "lowest.txt"
    bounds.write_text("".join(f"{line}\n" for line in lowest_versions()), encoding="utf-8")
    session.install("--upgrade", "pip>=25.1")
    session.install("-e", f".[{','.join(EXTRAS)}]", "--group", "test", "--constraint", str(bounds))
    rooms = [f"tests/{room}" for room in FAST]
    # Old releases of others warn of what came after them.
    fast = ("-n", "2", "-m", "not slow", "--hypothesis-profile=fast")
    session.run("pytest", "-q", *fast, "-W", "default::DeprecationWarning", *(session.posargs or rooms))


def lowest_versions() -> list[str]:
    """Every requirement of the package and of its extras, its lower bound as the only version."""
    extras = PROJECT["project"]["optional-dependencies"]
    stated = [*PROJECT["project"]["dependencies"], *(line for lines in extras.values() for line in lines)]
    return [re.sub(r">=([\w.]+)(,[^;]*)?", r"==\1", line) for line in stated if "[" not in line]
