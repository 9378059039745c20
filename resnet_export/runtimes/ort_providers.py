"""ONNX Runtime's execution providers: their options by their official names, and whether they can run here."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import importlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from resnet_export.error_text import error_text
from resnet_export.errors import MissingDependencyError, UnavailableError
from resnet_export.runtimes.session import Precision

if TYPE_CHECKING:
    import onnxruntime


SESSION_OPTIONS = ("threads", "optimization", "x64quantprecision", "allow_fallback")
"""Those that this package reads, and not the provider."""


@dataclass(frozen=True)
class OrtOptions:
    """The options of a session, whatever its provider."""

    threads: int | None = None
    """Threads within an operator; None for one per physical core."""
    optimization: Literal["all", "extended", "basic", "disabled"] = "all"
    """Graph optimisation level."""
    x64quantprecision: bool = False
    """Multiply unsigned bytes, which takes longer, where sums of products of 8 bits overflow: on x86 without VNNI. It
    is ONNX Runtime's setting `session.x64quantprecision`."""

    @property
    def provider_options(self) -> dict[str, str]:
        """Those that the provider itself reads; None leaves its own default."""
        names = [field.name for field in dataclasses.fields(self) if field.name not in SESSION_OPTIONS]
        values = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {name: str(int(value) if isinstance(value, bool) else value) for name, value in values.items()}

    @property
    def precision(self) -> Precision:
        """The type in which the provider multiplies."""
        return "float32"


@dataclass(frozen=True)
class AcceleratorOptions(OrtOptions):
    """The options of a provider that may leave nodes to the CPU."""

    allow_fallback: bool = False
    """Go on where nodes do not run on the provider."""


@dataclass(frozen=True)
class CudaOptions(AcceleratorOptions):
    """See https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html."""

    device_id: int = 0
    """Which GPU."""
    use_tf32: bool = False
    """Multiply with 10 bits of mantissa. ONNX Runtime's own default is True; float32 means float32 here."""
    prefer_nhwc: bool | None = None
    """Convolve channels last."""
    cudnn_conv_algo_search: Literal["EXHAUSTIVE", "HEURISTIC", "DEFAULT"] | None = None
    """How cuDNN picks a convolution's algorithm."""
    cudnn_conv_use_max_workspace: bool | None = None
    """Let it pick those that need much memory."""
    enable_cuda_graph: bool | None = None
    """Record the kernels once and replay them."""

    @property
    def precision(self) -> Precision:
        """The type in which the provider multiplies."""
        return "tf32" if self.use_tf32 else "float32"


@dataclass(frozen=True)
class TensorrtOptions(AcceleratorOptions):
    """See https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html."""

    device_id: int = 0
    """Which GPU."""
    trt_fp16_enable: bool = False
    """Multiply in float16 where that is faster."""
    trt_bf16_enable: bool = False
    """Multiply in bfloat16 where that is faster."""
    trt_engine_cache_enable: bool | None = None
    """Keep the built engine."""
    trt_engine_cache_path: str | None = None
    """Folder of the built engines."""
    trt_cuda_graph_enable: bool | None = None
    """Record the kernels once and replay them."""

    @property
    def precision(self) -> Precision:
        """The type in which the provider multiplies; TensorRT's float32 is TF32 unless its environment forbids it."""
        return "float16" if self.trt_fp16_enable else "bfloat16" if self.trt_bf16_enable else "tf32"


@dataclass(frozen=True)
class OpenvinoOptions(AcceleratorOptions):
    """See https://onnxruntime.ai/docs/execution-providers/OpenVINO-ExecutionProvider.html."""

    device_type: Literal["CPU", "GPU", "NPU"] = "CPU"
    """Which of the devices that the plugin offers."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """The type in which it multiplies; by itself it takes bfloat16 wherever the CPU has it."""

    @property
    def provider_options(self) -> dict[str, str]:
        """With the precision as OpenVINO's own configuration: the provider ignores its option of that name."""
        settings = super().provider_options
        hint = {"float32": "f32", "bfloat16": "bf16"}[settings.pop("precision")]
        return {**settings, "load_config": json.dumps({self.device_type: {"INFERENCE_PRECISION_HINT": hint}})}


@dataclass(frozen=True)
class Provider:
    """An execution provider: by itself the one of the CPU, which every distribution has and where nothing can miss."""

    memory: ClassVar[str | None] = "cpu"
    """Its device as IO binding names it; None where it has no memory that can be bound."""
    provider: str = "CPUExecutionProvider"
    """The name that ONNX Runtime has for it."""

    def probe(self) -> None:
        """Finds out whether it can run here.

        Raises:
            MissingDependencyError: a package lacks, or has no such provider.
            UnavailableError: a library, the driver or a device is missing.
        """

    def add_to(self, options: onnxruntime.SessionOptions, settings: dict[str, str]) -> Sequence[Any]:
        """Adds the provider with its settings to a session's options.

        Returns:
            What to pass as `providers`.
        """
        return [self.provider]

    def device(self, options: OrtOptions) -> str:
        """What people call the device."""
        if self.memory == "cpu":
            return "CPU"
        return str(getattr(options, "device_type", f"GPU {getattr(options, 'device_id', 0)}"))


ON_CPU = Provider()


@dataclass(frozen=True)
class Bundled(Provider):
    """A provider that comes inside an ONNX Runtime distribution, with libraries that do not."""

    memory: ClassVar[str | None] = "cuda"
    library: str = ""
    """Stem of its shared library."""
    pip: str = ""
    """The line that brings the libraries."""

    def probe(self) -> None:
        """Loads its library the way that ONNX Runtime does, which tells what is missing; see `Provider.probe`."""
        import onnxruntime

        if self.provider not in onnxruntime.get_available_providers():
            raise MissingDependencyError(
                f"The ONNX Runtime that is installed has no {self.provider}.",
                hint="Replace it with: pip uninstall -y onnxruntime && pip install onnxruntime-gpu",
            )
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find, and so do we
            onnxruntime.preload_dlls()  # of CUDA and cuDNN, from the NVIDIA packages of this environment
        folder = Path(onnxruntime.__file__).with_name("capi")
        for stem, mode in (("onnxruntime_providers_shared", ctypes.RTLD_GLOBAL), (self.library, ctypes.DEFAULT_MODE)):
            name = f"{stem}.dll" if sys.platform == "win32" else f"lib{stem}.so"
            try:
                ctypes.CDLL(str(folder / name), mode)
            except OSError as error:
                missing, _, why = str(error).partition(":")
                raise UnavailableError(
                    f"{self.provider} cannot be loaded: {missing}:{why}.",
                    hint=f"Install it with: {self.pip}; or go on without it: --allow-fallback.",
                ) from error
        _require_gpu(self.provider)

    def add_to(self, options: onnxruntime.SessionOptions, settings: dict[str, str]) -> Sequence[Any]:
        """See `Provider.add_to`."""
        return [(self.provider, settings)]


@dataclass(frozen=True)
class Plugin(Provider):
    """A provider in a package of its own, which is registered at run time."""

    memory: ClassVar[str | None] = None
    package: str = ""
    devices: str = ""
    """On what it runs, for people."""

    def probe(self) -> None:
        """Registers it, and looks for a device; see `Provider.probe`."""
        self._found()

    def add_to(self, options: onnxruntime.SessionOptions, settings: dict[str, str]) -> Sequence[Any]:
        """Adds its first fitting device; nothing is left to pass as `providers`."""
        kind = settings.pop("device_type", None)
        found = [device for device in self._found() if kind is None or device.device.type.name == kind]
        if not found:
            raise UnavailableError(f"{self.provider} offers no device of the kind {kind} here.")
        options.add_provider_for_devices(found[:1], settings)
        return []

    def _found(self) -> list[Any]:
        import onnxruntime

        name = self.package.replace("-", "_")
        try:
            package = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"{self.provider} needs the package {self.package}, which is not installed.",
                hint=f"Install it with: pip install {self.package}",
            ) from error
        if name not in _registered:
            try:
                onnxruntime.register_execution_provider_library(name, package.get_library_path())
            except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
                raise UnavailableError(f"{self.package} cannot be loaded: {error_text(error)}.") from error
            _registered.add(name)
        found = [device for device in onnxruntime.get_ep_devices() if device.ep_name in package.get_ep_names()]
        if not found:
            raise UnavailableError(
                f"{self.package} offers no device here: it runs on {self.devices}, and finds none on this machine.",
                hint="Choose another runtime; resnet-export doctor lists those that run here.",
            )
        return found


_registered: set[str] = set()
"""Plugins that this process has registered: ONNX Runtime refuses to do it twice."""


def _require_gpu(provider: str) -> None:
    """Asks NVIDIA's driver for a device.

    Raises:
        UnavailableError: there is no driver, or no device.
    """
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    count = ctypes.c_int(0)
    try:
        library = ctypes.CDLL(driver)
        failed = library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count))
    except OSError as error:
        raise UnavailableError(
            f"{provider} finds no GPU: the driver's {driver} cannot be loaded.",
            hint="Install NVIDIA's driver; in a container, start it with --gpus all.",
        ) from error
    if failed or not count.value:
        raise UnavailableError(
            f"{provider} finds no GPU: NVIDIA's driver answers with {count.value} devices (code {failed}).",
            hint="In a container, start it with --gpus all; CUDA_VISIBLE_DEVICES may hide it.",
        )
