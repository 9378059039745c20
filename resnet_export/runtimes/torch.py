"""PyTorch, eager or compiled: a live module, or a canonical file in this package's definition."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.errors import UnavailableError
from resnet_export.optional import installed, require
from resnet_export.runtimes.canonical_file import weights_of
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.session import BaseSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import nn

    from resnet_export.spec import ResNetSpec


COMPILERS = ("g++", "clang++", "c++", "cl")


class TorchSession(BaseSession):
    """A module in evaluation mode; it is left in the mode in which it was."""

    name = "torch"
    takes_file_input = False
    shows_values = True

    def __init__(self, model: nn.Module, spec: ResNetSpec, *, own: bool = False, compiled: bool = False) -> None:
        self._torch = require("torch")
        self._model = model.eval() if own else model
        self._own = own
        self._spec = spec
        self._forward_of: Callable[..., Any] = self._torch.compile(model, dynamic=False) if compiled else model

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, num_classes) of normalised images (N, C, H, W)."""
        with self._evaluation():
            return self._array(self._forward(images))

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The outputs of the modules that stand for `names`; a convolution's is that of its batch norm."""
        found: dict[str, NDArray[Any]] = {}

        def keep(name: str) -> Callable[..., None]:
            return lambda module, inputs, output: found.__setitem__(name, self._array(output).copy())

        modules = dict(self._model.named_modules())
        with self._evaluation(), contextlib.ExitStack() as hooks:
            for step in self._spec.steps:
                module = modules.get(step.norm or step.name)
                if step.name in names and module is not None:
                    hooks.callback(module.register_forward_hook(keep(step.name)).remove)
            logits = self._model(self._tensor(images))
        if "fc" in names:
            found["fc"] = self._array(logits)
        return found

    def _forward(self, images: NDArray[Any]) -> torch.Tensor:
        logits: torch.Tensor = self._forward_of(self._tensor(images))
        return logits

    def _tensor(self, images: NDArray[Any]) -> torch.Tensor:
        device = next(self._model.parameters()).device
        tensor: torch.Tensor = self._torch.from_numpy(np.ascontiguousarray(images)).to(device)
        return tensor

    @contextlib.contextmanager
    def _evaluation(self) -> Iterator[None]:
        # To ask a hundred modules takes as long as a convolution; nobody else changes the mode of our own.
        training = {} if self._own else {module: module.training for module in self._model.modules()}
        if training:
            self._model.eval()
        try:
            with self._torch.inference_mode():
                yield
        finally:
            for module, mode in training.items():
                module.training = mode

    @staticmethod
    def _array(tensor: torch.Tensor) -> NDArray[Any]:
        array: NDArray[Any] = tensor.detach().float().cpu().numpy()
        return array


def attach(model: nn.Module, spec: ResNetSpec) -> TorchSession:
    """A session of a live model."""
    return TorchSession(model, spec)


@dataclass(frozen=True)
class TorchRuntime:
    """This package's PyTorch definition with the numbers of a canonical file."""

    compiled: bool = False
    """Through `torch.compile`, once for each shape."""
    options: type[CpuOptions] = CpuOptions

    def check(self) -> str:
        """See `Runtime.check`."""
        found = installed("torch")
        if self.compiled and not any(map(shutil.which, COMPILERS)):
            raise UnavailableError(
                "torch.compile needs a C++ compiler, and there is none.", hint="Install one (Debian: g++)."
            )
        return found

    def open(self, path: Path, options: CpuOptions) -> TorchSession:
        """See `Runtime.open`."""
        self.check()
        torch = require("torch")
        from resnet_export.models.torch import build, load

        if options.threads is not None:
            torch.set_num_threads(options.threads)
        weights = weights_of(path)
        model = build(weights.spec)
        load(model, weights)
        return TorchSession(model, weights.spec, own=True, compiled=self.compiled)


RUNTIME = TorchRuntime()
COMPILE = TorchRuntime(compiled=True)
