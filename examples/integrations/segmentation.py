"""A segmentation model whose pixels have a class and a kind: IoU at both, and pixels that stay unspecific.

python examples/integrations/segmentation.py [--steps 100]    needs segmentation-models-pytorch
"""

import argparse

import segmentation_models_pytorch as smp
import torch

import taxoloss

STREET = {
    "levels": ["kind", "class"],
    "tree": {"ground": ["grass", "road"], "object": ["car", "person"], "sky": ["clear", "cloud"]},
}
CLASSES = ["road", "car", "clear", "grass", "person", "cloud"]  # as the masks number them
COLOURS = torch.tensor(  # alike where the kind is one
    [[0.6, 0.5, 0.4], [0.9, 0.1, 0.2], [0.3, 0.5, 0.9], [0.5, 0.6, 0.4], [0.6, 0.2, 0.4], [0.4, 0.6, 0.9]]
)
VOID = 255  # no label: borders between objects


def scenes(number: int, side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 3, side, side) and masks (N, side, side), uint8 as a PNG has them; borders are void."""
    masks = torch.empty(number, side, side, dtype=torch.uint8)
    for mask in masks:
        horizon, left = torch.randint(8, side - 12, (2,)).tolist()
        sky, ground, thing = (pair[int(torch.randint(2, ()))] for pair in ([2, 5], [0, 3], [1, 4]))
        mask[:horizon], mask[horizon:] = sky, ground
        mask[horizon - 5 : horizon + 7, left - 1 : left + 11] = VOID
        mask[horizon - 4 : horizon + 6, left : left + 10] = thing
    clean = COLOURS[torch.where(masks == VOID, 0, masks).long()].permute(0, 3, 1, 2)
    return clean + 0.15 * torch.randn(number, 3, side, side), masks


def iou(counts: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each node; counts (nodes, nodes): rows are truths, columns answers."""
    both = counts.diagonal()
    return both / (counts.sum(0) + counts.sum(1) - both)


def main() -> None:
    """Trains a small U-Net, then prints what it scores on scenes that it has not seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    tree = taxoloss.load(STREET).bind(CLASSES)
    small = {"encoder_weights": None, "encoder_depth": 3, "decoder_channels": (32, 16, 16)}
    model = smp.Unet("mobilenet_v2", **small, classes=6).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=0.01, total_steps=steps)
    loss = taxoloss.TaxonomyLoss(tree, {"kind": 0.4, "class": 0.6}, ignore_index=VOID)
    for step in range(1, steps + 1):
        pictures, masks = scenes(8)
        cost = loss(model(pictures.to(memory_format=torch.channels_last)), masks)
        adam.zero_grad()
        cost.backward()
        adam.step()
        rate.step()
        if step % 25 == 0:
            print(f"step {step}  loss {cost:.3f}")

    model.eval()
    confusion = taxoloss.metrics.LevelConfusionMatrix(tree, ignore_index=VOID)
    with torch.no_grad():
        for _ in range(4):
            pictures, masks = scenes(8)
            confusion.update(logits := model(pictures), masks)
    for level, counts in confusion.compute().items():
        found = dict(zip(tree.nodes(level), iou(counts).tolist(), strict=True))
        print(level, *(f"{name} {share:.2f}" for name, share in found.items()), sep="  ")
    answers = taxoloss.decisions.climb(logits, tree, threshold=0.8)[masks != VOID]
    print(f"pixels answered by a class {(answers < len(tree)).float().mean():.0%}")


if __name__ == "__main__":
    main()
