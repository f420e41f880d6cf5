"""What a refusal offers to choose from: every option is another one, and chooses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from offers import example_texts, offers_of

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

EXAMPLES = list(example_texts(Path(__file__).parent))
_PARTS = 8


def wrong_offers(path: Path) -> list[str]:
    """What is wrong with what a refusal of this file offers."""
    try:
        sources.read(path)
        return []
    except TaxonomyError as error:
        fault = error.faults[0]
    except ImportError:
        return []
    if fault.code != "T122":
        return []
    offers = offers_of(fault)
    counts = Counter(offer.option for offer in offers)
    wrong = [f"twice: {option}" for option, count in counts.items() if count > 1]
    for offer in offers:
        try:
            found = sources.read(path, **offer.options)
        except TaxonomyError as error:
            wrong.append(f"{error.faults[0].code} from {offer.option}: {error.faults[0].message}")
        except (ValueError, TypeError) as error:
            wrong.append(f"{offer.option}: {error}")
        else:
            example = offer.shown.partition(", e.g. ")[2].partition("; not used")[0]
            if example.split(" / ") != list(found.example):
                wrong.append(f"{offer.option}: {example} is shown, {' / '.join(found.example)} is read")
    return wrong


@pytest.mark.parametrize("part", range(_PARTS))
def test_each_option_that_is_offered_chooses_its_reading(part: int, tmp_path: Path) -> None:
    """Of all texts in these tests: no two options are the same, and each reads what is shown."""
    found = {}
    for name, text in EXAMPLES[part::_PARTS]:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        if wrong := wrong_offers(path):
            found[text] = wrong
    assert found == {}
