"""PyTorch -> raw ONNX topology, through `torch.onnx.export(dynamo=True)`."""

from __future__ import annotations

import ast
import contextlib
import copy
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from resnet_export.convert import TRACED_OPSET, Topology
from resnet_export.convert.outputs import ALONE, named_outputs
from resnet_export.convert.remarks import does_not_run, quiet, reason
from resnet_export.errors import InputError
from resnet_export.graph.access import LAYERS
from resnet_export.optional import require

if TYPE_CHECKING:
    import onnx_ir as ir
    import torch
    from torch import nn


BATCH = 2
"""Images of the example: torch would take a batch of 1 for a constant."""

SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch notes on a node the modules that it is traced from."""

WRAPPED = "model."
"""What the names of parameters begin with where the model stands in a wrapper."""


def trace(model: nn.Module, image: tuple[int, int, int]) -> Topology:
    """Traces an eager module, in any floating type and on any device, in evaluation mode; it is left as it was.

    The image is (channels, height, width).

    Raises:
        InputError: it doesn't run on such images, or can't be traced.
        MissingDependencyError: torch or onnxscript is not installed, or onnxscript is a release known to be wrong.
    """
    torch = require("torch")
    optimizer = require("onnxscript.optimizer")
    plain = traceable(model)
    example = torch.zeros(BATCH, *image, dtype=torch.float32, device=device_of(model))
    with evaluation(plain):
        outputs = tuple(run(plain, example))
        traced = plain if outputs == (ALONE,) else _flat(plain)
        with quiet():
            raw = _exported(traced, example, type(model).__name__)
    tensors = named_tensors(model)
    wrapper = "" if traced is plain else WRAPPED
    names = _as_inputs(raw, tensors, wrapper)
    for node in raw.graph:  # torch writes the names of the modules that it is traced from, and the operation's last
        *scopes, _ = ast.literal_eval(node.metadata_props.get(SCOPES, "['']"))
        modules = [scope.removeprefix(wrapper) for scope in scopes if scope and scope != wrapper.rstrip(".")]
        node.metadata_props[LAYERS] = "\n".join(modules)
    # The arithmetic on shapes that torch writes out; no parameter has a number here that could be folded.
    optimizer.fold_constants(raw, onnx_shape_inference=False)
    return Topology(raw, {name: as_array(tensors[name]) for name in names}, outputs)


def traceable(model: nn.Module) -> nn.Module:
    """The model itself where it is float32 and contiguous, else a copy that is.

    Raises:
        InputError: it can't be copied.
    """
    torch = require("torch")
    tensors = named_tensors(model).values()
    if all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in tensors):
        return model
    try:
        duplicate = copied(model)
    except Exception as error:  # whatever the attributes of the user's modules raise
        raise InputError(
            f"The model {type(model).__name__} can't be copied, which its type or memory format makes necessary: "
            f"{reason(error)}.",
            hint="Pass model.float().to(memory_format=torch.contiguous_format); its weights widen exactly.",
        ) from error
    # Of a model in channels_last, the flattening would be traced as a gather.
    plain: nn.Module = duplicate.float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return plain


def copied(model: nn.Module) -> nn.Module:
    """A deep copy. Tensors that a weight norm's hook computed, which torch refuses to copy, lose their history."""
    torch = require("torch")
    attributes = (value for module in model.modules() for value in vars(module).values())
    computed = {id(t): t.detach().clone() for t in attributes if isinstance(t, torch.Tensor) and not t.is_leaf}
    return copy.deepcopy(model, computed)


def named_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """The floating parameters and buffers, those that a state_dict leaves out included."""
    tensors = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers(remove_duplicate=False))
    return {name: tensor.detach() for name, tensor in tensors.items() if tensor.is_floating_point()}


def as_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Its numbers, widened to float32 at least."""
    torch = require("torch")
    tensor = tensor.detach().cpu()
    wide = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    array: NDArray[Any] = wide.contiguous().numpy()
    return array


def device_of(model: nn.Module) -> torch.device:
    """The device of its first parameter or buffer."""
    tensor = next((tensor for group in (model.parameters(), model.buffers()) for tensor in group), None)
    device: torch.device = require("torch").device("cpu") if tensor is None else tensor.device
    return device


@contextlib.contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Every module in evaluation mode, without gradients and without `torch.compile`; afterwards each as it was."""
    torch = require("torch")
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for module, mode in training.items():
            module.training = mode


def run(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """The floating tensors that the model gives, by name.

    Raises:
        InputError: it doesn't run on such images, or gives no floating tensor.
    """
    try:
        given = model(images)
    except Exception as error:  # whatever the user's own code raises
        raise does_not_run(model, images.shape[1:], error, "forward", alone=len(images) == 1) from error
    found = _floating(given)
    if not found:
        raise InputError(
            f"The model {type(model).__name__} gives no floating tensor, but an object of type {type(given).__name__}.",
            hint="Pass the module whose forward returns the logits.",
        )
    return found


def _floating(given: Any) -> dict[str, Any]:
    """The floating tensors in what a model gave, by name."""
    torch = require("torch")
    return named_outputs(given, lambda value: isinstance(value, torch.Tensor) and value.is_floating_point())


def _flat(model: nn.Module) -> nn.Module:
    """A module that gives the floating tensors of `model` alone, in a tuple."""
    torch = require("torch")

    class Flat(torch.nn.Module):  # type: ignore[misc, name-defined] # mypy can't see the module behind `require`
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Any) -> Any:
            return tuple(_floating(self.model(images)).values())

    flat: nn.Module = Flat().eval()
    return flat


def _exported(model: nn.Module, example: torch.Tensor, name: str) -> ir.Model:
    torch = require("torch")
    try:
        with _contiguous_pools():
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=TRACED_OPSET,
                optimize=False,
                verbose=False,
            )
    except Exception as error:  # torch's own, and whatever its tracer meets in the user's code
        cause = error.__cause__ or error
        raise InputError(
            f"PyTorch can't trace the model {name}: {reason(cause)}.", hint=_way_out(model, cause)
        ) from error
    raw: ir.Model = program.model
    return raw


def _way_out(model: nn.Module, error: BaseException) -> str:
    """What to do about a model that can't be traced."""
    torch = require("torch")
    programs = [name for name, module in model.named_modules() if isinstance(module, torch.jit.ScriptModule)]
    if programs and "Script" in str(error):
        return f"Its module {programs[0]!r} is a TorchScript program: make it an eager torch.nn.Module."
    operation = re.search(r"Error when translating node .*?target=torch\.ops\.(aten\.\w+)", str(error), re.DOTALL)
    if operation:
        return f"PyTorch's converter can't write {operation[1]} in this way: use other operations in the forward."
    return (
        "Its forward must be the same calculation for every image and every number of images: take out "
        "branches on the values of tensors, .item() and conversions to NumPy."
    )


def _contiguous_pools() -> contextlib.AbstractContextManager[Any]:
    """While it is entered, adaptive pools copy what is permuted, as in ConvNeXt: they would be traced as gathers."""
    torch = require("torch")

    class Contiguous(torch.overrides.TorchFunctionMode):  # type: ignore[misc, name-defined]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.nn.functional.adaptive_avg_pool2d and args:
                args = (args[0].contiguous(), *args[1:])
            return function(*args, **(kwargs or {}))

    mode: contextlib.AbstractContextManager[Any] = Contiguous()
    return mode


def _as_inputs(raw: ir.Model, tensors: dict[str, torch.Tensor], prefix: str) -> list[str]:
    """Makes the parameters inputs of the graph, under the model's own names, which are returned."""
    graph, names = raw.graph, []
    graph.inputs[0].name = "input"
    for found in [found for found in graph.initializers if found.removeprefix(prefix) in tensors]:
        parameter = graph.initializers.pop(found)
        parameter.const_value = None
        parameter.name = found.removeprefix(prefix)
        graph.inputs.append(parameter)
        names.append(parameter.name)
    return names
