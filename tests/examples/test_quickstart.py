"""examples/quickstart.py: it runs as a user runs it, learns, and loads what it saved."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import torch

import taxoloss

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^(epoch \d|loaded ) +species ([\d.]+) +breed ([\d.]+)$", re.M)


def test_it_runs_and_loads_what_it_saved(tmp_path: Path) -> None:
    """The accuracies of the loaded model are those of the last epoch; the files say what they are of."""
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "quickstart.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = {name.strip(): (species, breed) for name, species, breed in LINE.findall(done.stdout)}
    assert list(found) == ["epoch 1", "epoch 2", "epoch 3", "loaded"]
    assert found["loaded"] == found["epoch 3"]
    species, breed = map(float, found["loaded"])
    assert 1 >= species > breed > 1 / 2
    saved = torch.load(tmp_path / "runs" / "quickstart" / "model.pt", weights_only=True)
    tree = taxoloss.Taxonomy.from_dict(saved["taxoloss"])
    assert tree.classes == ("pug", "Siamese", "Bengal")
    tree.check_state(saved)
