"""A forest that says no more than it knows: handwritten digits, and the shapes that they share.

python examples/integrations/scikit_learn.py [ROWS]
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

import taxoloss
from taxoloss import decisions
from taxoloss.integrations.sklearn import TaxonomyClassifier, scorer

TREE = taxoloss.load(
    {
        "levels": ["shape", "digit"],
        "tree": {
            "round": ["zero", "six", "eight", "nine"],
            "straight": ["one", "four", "seven"],
            "open": ["two", "three", "five"],
        },
    }
)
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def main(rows: int) -> None:
    """Fits, answers, scores and searches."""
    pixels, number = load_digits(return_X_y=True)
    x, y = pixels[:rows], np.array(NAMES)[number[:rows]]
    x, x_new, y, y_new = train_test_split(x, y, test_size=0.5, random_state=0, stratify=y)
    forest = RandomForestClassifier(30, max_depth=6, random_state=0)

    # Labels are names: their order in y, in the forest and in the tree may differ.
    model = TaxonomyClassifier(forest, TREE, decision="climb:0.6").fit(x, y)
    print("truth  ", y_new[:6].tolist())
    print("answers", model.predict(x_new)[:6].tolist())
    for name, value in model.scores(x_new, y_new).items():
        print(f"  {name:28} {value:.3f}")

    # A threshold with a promise, from rows that the forest has not seen.
    t, half = model.taxonomy_, len(x_new) // 2
    p = model.predict_proba(x_new[:half])  # its columns are model.classes_, not t.classes
    columns = [model.classes_.tolist().index(name) for name in t.classes]
    threshold = decisions.calibrate_threshold(
        p[:, columns], t.node_ids(y_new[:half]), t, risk=0.1, probabilities=True
    )
    print(threshold)

    # Any classifier is scored by the tree; a decision is a setting like any other.
    print("distance", cross_val_score(forest, x, y, cv=3, scoring=scorer("distance", TREE)).round(3))
    grid = {"decision": ["leaf", "minimum_cost", partial(decisions.hedge, tradeoff=0.1)]}
    search = GridSearchCV(model, grid, scoring=scorer("distance"), cv=3).fit(x, y)
    print("the least distance by", search.best_params_["decision"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)
