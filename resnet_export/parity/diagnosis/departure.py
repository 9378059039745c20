"""Where a runtime changes the result of a file that is right: the first value that another run of it has otherwise.

A value that is shown stops what would be fused over it, so one is shown at a time. What was changed before it stays
changed, and so the first one is found by halving the graph.
"""

import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.error_text import is_usual
from resnet_export.machine.cpu import read_cpu
from resnet_export.parity.gate.evaluation import Evaluation
from resnet_export.parity.gate.gate import SUSPICIOUS, allowed, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.results import Diagnosis
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.session import Precision, Session

OPTIMISER = "ONNX Runtime's optimiser"
OVERFLOW = (
    "this CPU has no VNNI, and ONNX Runtime's sums of products of 8 bits overflow on it: quantize the network for it, "
    "with --for x86-avx2, or run the file with ONNX Runtime's session.x64quantprecision set to 1, as --runtime "
    "ort:cpu,x64quantprecision=true does"
)
"""Intel SDM, VPMADDUBSW: pairs of products are added in 16 bits."""
SEVEN_BITS = 64


def diagnose_runtime(
    failed: Evaluation,
    passed: Evaluation,
    who: str,
    path: Path,
    names: Sequence[str],
    inputs: InputSet,
    precision: Precision,
) -> Diagnosis:
    """The node at which a runtime changes the result of a file that `passed` elsewhere; `who` is what changes it."""
    images = inputs.file[: min(inputs.batches)]
    with passed.candidate.open() as session:
        right = session.values(images, names)
    shown = [name for name in names if name in right]
    with failed.candidate.open() as session:
        name = _first_changed(session, images, shown, right, allowed(precision) or SUSPICIOUS)
    where = ""
    if name is not None:
        node = next(node for node in onnx.load_model(path).graph.node if name in node.output)
        where = f" at node {node.op_type} {node.name or name}"
    detail = f"{who} changes the result{where}: the same file passes in {passed.runtime}"
    cause = overflow(failed.runtime, precision, path) or f"a mistake of {who}, and none of the file"
    return Diagnosis(shown[-1] if name is None else name, failed.candidate.label, detail, cause)


def overflow(runtime: str, precision: Precision, path: Path) -> str | None:
    """What explains a wrong result of a file of 8 bits on this CPU; None where its sums don't overflow."""
    if not is_usual(runtime) or parse_runtime(runtime).options.x64quantprecision or precision != "int8":
        return None
    return OVERFLOW if read_cpu().saturates and not _has_seven_bits(path) else None


def _has_seven_bits(path: Path) -> bool:
    """Whether all weights in int8 are of 7 bits, as --for x86-avx2 makes them: 2 * 255 * 64 is below 2^15."""
    signed = [one for one in onnx.load_model(path).graph.initializer if one.data_type == onnx.TensorProto.INT8]
    weights = [onnx.numpy_helper.to_array(one) for one in signed if len(one.dims) > 1]
    return bool(weights) and max(int(np.abs(one.astype(np.int16)).max(initial=0)) for one in weights) <= SEVEN_BITS


def _first_changed(
    session: Session, images: NDArray[Any], shown: Sequence[str], right: Mapping[str, NDArray[Any]], share: float
) -> str | None:
    """The first value that is further off than this share of it; None where no value is, while it is shown."""

    def is_changed(name: str) -> bool:
        found = session.values(images, [name])[name]
        return max_error(found, right[name]) > share * float(np.abs(right[name]).max())

    first = bisect.bisect_left(shown, True, key=is_changed)
    return shown[first] if first < len(shown) else None
