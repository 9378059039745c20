"""The corpus in PyTorch: timm's, torchvision's and Hugging Face's networks, with random weights."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from resnet_export.live.packages import declare_torchvision_operators
from zoo import Member

RESNETS = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
    "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2",
)  # fmt: skip
OTHERS = ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "vgg16", "densenet121",
          "regnet_y_400mf", "regnet_x_400mf", "squeezenet1_1", "googlenet", "inception_v3", "mnasnet1_0", "alexnet",
          "shufflenet_v2_x1_0", "convnext_tiny")  # fmt: skip
SMALLEST = {"inception_v3": 96, "alexnet": 64, "squeezenet1_1": 32}
HUGGING_FACE: Mapping[str, Mapping[str, Any]] = {
    "basic": {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
    "bottleneck": {},
}
"""Name -> fields of its configuration; by itself it is a ResNet-50."""
SEED = 0


def members() -> Iterator[Member]:
    """Those whose packages are installed."""
    if importlib.util.find_spec("torchvision") is None:
        return
    declare_torchvision_operators()
    if importlib.util.find_spec("timm") is not None:
        import timm

        for name in timm.list_models(module="resnet"):
            yield Member("timm", name, functools.partial(_timm, name))
    for group, names in (("torchvision", RESNETS), ("torchvision-others", OTHERS)):
        for name in names:
            yield Member(group, name, functools.partial(_torchvision, name), SMALLEST.get(name, 32))
    if importlib.util.find_spec("transformers") is not None:
        for layer, options in HUGGING_FACE.items():
            yield Member("huggingface", f"resnet-{layer}", functools.partial(hugging_face, options))


def lively(model: Any) -> Any:
    """The model with batch norms as a training leaves them: a check would be blind to zeros and ones.

    gamma ~ Uniform(0.5, 1.5), beta ~ Normal(0, 0.2), mean ~ Normal(0, 0.3), variance ~ Uniform(0.5, 2).
    """
    import torch

    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for module in model.modules():
            if getattr(module, "running_var", None) is not None:
                module.running_mean.normal_(0.0, 0.3, generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm | torch.nn.GroupNorm) and module.affine:
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0.0, 0.2, generator=generator)
    return model.eval()


def _timm(name: str, size: int) -> Any:
    import timm
    import torch

    torch.manual_seed(SEED)
    return lively(timm.create_model(name, pretrained=False))


def _torchvision(name: str, size: int) -> Any:
    import torch
    import torchvision

    torch.manual_seed(SEED)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return lively(torchvision.models.get_model(name, weights=None, **options))


def hugging_face(options: Mapping[str, Any], size: int) -> Any:
    """Hugging Face's ResNet, with these fields of its configuration."""
    import torch
    from transformers.models.resnet.configuration_resnet import ResNetConfig
    from transformers.models.resnet.modeling_resnet import ResNetForImageClassification

    torch.manual_seed(SEED)
    return lively(ResNetForImageClassification(ResNetConfig(**options)))
