"""The option that chooses columns: what an error prints is pasted, and reads what it showed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from readings import refusal_of

from taxoloss.sources.name_lists import columns_option, names_of_option

_TABLES = {
    "bins": '"a, b",colour\ncat,red\ndog,red\noak,green\n',
    "ranks": '"kind, wide",order,"say ""fam""",species\nw,A,Fa,x\nw,A,Fa,y\nd,B,Ga,z\n',
    "names": '"names, all",values\ncat,red\ndog,red\noak,green\ncat,green\n',
}


@pytest.mark.parametrize("text", _TABLES.values(), ids=_TABLES.keys())
def test_options_with_commas_in_names_can_be_pasted(text: str, tmp_path: Path) -> None:
    """Each of the readings that T122 shows is what its option reads."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    for line in (fault.help or "").splitlines()[1:]:
        shown, _, option = line.rpartition(" (--kind ")
        done = run("init", str(tmp_path / "a.csv"), "-o", str(tmp_path / "t.json"), "--force", "--json",
                   *shlex.split("--kind " + option.removesuffix(")")))  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert shown.strip().startswith(f"{found['kind']}: {found['how']}")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", categories=["L", "P", "S", "Nd"]), min_size=1), min_size=1
    )
)
def test_the_option_says_its_names(names: list[str]) -> None:
    """Through a shell and back."""
    flag, value = shlex.split(columns_option(names))
    assert (flag, names_of_option(value)) == ("--columns", names)


def test_a_name_that_is_cut_at_its_comma_is_told(tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, _TABLES["bins"], "a.csv", columns=["a", "b", "colour"]).faults
    assert "--columns '\"a, b\"'" in (fault.help or "")


def test_quotes_that_do_not_pair_are_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(_TABLES["bins"])
    for option in ("--columns", "--ranks"):
        done = run("init", str(path), option, '"a, b,colour')
        assert done.returncode == 2
        assert "quotes" in done.stderr
