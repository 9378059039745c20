"""PyTorch, eager or compiled: a live module, or a canonical file in this package's definition."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.convert.torch import as_array, evaluation
from resnet_export.errors import UnavailableError, UsageError
from resnet_export.optional import installed, require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Binding, Placement, Session
from resnet_export.spec import ResNetSpec
from resnet_export.targets.canonical_file import model_of

if TYPE_CHECKING:
    import torch
    from torch import nn


COMPILERS = ("g++", "clang++", "c++", "cl")


class TorchSession(Session):
    """A module in evaluation mode; it is left in the mode in which it was."""

    name = "torch"
    takes_file_input = False
    shows_values = True

    def __init__(self, model: nn.Module, spec: ResNetSpec, options: TorchOptions | None = None) -> None:
        """Opens it.

        Args:
            model: in any mode.
            spec: of which it is.
            options: where and how it runs; the model is then this session's own. None for a live model as it is.
        """
        self._torch = require("torch")
        self._options = options
        self._spec = spec
        self._model = model if options is None else self._placed(model.eval(), options)
        self._forward: Callable[..., Any] = self._model
        if isinstance(options, CompileOptions):
            self._forward = self._torch.compile(self._model, dynamic=False, mode=options.mode)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Logits (N, num_classes) of normalised images (N, C, H, W)."""
        with self._evaluation():
            return as_array(self._forward(self._tensor(images)))

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The outputs of the modules that stand for `names`; a convolution's is that of its batch norm."""
        found: dict[str, NDArray[Any]] = {}

        def keep(name: str) -> Callable[..., None]:
            return lambda module, inputs, output: found.__setitem__(name, as_array(output).copy())

        modules = dict(self._model.named_modules())
        with self._evaluation(), contextlib.ExitStack() as hooks:
            for step in self._spec.canonical.steps:
                module = modules.get(step.parts[-1].name if step.parts else step.name)
                if step.name in names and module is not None:
                    hooks.callback(module.register_forward_hook(keep(step.name)).remove)
            self._model(self._tensor(images))
        return found

    def bind(self, batches: Sequence[NDArray[Any]]) -> Binding:
        """See `Session.bind`."""
        tensors = [self._tensor(images) for images in batches]

        def submit(index: int) -> None:
            with self._evaluation():
                self._forward(tensors[index % len(tensors)])

        return Binding(submit, self._torch.cuda.synchronize if self._parameter.device.type == "cuda" else lambda: None)

    def placement(self) -> Placement:
        """The device of its parameters."""
        device = self._parameter.device
        return Placement("CPU" if device.type == "cpu" else f"GPU {device.index or 0}")

    @property
    def _parameter(self) -> nn.Parameter:
        return next(self._model.parameters())

    def _tensor(self, images: NDArray[Any]) -> torch.Tensor:
        tensor: torch.Tensor = self._torch.from_numpy(np.ascontiguousarray(images)).to(self._parameter.device)
        if self._options is None:
            return tensor
        return tensor.to(dtype=self._parameter.dtype, memory_format=self._layout(self._options))

    def _layout(self, options: TorchOptions) -> torch.memory_format:
        found: torch.memory_format = getattr(
            self._torch, "channels_last" if options.channels_last else "contiguous_format"
        )
        return found

    def _placed(self, model: nn.Module, options: TorchOptions) -> nn.Module:
        """The model where and in what it is to run."""
        torch = self._torch
        self.precision = options.precision
        if options.device == "cuda":
            torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
            torch.backends.cudnn.allow_tf32 = options.precision == "tf32"
            torch.backends.cudnn.benchmark = True
        dtype = {"float16": torch.float16, "bfloat16": torch.bfloat16}.get(options.precision, torch.float32)
        placed: nn.Module = model.to(device=options.device, dtype=dtype)
        return placed.to(memory_format=self._layout(options))  # type: ignore[call-overload,no-any-return] # its stubs

    def _evaluation(self) -> AbstractContextManager[None]:
        # To ask a hundred modules takes as long as a convolution; nobody else changes the mode of our own.
        return evaluation(self._model) if self._options is None else self._torch.inference_mode()


attach = TorchSession
"""A session of a live model, of the model and its specification."""


@dataclass(frozen=True)
class TorchOptions(CpuOptions):
    """Where and how PyTorch runs the file."""

    device: Literal["cpu", "cuda"] = "cpu"
    """The CPU, or the first GPU."""
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    """The type in which it multiplies."""
    channels_last: bool = False
    """Order of the axes in memory: faster in reduced precision, on GPUs above all."""

    def __post_init__(self) -> None:
        if self.precision == "tf32" and self.device == "cpu":
            raise UsageError("A CPU has no TF32.", hint="Give device=cuda, or another precision.")


@dataclass(frozen=True)
class CompileOptions(TorchOptions):
    """Where and how `torch.compile` runs the file."""

    mode: Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"] = "default"
    """How long it searches for fast kernels; the second and third record CUDA graphs."""


def probe() -> str:
    """See `Runtime.probe`."""
    return installed("torch")


def probe_compiler() -> str:
    """See `Runtime.probe`."""
    if not any(map(shutil.which, COMPILERS)):
        raise UnavailableError(
            "torch.compile needs a C++ compiler, and there is none.", hint="Install one (Debian: g++)."
        )
    return probe()


def open_file(path: Path, options: TorchOptions) -> TorchSession:
    """See `Runtime.open`."""
    (probe_compiler if isinstance(options, CompileOptions) else probe)()
    torch = require("torch")
    if options.device == "cuda" and not torch.cuda.is_available():
        built = "" if torch.version.cuda else ": this is its build for the CPU"
        raise UnavailableError(
            f"PyTorch {torch.__version__} has no CUDA device here{built}.",
            hint="Leave out device=cuda, or install its CUDA build on a machine with an NVIDIA GPU.",
        )
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return TorchSession(*model_of(path, "torch"), options)


RUNTIME = Runtime(TorchOptions, probe, open_file, "torch")
COMPILE = Runtime(CompileOptions, probe_compiler, open_file, "torch")
