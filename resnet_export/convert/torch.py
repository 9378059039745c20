"""PyTorch -> raw ONNX topology, through `torch.onnx.export(dynamo=True)`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from resnet_export.convert import TRACED_OPSET
from resnet_export.errors import InputError
from resnet_export.optional import require

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import nn

    from resnet_export.spec import ResNetSpec


def to_onnx(model: nn.Module, spec: ResNetSpec) -> ir.Model:
    """Traces `model` in evaluation mode; it is left in the mode in which it was.

    Args:
        model: float32, on any device, from (N, in_channels, image_size, image_size) to logits.
        spec: gives the shape of the image.

    Raises:
        InputError: the model is not float32.
        MissingDependencyError: torch or onnxscript is not installed, or onnxscript is a release known to be wrong.
    """
    torch = require("torch")
    optimizer = require("onnxscript.optimizer")
    example = next(model.parameters())
    if example.dtype != torch.float32:
        raise InputError(f"The torch model is {example.dtype}.", hint="Pass model.float(); its weights widen exactly.")

    # 2 images: torch would take a batch of 1 for a constant.
    image = torch.zeros(2, spec.in_channels, spec.image_size, spec.image_size, device=example.device)
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with warnings.catch_warnings():
            # torch's own use of what it has deprecated itself
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            program = torch.onnx.export(
                model,
                (image,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=TRACED_OPSET,
                optimize=False,
                verbose=False,
            )
    finally:
        for module, mode in training.items():
            module.training = mode

    raw: ir.Model = program.model
    graph = raw.graph
    graph.inputs[0].name = "input"
    for name in [name for name in spec.parameters if name in graph.initializers]:
        parameter = graph.initializers.pop(name)
        parameter.const_value = None
        graph.inputs.append(parameter)
    # The arithmetic on shapes that torch writes out; no parameter has a number here that could be folded.
    optimizer.fold_constants(raw, onnx_shape_inference=False)
    return raw
