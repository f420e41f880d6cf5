"""A model and its tree in one ONNX file: exported, read back in onnxruntime, another order refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import nn

import taxoloss
from taxoloss.integrations.onnx import load_onnx

pets = taxoloss.load("pets")
t = pets.bind(sorted(pets.classes, key=lambda name: str(name).lower()))


def main() -> None:
    """Synthetic features; the calibrated threshold travels in the file."""
    torch.manual_seed(0)
    truth = torch.arange(37).repeat(30)
    features = torch.eye(37)[truth] + 0.5 * torch.randn(1110, 37)
    model = nn.Linear(37, 37)
    optimizer, loss = torch.optim.Adam(model.parameters(), 0.05), taxoloss.TaxonomyLoss(t)
    for _ in range(100):
        optimizer.zero_grad()
        loss(model(features[::2]), truth[::2]).backward()
        optimizer.step()
    model.eval()
    held_out = model(features[1::2]).detach()
    threshold = taxoloss.decisions.calibrate_threshold(held_out, truth[1::2], t, risk=0.1)

    file = Path(tempfile.mkdtemp()) / "pets.onnx"
    taxoloss.export_onnx(model, t, file, torch.randn(2, 37), threshold=threshold)
    deployed = load_onnx(file, t)
    print(deployed.decision)
    new = torch.eye(37)[[0, 5]] + 0.5 * torch.randn(2, 37)
    log_probs, answer = deployed(new)
    for row, node in enumerate(deployed.taxonomy.describe(answer)):
        print(row, "/".join(node.path) or "the root")
    wanted = taxoloss.heads.TaxonomyOutput(t)(model(new))
    close = [torch.allclose(torch.tensor(log_probs[k]), wanted[k], atol=1e-5) for k in t.levels]
    print("equal to torch:", all(close))
    try:
        load_onnx(file, pets.bind())
    except ValueError as error:
        print(error)


if __name__ == "__main__":
    main()
