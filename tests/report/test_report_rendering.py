"""The page of a document: what data says stays data, and nothing can be loaded."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxoloss.report.rendering import escaped_json, policy

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028\u2029 ]]>"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_stands_as_it_is_in_a_page(value: object) -> None:
    """It is read back as it was, and holds nothing that markup or a script would see."""
    text = escaped_json({"value": value, HOSTILE: HOSTILE})
    assert json.loads(text) == {"value": value, HOSTILE: HOSTILE}
    assert not set("<>&\u2028\u2029") & set(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_has_not(number: float) -> None:
    """It is an error, not a page that no browser can read."""
    with pytest.raises(ValueError, match="JSON"):
        escaped_json({"number": number})


def test_the_policy_names_each_script_by_its_hash() -> None:
    """And allows no other source of anything, nor `eval`."""
    scripts = ["let a = 1;", "let ü = 2;"]
    said = policy(scripts)
    for text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in said
    assert said.startswith("default-src 'none';")
    assert "unsafe-eval" not in said
    assert not re.search(r"https?:|\*|'self'", said)
    assert re.search(r"script-src ([^;]*)", said)[1].count("sha256") == 2  # type: ignore[index]
