"""The reference network: what tells slower code from a slower machine.

A case takes turns with a network that never changes, as two sides of `compare` do. The ratio

    relative = time of the case / time of the reference network

is the same tomorrow, or nearly so, where both do the same kind of work (docs/decisions/0006-a-reference-network.md).

The network is float32 and goes through the sizes of ResNet-18: a 3x3 convolution of each stage and the strided ones
between them, each with a ReLU. That makes 0.64e9 multiply-adds and 19 MB of weights. It runs in ONNX Runtime on the
CPU, batch 1, with as many threads as the case.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import onnx

from resnet_export.bench.case import expand_cases
from resnet_export.bench.compare import compare
from resnet_export.bench.results import CaseResult, Relative
from resnet_export.errors import UsageError
from resnet_export.machine import Machine

NAME = "reference network 1"
"""Its number is raised when anything about it changes: older ratios do not compare any more."""
NOT_FOR_IT = "The reference network is for sequential calls (single) on the CPU."
OPSET, IR_VERSION = 17, 8
CHANNELS = (64, 64, 128, 128, 256, 256, 512, 512)
"""Channels of the image, and after each convolution; where they double, its stride is 2."""
SIZE = 56
"""Height and width of the image."""
LEAST_MS = 0.5
"""Duration of a run at least. A shorter one fits between two turns of other processes, which slow down the reference
alone: beside one that kept one of two CPUs busy, a ratio of 0.028 became 0.012."""


def measure_beside_reference(
    result: CaseResult, machine: Machine, seconds: float, show: Callable[[str], None] | None, timeout_s: float
) -> Relative:
    """Measures a case again, in turns with the reference network.

    Args:
        result: of a case that was measured.
        machine: this one.
        seconds: for it, the launches of the processes included; one launch may take longer.
        show: called with how it stands.
        timeout_s: seconds without a sign of life after which a process is ended.

    Raises:
        UsageError: it did not run on the CPU, or a run is too short.
        ResNetExportError: a process crashed or hung.
        KeyboardInterrupt: it was ended early.
    """
    assert result.measured is not None, "only what was measured is measured again"
    p50 = result.measured.main.latency_ms.p50.value
    if not result.measured.ran.on_cpu:
        raise UsageError(NOT_FOR_IT)
    if p50 < LEAST_MS:
        raise UsageError(f"A run of {p50:.2g} ms is too short to be held against the reference network.")

    def progress(_: str) -> AbstractContextManager[Callable[[str], None] | None]:
        if show is None:
            return contextlib.nullcontext()
        return contextlib.nullcontext(lambda text: show(f"beside the reference network, {text}"))

    with tempfile.TemporaryDirectory(prefix="resnet-export-") as folder:
        path = Path(folder, "reference.onnx")
        path.write_bytes(make_network().SerializeToString())
        (reference,) = expand_cases([path], threads=[result.threads])
        found = compare(reference, result.case, seconds, progress=progress, timeout_s=timeout_s, machine=machine)
    if found.interrupted:
        raise KeyboardInterrupt
    name = f"{NAME} in {found.a.ran.version}"
    return Relative(found.ratio, len(found.launches), name, found.a.p50_ms, found.disturbances)


def make_network() -> onnx.ModelProto:
    """The network, the same bytes every time; its weights are drawn as He et al. do."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    nodes, weights, size, value = [], [], SIZE, "image"
    for number, (taken, given) in enumerate(itertools.pairwise(CHANNELS)):
        stride = 1 if taken == given else 2
        size //= stride
        attributes: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [stride, stride]}
        scale = np.float32((2 / (9 * taken)) ** 0.5)
        weight = generator.standard_normal((given, taken, 3, 3), dtype=np.float32) * scale
        weights.append(numpy_helper.from_array(weight, f"weight{number}"))
        nodes += [
            helper.make_node("Conv", [value, f"weight{number}"], [f"conv{number}"], **attributes),
            helper.make_node("Relu", [f"conv{number}"], [f"relu{number}"]),
        ]
        value = f"relu{number}"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, CHANNELS[0], SIZE, SIZE])
    features = helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, CHANNELS[-1], size, size])
    graph = helper.make_graph(nodes, "reference", [image], [features], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
