"""The proof of a quantised file, in every runtime that computes with integers: class by class, layer by layer, timed.

The float32 file runs in ONNX Runtime beside it: its class is what the other one has to agree with.
"""

from __future__ import annotations

import contextlib
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.bench.compare import compare
from resnet_export.bench.compare.results import Comparison
from resnet_export.bench.compare.side import read_sides
from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.metrics import share
from resnet_export.classify.preparation import outputs, takes_any_size
from resnet_export.errors import ImageError, MissingDependencyError, ResNetExportError, UnavailableError
from resnet_export.graph.interface import Head
from resnet_export.graph.recipe import Share
from resnet_export.machine.cpu import FAMILIES
from resnet_export.quantization.pictures import Part
from resnet_export.quantization.results import RuntimeProof
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.ort import OrtSession

RUNTIMES = ("ort:cpu", "openvino")
"""Those that have integer convolutions on a CPU."""
INTEGER = ("QLinearConv", "QGemm", "QLinearMatMul", "ConvInteger", "MatMulInteger")
BATCH = 16
SIGNED = (
    "The activations are signed. On x86 ONNX Runtime makes unsigned ones of them, but not where a value has several "
    "users, and not behind what is symmetric: --for x86-vnni gives unsigned ones."
)


def runtimes_here() -> dict[str, str]:
    """Those of `RUNTIMES` that can run -> their versions."""
    found = {}
    for name in RUNTIMES:
        with contextlib.suppress(MissingDependencyError, UnavailableError):
            found[name] = parse_runtime(name).probe()
    return found


def outputs_of(path: Path, runtime: str, part: Part) -> list[NDArray[Any]]:
    """What the file gives for each picture."""
    classifier = read_classifier(path, Asked())
    with parse_runtime(runtime).open(path) as session:
        # A file that prepares its pictures gets what it makes them of.
        given = classifier.preprocessing.framed if takes_any_size(session, classifier) else np.asarray
        rows = [row for batch in part.batches(BATCH) for row in outputs(session, classifier, given(batch), batch=BATCH)]
    return [row for row in rows if not isinstance(row, ImageError)]


def classes_of(path: Path, runtime: str, part: Part) -> NDArray[np.int64]:
    """(n,): the class that the file gives to each picture."""
    head = read_classifier(path, Asked()).head
    return np.array([_decision(row, head) for row in outputs_of(path, runtime, part)], np.int64)


def prove(
    path: Path,
    float_path: Path,
    layers: Mapping[str, int],
    part: Part | None,
    seconds: float | None,
    stage: Callable[[str], Any],
) -> tuple[RuntimeProof, ...]:
    """Runs the file in every runtime.

    Args:
        path: the quantised file.
        float_path: the same in float32.
        layers: those with integer weights -> their multiply-adds.
        part: held-out pictures; None or empty where there are none.
        seconds: how long each comparison of the latencies takes; None for none.
        stage: entered around each.
    """
    right = classes_of(float_path, RUNTIMES[0], part) if part is not None and part.count else None
    found = []
    for runtime, version in runtimes_here().items():
        with stage(f"prove {runtime}"):
            found.append(_prove(runtime, version, path, float_path, layers, part, right, seconds))
    return tuple(found)


def _prove(
    runtime: str,
    version: str,
    path: Path,
    float_path: Path,
    layers: Mapping[str, int],
    part: Part | None,
    right: NDArray[np.int64] | None,
    seconds: float | None,
) -> RuntimeProof:
    try:
        if part is None:
            parse_runtime(runtime).open(path).close()
        agreed = None if part is None or right is None else agreement(classes_of(path, runtime, part) == right)
        integer = integer_layers(path, tuple(layers)) if runtime == "ort:cpu" and layers else None
        rest = tuple(name for name in layers if name not in integer) if integer is not None else ()
        known = RuntimeProof(runtime, version, agreed, None, integer=integer)
        if rest:
            part_of_work = sum(map(layers.__getitem__, rest)) / sum(layers.values())
            known = replace(known, floating=rest, floating_share=part_of_work, why=_why(path))
        if seconds is None:
            return known
        compared = timed(float_path, path, seconds, runtime)
    except ResNetExportError as error:
        return RuntimeProof(runtime, version, None, None, error=error.message)
    return replace(known, ratio=compared.ratio, float_ms=compared.a.p50_ms, reduced_ms=compared.b.p50_ms)


def timed(a: Path, b: Path, seconds: float, runtime: str = RUNTIMES[0]) -> Comparison:
    """The time of file `b` over that of `a`."""
    return compare(*read_sides(f"model={a},runtime={runtime}", f"model={b}"), seconds=seconds)


def _why(path: Path) -> str | None:
    """What keeps quantised layers from ONNX Runtime's integers on x86."""
    proto = onnx.load_model(path, load_external_data=False)
    types = {tensor.name: tensor.data_type for tensor in proto.graph.initializer}
    signed = any(
        node.op_type == "QuantizeLinear" and types.get(node.input[2]) == onnx.TensorProto.INT8
        for node in proto.graph.node
        if len(node.input) > 2 and node.input[0] not in types
    )
    return SIGNED if signed and FAMILIES.get(platform.machine().lower()) == "x86" else None


def agreement(same: NDArray[np.bool_]) -> Share:
    """The share of pictures with the same class, with Wilson's interval."""
    found = share(int(same.sum()), len(same))
    low, high = found.interval or (0.0, 1.0)
    return Share(found.value, low, high, len(same))


def integer_layers(path: Path, layers: Sequence[str]) -> tuple[str, ...]:
    """The layers that ONNX Runtime computes with integers, by the graph that its session runs."""
    with tempfile.TemporaryDirectory() as folder, parse_runtime("ort:cpu").open(path) as session:
        assert isinstance(session, OrtSession), "that is what opens files in ONNX Runtime"
        target = Path(folder) / "optimised.onnx"
        session.reopen(lambda options: setattr(options, "optimized_model_filepath", str(target)))
        nodes = onnx.load_model(target, load_external_data=False).graph.node
        taken = {name for node in nodes if node.op_type in INTEGER for name in node.input}
    return tuple(name for name in layers if any(one.startswith(f"{name}.weight_quantized") for one in taken))


def _decision(row: NDArray[Any], head: Head) -> int:
    """The most probable class; of a single output, whether it is the probable one."""
    if row.size == 1:
        return int(row.item() > (0 if head == "logits" else 0.5))
    return int(np.argmax(row))


def is_faster(proofs: Sequence[RuntimeProof]) -> bool:
    """Whether the interval of one of the runtimes shows that it takes less time than float32."""
    return any(one.ratio is not None and one.ratio.high is not None and one.ratio.high < 1 for one in proofs)
