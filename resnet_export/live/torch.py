"""A live PyTorch module, unwrapped: eager, and left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.convert import Topology
from resnet_export.convert import torch as converter
from resnet_export.errors import InputError
from resnet_export.optional import require
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from torch import nn

CIFAR = 32
"""Pixels of a side of CIFAR's pictures."""
MANY_POOLS = 4
"""Poolings of a network for larger pictures: VGG has five behind a 3x3 convolution."""
EAGER = "Pass the eager torch.nn.Module from before it was {}; it has the same weights."


class TorchModel:
    """See `LiveModel`."""

    framework = "torch"

    def __init__(self, model: nn.Module) -> None:
        """Takes off what training scripts wrap around a module in any mode, type and memory format, on any device.

        Raises:
            InputError: it is a TorchScript or exported program, or a lazy module that never ran.
        """
        self.model = unwrapped(model)
        self.name = type(self.model).__name__

    def image(self) -> tuple[int | None, int | None, int | None]:
        """See `LiveModel.image`: of our own networks' specification, timm's configuration or the first convolution."""
        spec = getattr(self.model, "spec", None)
        if isinstance(spec, ResNetSpec):
            return spec.in_channels, spec.image_size, spec.image_size
        channels, height, width = self._timm.get("input_size", (None,) * 3)
        config = getattr(self.model, "config", None)  # Hugging Face's
        first = self._convolutions[0].in_channels if self._convolutions else None
        return getattr(config, "num_channels", None) or first or channels, height, width

    def usual_size(self) -> int | None:
        """See `LiveModel.usual_size`."""
        nn = require("torch").nn
        pools = [module for module in self.model.modules() if isinstance(module, nn.MaxPool2d | nn.AvgPool2d)]
        first = next(iter(self._convolutions), None)
        small = first is not None and max(first.kernel_size) <= 3 and max(first.stride) == 1 and len(pools) < MANY_POOLS
        return CIFAR if small else None

    def configuration(self) -> dict[str, Any]:
        """See `LiveModel.configuration`: timm's."""
        return {"timm": self._timm} if self._timm else {}

    def trace(self, image: tuple[int, int, int]) -> Topology:
        """See `LiveModel.trace`."""
        return converter.trace(self.model, image)

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """See `LiveModel.run`: on the model's device, in float32 whatever its own type is."""
        return self._outputs(self._plain, images.astype(np.float32, copy=False))

    def run_float64(self, images: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
        """See `LiveModel.run_float64`: None where the module can't be copied, or its code is not for float64."""
        try:
            double = converter.copied(self.model).cpu().double()
            outputs = self._outputs(double, images.astype(np.float64, copy=False))
        except Exception:  # whatever the user's code raises
            return None
        return outputs if all(output.dtype == np.float64 for output in outputs) else None

    def values(self, images: NDArray[np.float32], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `LiveModel.values`."""
        torch = require("torch")
        found: dict[str, NDArray[Any]] = {}

        def keep(name: str) -> Any:
            def hook(module: nn.Module, given: Any, output: Any) -> None:
                if isinstance(output, torch.Tensor) and output.is_floating_point():
                    found[name] = converter.as_array(output.clone())  # what is behind it may write into it

            return hook

        modules = dict(self._plain.named_modules())
        with contextlib.ExitStack() as stack:
            for name in modules.keys() & set(names):
                stack.callback(modules[name].register_forward_hook(keep(name)).remove)
            self.run(images)
        return found

    @cached_property
    def _plain(self) -> nn.Module:
        return converter.traceable(self.model)

    def _outputs(self, model: nn.Module, images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        torch = require("torch")
        given = torch.from_numpy(np.ascontiguousarray(images)).to(converter.device_of(model))
        with converter.evaluation(model):
            return tuple(converter.as_array(tensor) for tensor in converter.run(model, given).values())

    @cached_property
    def _convolutions(self) -> list[nn.Conv2d]:
        kind = require("torch").nn.Conv2d
        return [module for module in self.model.modules() if isinstance(module, kind)]

    @cached_property
    def _timm(self) -> dict[str, Any]:
        """The configuration of a timm model's pretrained weights; empty where it has none."""
        names = ("pretrained_cfg", "default_cfg")
        found = (getattr(module, name, None) for module in self.model.modules() for name in names)
        return next((one for one in found if isinstance(one, dict) and one.get("input_size")), {})


attach = TorchModel
"""See `live.of`."""


def unwrapped(model: Any) -> nn.Module:
    """The module inside DataParallel, DistributedDataParallel, AveragedModel and torch.compile, however they nest.

    Raises:
        InputError: it is a TorchScript or exported program, a lazy module that never ran, on the device meta, or
            quantised.
    """
    torch = require("torch")
    from torch.optim.swa_utils import AveragedModel

    wrappers = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel, AveragedModel)
    while True:
        if isinstance(model, wrappers):
            model = model.module
        elif "_orig_mod" in getattr(model, "_modules", {}):
            model = model._orig_mod
        else:
            break
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            "The model is a TorchScript program (torch.jit.script or torch.jit.trace), which has no Python forward.",
            hint=EAGER.format("scripted or traced"),
        )
    if isinstance(model, torch.export.ExportedProgram):
        raise InputError(
            "The model is a program of torch.export, which is no torch.nn.Module any more.",
            hint=EAGER.format("exported"),
        )
    module: nn.Module = model
    _refuse_unfit(module)
    return module


def _refuse_unfit(module: nn.Module) -> None:
    """Refuses a model that has no numbers yet, or no floating ones any more."""
    torch, name = require("torch"), type(module).__name__
    lazy = [name for name, tensor in module.named_parameters() if torch.nn.parameter.is_lazy(tensor)]
    if lazy:
        raise InputError(
            f"The parameter {lazy[0]!r} of the model {name} has no shape yet: its module is lazy.",
            hint="Call the model once on a batch of images, then load its weights and pass it.",
        )
    empty = [name for name, tensor in module.named_parameters() if tensor.is_meta]
    if empty:
        raise InputError(
            f"The parameter {empty[0]!r} of the model {name} has no numbers: it is on the device meta.",
            hint="Bring the model to a device with model.to_empty(device='cpu'), then load its weights and pass it.",
        )
    quantised = [name for name, one in module.named_modules() if type(one).__module__.startswith("torch.ao.")]
    if quantised:
        raise InputError(
            f"The module {quantised[0]!r} of the model {name} was quantised by PyTorch, or prepared for that.",
            hint="Pass the float model that it was made of, and quantize the file that is written: "
            "resnet-export quantize FILE --calibrate PHOTOS",
        )
