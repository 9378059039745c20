"""ONNX Runtime: the file with the optimisation level at which it is deployed, on one of its execution providers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import NO_MEMORY, error_text
from resnet_export.errors import ModelError, NotApplicableError, ResNetExportError, UnavailableError
from resnet_export.optional import installed
from resnet_export.runtimes.ort_providers import (
    ON_CPU,
    AcceleratorOptions,
    Bundled,
    CudaOptions,
    OpenvinoOptions,
    OrtOptions,
    Plugin,
    Provider,
    TensorrtOptions,
)
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Binding, Placement, Session
from resnet_export.runtimes.with_outputs import with_outputs

if TYPE_CHECKING:
    import onnxruntime


RECORD = "session.record_ep_graph_assignment_info"
"""The session's configuration entry that makes ONNX Runtime remember the assignment."""
SHAPE_ARITHMETIC = frozenset({
    "Concat", "ConstantOfShape", "Gather", "Range", "Shape", "Size", "Slice", "Squeeze", "Unsqueeze",
})  # fmt: skip
"""Operators on a few integers, which ONNX Runtime keeps on the CPU on purpose: a copy would cost more."""
FATAL_ONLY = 4
"""ONNX Runtime's log level: what it logs besides what it raises concerns its developers."""
LEVELS = {"all": "ENABLE_ALL", "extended": "ENABLE_EXTENDED", "basic": "ENABLE_BASIC", "disabled": "DISABLE_ALL"}
ASYNCHRONOUS = "disable_synchronize_execution_providers"
"""Run option: `run` returns when the work is handed over to the device."""
ELEMENT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
"""The types of the outputs for which there is room beforehand, as a recorded graph needs it."""
GRAPH_OPTIONS = ("enable_cuda_graph", "trt_cuda_graph_enable")
"""Options with which a provider records its kernels and replays them."""


class OrtSession(Session):
    """A file in ONNX Runtime."""

    shows_values = True

    def __init__(self, source: Provider, path: Path, options: OrtOptions) -> None:
        self.path = path
        self.precision = options.precision
        self._source, self._options = source, options
        self._shown: tuple[tuple[str, ...], list[str], onnxruntime.InferenceSession] | None = None
        fallback = None
        allowed = getattr(options, "allow_fallback", False)
        try:
            source.probe()
        except ResNetExportError as error:
            if not allowed:
                raise
            fallback, self._source = f"the CPU ran it: {error.message}", ON_CPU
            self.precision, self.version = "float32", CPU.probe()
        self._session: onnxruntime.InferenceSession | None = self._open(str(path))
        device = self._source.device(options)
        found = placement_of(self._session, self._source.provider, device, allow_fallback=allowed)
        self._placement = Placement(found.device, found.nodes, fallback or found.fallback)
        # Looked up once: asking again takes longer than the rest of this module at every run.
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        # The first run records the provider's kernels, and the next ones replay them.
        self._is_recorded = self._source is not ON_CPU and "1" in map(options.provider_options.get, GRAPH_OPTIONS)
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
        """Runs a copy of the file that has the values `names` as further outputs; it is kept for the next call."""
        if self._shown is None or self._shown[0] != tuple(names):
            model, shown = with_outputs(self.path, names)
            if not shown:
                return {}
            self._shown = tuple(names), shown, self._open(model)
        _, shown, session = self._shown
        return dict(zip(shown, session.run(shown, {session.get_inputs()[0].name: images}), strict=True))

    def bind(self, batches: Sequence[NDArray[Any]]) -> Binding:
        """See `Session.bind`."""
        assert self._session is not None, "the session is open"
        if self._source.memory is None:
            raise NotApplicableError(
                f"{self._source.provider} has no memory that ONNX Runtime can bind.",
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
        device = self._source.memory, getattr(self._options, "device_id", 0)
        return bind(self._session, batches, device, fixed=self._is_recorded)

    def placement(self) -> Placement:
        """The nodes of each execution provider."""
        return self._placement

    def close(self) -> None:
        """Frees the session's memory and threads."""
        self._session = self._shown = None

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
        level = f"ORT_{LEVELS[self._options.optimization]}"
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.intra_op_num_threads = self._options.threads or 0
        options.add_session_config_entry(RECORD, "1")
        if self._options.x64quantprecision:
            options.add_session_config_entry("session.x64quantprecision", "1")
        if change is not None:
            change(options)
        providers = self._source.add_to(options, self._options.provider_options)
        try:
            return onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its exceptions share no base class of their own
            why = error_text(error)
            if self._source is not ON_CPU and "CUDA" in why:
                raise UnavailableError(f"{self._source.provider} cannot be used: {why}.") from error
            if NO_MEMORY.search(why):
                raise MemoryError(why) from error
            raise ModelError(f"ONNX Runtime cannot load {self.path.name}: {why}.", hint="Export it again.") from error


def placement_of(
    session: onnxruntime.InferenceSession, provider: str, device: str, *, allow_fallback: bool
) -> Placement:
    """Counts the nodes of each execution provider.

    Args:
        session: opened with the entry `RECORD`.
        provider: the one that was asked for.
        device: what to call its device.
        allow_fallback: go on where nodes are elsewhere, and say so in the placement.

    Raises:
        UnavailableError: nodes other than shape arithmetic are elsewhere.
    """
    nodes: Counter[str] = Counter()
    strays: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        for node in subgraph.get_nodes():
            nodes[subgraph.ep_name] += 1
            if subgraph.ep_name != provider and node.op_type not in SHAPE_ARITHMETIC:
                strays[f"{node.op_type} on {subgraph.ep_name}"] += 1
    if not strays:
        return Placement(device, dict(nodes))
    most = ", ".join(f"{count} {what}" for what, count in strays.most_common(3))
    found = f"{strays.total()} of {nodes.total()} nodes do not run on {provider}: {most}"
    if not allow_fallback:
        raise UnavailableError(f"{found}.", hint="Go on all the same with --allow-fallback.")
    return Placement(device if nodes[provider] else "CPU", dict(nodes), found)


def bind(
    session: onnxruntime.InferenceSession, batches: Sequence[NDArray[Any]], device: tuple[str, int], *, fixed: bool
) -> Binding:
    """Copies batches to the device, so that a run copies nothing from or to the host: ONNX Runtime's IO binding.

    Args:
        session: that runs them.
        batches: as the file takes them.
        device: its kind and number: ("cuda", 0).
        fixed: whether a recorded graph of kernels is replayed, which reads and writes at fixed addresses: then the
            first batch alone is run.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    if device[0] != "cpu":
        options.add_run_config_entry(ASYNCHRONOUS, "1")
    bound = [_bound(session, images, device) for images in (batches[:1] if fixed else batches)]
    latest = bound[0]

    def submit(index: int) -> None:
        nonlocal latest
        latest = bound[index % len(bound)]
        session.run_with_iobinding(latest, options)

    # The work of one session is done in the order in which it was handed over.
    return Binding(submit, lambda: latest.synchronize_outputs())


def _bound(
    session: onnxruntime.InferenceSession, images: NDArray[Any], device: tuple[str, int]
) -> onnxruntime.IOBinding:
    import onnxruntime

    binding = session.io_binding()
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    binding.bind_ortvalue_input(taken.name, onnxruntime.OrtValue.ortvalue_from_numpy(images, *device))
    shape = [len(images), *given.shape[1:]]
    if all(isinstance(size, int) for size in shape) and given.type in ELEMENT_TYPES:
        room = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, ELEMENT_TYPES[given.type], *device)
        binding.bind_ortvalue_output(given.name, room)
    else:  # as large as it turns out
        binding.bind_output(given.name, *device)
    return binding


def runtime_on(source: Provider, options: type[OrtOptions]) -> Runtime:
    """ONNX Runtime on one execution provider."""

    def probe() -> str:
        source.probe()
        return f"{installed('onnxruntime')}, {source.provider}"

    return Runtime(options, probe, partial(OrtSession, source), "onnxruntime")


CUDA_PIP = 'pip install "resnet-export[cuda]"'
CPU = runtime_on(ON_CPU, OrtOptions)
CUDA = runtime_on(Bundled("CUDAExecutionProvider", "onnxruntime_providers_cuda", CUDA_PIP), CudaOptions)
TENSORRT = runtime_on(
    Bundled("TensorrtExecutionProvider", "onnxruntime_providers_tensorrt", f"{CUDA_PIP} && pip install tensorrt-cu13"),
    TensorrtOptions,
)
OPENVINO = runtime_on(
    Plugin("OpenVINOExecutionProvider", "onnxruntime-ep-openvino", "Intel's CPUs, GPUs and NPUs"), OpenvinoOptions
)
WEBGPU = runtime_on(
    Plugin("WebGpuExecutionProvider", "onnxruntime-ep-webgpu", "GPUs, through WebGPU"), AcceleratorOptions
)
