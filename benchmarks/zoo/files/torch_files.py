"""Files that `torch.onnx.export` writes: of torchvision's and timm's networks, by both of its exporters."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.live.packages import declare_torchvision_operators
from zoo import in_torch
from zoo.files import File, Own

SIZE = 64
"""Pixels of a side of the images."""
SIZES = {"inception_v3": 96, "alexnet": 224}
"""Of networks that take no images of that size."""
SCRIPTED = {
    "torchvision": {
        "resnet18": 11, "mobilenet_v2": 11, "squeezenet1_1": 11, "resnet50": 12, "regnet_x_400mf": 12,
        "efficientnet_b0": 13, "inception_v3": 13, "mobilenet_v3_small": 14, "mnasnet0_75": 14, "densenet121": 15,
        "regnet_y_400mf": 16, "shufflenet_v2_x1_0": 16, "googlenet": 17, "swin_t": 17, "mnasnet1_0": 18,
        "convnext_tiny": 18, "alexnet": 19, "mobilenet_v3_large": 20,
    },
    "timm": {
        "resnet10t": 11, "repvgg_a0": 12, "ghostnet_100": 13, "tinynet_e": 15, "vit_tiny_patch16_224": 17,
        "mobilenetv4_conv_small": 18, "seresnext26t_32x4d": 20,
    },
}  # fmt: skip
"""Package -> network -> opset of its file by the TorchScript exporter."""
DYNAMO = {
    "torchvision": {
        "resnet34": 18, "shufflenet_v2_x0_5": 18, "mobilenet_v3_large": 19, "efficientnet_b0": 20, "convnext_tiny": 20,
    },
    "timm": {"resnet18d": 18, "mobilevit_xxs": 19, "fastvit_t8": 20, "efficientvit_b0": 18},
}  # fmt: skip
"""The same by the dynamo exporter."""
SIZED = ("vit_tiny_patch16_224",)
"""timm's networks that are made for one size."""


def files() -> Iterator[File]:
    """Those of the TorchScript exporter, then those of the dynamo one."""
    for dynamo, table in ((False, SCRIPTED), (True, DYNAMO)):
        kind = "dynamo" if dynamo else "TorchScript"
        for package, networks in table.items():
            for name, opset in networks.items():
                write = functools.partial(_written, package, name, opset, dynamo)
                yield File(
                    f"{package}/{name}-{kind.lower()}-{opset}", package, f"torch.onnx.export, {kind}",
                    (package, "torch"), write,
                )  # fmt: skip


def _written(package: str, name: str, opset: int, dynamo: bool, path: Path) -> Own:
    return export(model_of(package, name), path, opset, dynamo, SIZES.get(name, SIZE))


def model_of(package: str, name: str) -> Any:
    """A network with random weights, and batch norms as a training leaves them."""
    import torch

    declare_torchvision_operators()
    torch.manual_seed(in_torch.SEED)
    if package == "torchvision":
        return awake(in_torch._torchvision(name, SIZE))
    import timm

    size = {"img_size": SIZE} if name in SIZED else {}
    return awake(in_torch.lively(timm.create_model(name, pretrained=False, **size)))


def awake(model: Any) -> Any:
    """The model with branches that reach its end.

    Frameworks draw depthwise convolutions smaller than others, by the square root of the channels, and scale ConvNeXt's
    branches by 1e-6: no mistake in the middle of the network could be seen in the outputs.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.groups == module.in_channels > 1:
            torch.nn.init.kaiming_normal_(module.weight, mode="fan_in")
    for name, parameter in model.named_parameters():
        if name.endswith(".layer_scale"):
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return model


def export(model: Any, path: Path, opset: int, dynamo: bool = False, size: int = SIZE) -> Own:
    """Writes a file for any number of images."""
    import torch

    example = torch.zeros(2, 3, size, size, dtype=next(model.parameters()).dtype)
    batch: dict[str, Any] = {"dynamic_axes": {"input": {0: "batch"}, "output": {0: "batch"}}}
    if dynamo:
        batch = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    names = {"input_names": ["input"], "output_names": ["output"]}
    with quiet():
        torch.onnx.export(
            model, (example,), path, opset_version=opset, dynamo=dynamo, external_data=False, **names, **batch
        )

    def own(images: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            return np.asarray(model(torch.from_numpy(images)))

    return own


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps an exporter's chatter from the terminal."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
