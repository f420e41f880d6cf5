"""A net of skorch with a loss over a tree, and a search over the weights of its levels.

python examples/integrations/skorch_net.py [ROWS]
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochScoring

import taxoloss
from taxoloss import TaxonomyLoss, weighting
from taxoloss.integrations.sklearn import scorer

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TREE = taxoloss.load(
    {
        "levels": ["shape", "digit"],
        "tree": {
            "round": ["zero", "six", "eight", "nine"],
            "straight": ["one", "four", "seven"],
            "open": ["two", "three", "five"],
        },
    }
).bind(NAMES)  # the order of the numbers in y


def main(rows: int) -> None:
    """Trains one net, then searches."""
    pixels, y = load_digits(return_X_y=True)
    x, y = (pixels[:rows] / 16).astype(np.float32), y[:rows].astype(np.int64)
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=64,
        module__out_features=len(TREE),
        criterion=TaxonomyLoss,
        criterion__taxonomy=TREE,
        lr=0.5,
        max_epochs=5,
        callbacks=[
            ("shape", EpochScoring(scorer("accuracy/shape", TREE), name="shape", lower_is_better=False))
        ],
    ).fit(x, y)
    print("probabilities sum to", float(net.predict_proba(x[:1]).sum().round(4)))

    grid = {
        "criterion__level_weights": [
            {"shape": 0.0, "digit": 1.0},
            {"shape": 0.5, "digit": 0.5},
            weighting.hxe(0.3),
        ]
    }
    net.set_params(verbose=0, callbacks__shape=None)
    scoring = {"shape": scorer("accuracy/shape", TREE), "distance": scorer("distance", TREE)}
    search = GridSearchCV(net, grid, scoring=scoring, refit="distance", cv=3).fit(x, y)
    for weights, shape, distance in zip(
        search.cv_results_["param_criterion__level_weights"],
        search.cv_results_["mean_test_shape"],
        search.cv_results_["mean_test_distance"],
        strict=True,
    ):
        print(f"{weights!s:32} shape {shape:.3f}  distance {-distance:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)
