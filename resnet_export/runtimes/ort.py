"""ONNX Runtime: the file with the optimisation level at which it is deployed, on one of its execution providers."""

from __future__ import annotations

import contextlib
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from resnet_export.errors import ModelError, NotApplicableError, ResNetExportError, UnavailableError
from resnet_export.runtimes.exposed import exposed_model
from resnet_export.runtimes.ort_binding import OrtBinding
from resnet_export.runtimes.ort_providers import (
    AcceleratorOptions,
    Always,
    Bundled,
    CudaOptions,
    OpenvinoOptions,
    OrtOptions,
    Plugin,
    TensorrtOptions,
)
from resnet_export.runtimes.placement import RECORD, placement_of
from resnet_export.runtimes.reasons import reason
from resnet_export.runtimes.session import BaseSession, Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

FATAL_ONLY = 4
"""ONNX Runtime's log level: what it logs besides what it raises concerns its developers."""
LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}


GRAPH_OPTIONS = ("enable_cuda_graph", "trt_cuda_graph_enable")
"""Of the providers that can record their kernels and replay them."""


class OrtSession(BaseSession):
    """A file in ONNX Runtime."""

    shows_values = True

    def __init__(self, path: Path, runtime: OrtRuntime, options: OrtOptions) -> None:
        self.path = path
        self.precision = options.precision
        self._runtime, self._options = runtime, options
        self._fallback: str | None = None
        try:
            runtime.source.check()
        except ResNetExportError as error:
            if not getattr(options, "allow_fallback", False):
                raise
            self._fallback, self._runtime = f"the CPU ran it: {error.message}", CPU
            self.precision, self.version = "float32", CPU.check()
        self._session: onnxruntime.InferenceSession | None = self._open(str(path))
        self._placement = placement_of(
            self._session,
            self._runtime.source.provider,
            self._runtime.device(options),
            allow_fallback=getattr(options, "allow_fallback", False),
        )
        # Looked up once: asking again takes longer than the rest of this module at every run.
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        # The first run records the provider's kernels, and the next ones replay them.
        self._is_recorded = self._runtime is not CPU and "1" in map(options.provider_options.get, GRAPH_OPTIONS)
        self.takes_callers = not self._is_recorded

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        assert self._session is not None, "the session is open"
        if self._is_recorded:
            raise NotApplicableError(
                f"{self.name} replays kernels that read and write at fixed addresses of the device.",
                hint="Measure it from device to device, or leave out the graph of kernels.",
            )
        outputs: list[NDArray[Any]] = self._session.run([self._output], {self._input: images})
        return outputs[0]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Runs a copy of the file that has the values `names` as further outputs."""
        model, shown = exposed_model(self.path, names)
        if not shown:
            return {}
        session = self._open(model)
        return dict(zip(shown, session.run(shown, {session.get_inputs()[0].name: images}), strict=True))

    def bind(self, batches: Sequence[NDArray[Any]]) -> OrtBinding:
        """See `Session.bind`."""
        assert self._session is not None, "the session is open"
        device = self._runtime.memory(self._options)
        if device is None:
            raise NotApplicableError(
                f"{self._runtime.source.provider} has no memory that ONNX Runtime can bind.",
                hint="Measure it from host to host.",
            )
        size = len(batches[0])
        if self._is_recorded:
            if self.batches is not None and self.batches != (size,):
                raise NotApplicableError(
                    f"{self.name} has recorded its kernels for a batch of {self.batches[0]}, and can't take {size}.",
                    hint="Measure each batch in a case of its own.",
                )
            self.batches = (size,)
        return OrtBinding(self._session, batches, device, fixed=self._is_recorded)

    def placement(self) -> Placement:
        """The nodes of each execution provider."""
        found = self._placement
        return Placement(found.device, found.nodes, self._fallback) if self._fallback else found

    def close(self) -> None:
        """Frees the session's memory and threads."""
        self._session = None

    def reopen(self, change: Callable[[onnxruntime.SessionOptions], None]) -> onnxruntime.InferenceSession:
        """Closes the session, and opens the file again with further settings, such as those of the profiler."""
        self.close()
        self._session = self._open(str(self.path), change)
        return self._session

    def _open(
        self, model: str | bytes, change: Callable[[onnxruntime.SessionOptions], None] | None = None
    ) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL_ONLY
        options.graph_optimization_level = getattr(
            onnxruntime.GraphOptimizationLevel, LEVELS[self._options.optimization]
        )
        options.intra_op_num_threads = self._options.threads or 0
        options.add_session_config_entry(RECORD, "1")
        if change is not None:
            change(options)
        settings = {} if self._runtime is CPU else self._options.provider_options
        providers = self._runtime.source.add_to(options, settings)
        try:
            return onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its exceptions share no base class of their own
            why = reason(error)
            if self._runtime is not CPU and "CUDA" in why:
                raise UnavailableError(f"{self._runtime.source.provider} cannot be used: {why}.") from error
            raise ModelError(f"ONNX Runtime cannot load {self.path.name}: {why}.", hint="Export it again.") from error


@dataclass(frozen=True)
class OrtRuntime:
    """ONNX Runtime on one execution provider."""

    source: Always | Bundled | Plugin
    options: type[OrtOptions] = OrtOptions
    library: ClassVar[str] = "onnxruntime"

    def check(self) -> str:
        """See `Runtime.check`."""
        self.source.check()
        return f"{distribution()}, {self.source.provider}"

    def open(self, path: Path, options: OrtOptions) -> OrtSession:
        """See `Runtime.open`."""
        return OrtSession(path, self, options)

    def device(self, options: OrtOptions) -> str:
        """What people call the device."""
        if isinstance(self.source, Always):
            return "CPU"
        return str(getattr(options, "device_type", None) or f"GPU {getattr(options, 'device_id', 0)}")

    def memory(self, options: OrtOptions) -> tuple[str, int] | None:
        """The device as IO binding names it; None where it has none that can be bound."""
        if isinstance(self.source, Always):
            return "cpu", 0
        return ("cuda", getattr(options, "device_id", 0)) if isinstance(self.source, Bundled) else None


def distribution() -> str:
    """Name and version of the ONNX Runtime that is installed."""
    for name in ("onnxruntime-gpu", "onnxruntime"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(name)}"
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


CUDA_PIP = 'pip install "resnet-export[cuda]"'
CPU = OrtRuntime(Always())
CUDA = OrtRuntime(Bundled("CUDAExecutionProvider", "onnxruntime_providers_cuda", CUDA_PIP), CudaOptions)
TENSORRT = OrtRuntime(
    Bundled("TensorrtExecutionProvider", "onnxruntime_providers_tensorrt", f"{CUDA_PIP} && pip install tensorrt-cu13"),
    TensorrtOptions,
)
OPENVINO = OrtRuntime(
    Plugin(
        "OpenVINOExecutionProvider",
        "onnxruntime_ep_openvino",
        "onnxruntime-ep-openvino",
        "Intel's CPUs, GPUs and NPUs",
    ),
    OpenvinoOptions,
)
WEBGPU = OrtRuntime(
    Plugin("WebGpuExecutionProvider", "onnxruntime_ep_webgpu", "onnxruntime-ep-webgpu", "GPUs, through WebGPU"),
    AcceleratorOptions,
)
