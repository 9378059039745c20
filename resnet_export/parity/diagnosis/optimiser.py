"""Where a runtime's optimiser changes the result: the first value that is another one in the optimised graph.

A value that is shown stops what would be fused over it, so one is shown at a time. What was changed before it stays
changed, and so the first one is found by halving the graph.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.parity.gate.evaluation import Candidate, Evaluation
from resnet_export.parity.gate.gate import SUSPICIOUS, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.results import Diagnosis
from resnet_export.runtimes.session import Session

OPTIMISER = "ONNX Runtime's optimiser"


def diagnose_optimiser(
    optimised: Candidate, plain: Evaluation, path: Path, names: Sequence[str], inputs: InputSet
) -> Diagnosis:
    """The node at which the optimiser changes the result.

    Args:
        optimised: the file in the runtime, which failed.
        plain: the same without optimisation, where it passed.
        path: the file.
        names: its values, in the order of its nodes.
        inputs: on which it failed.
    """
    images = inputs.file[: min(inputs.batches)]
    with plain.candidate.open() as session:
        right = session.values(images, names)
    shown = [name for name in names if name in right]
    with optimised.open() as session:
        name = _first_changed(session, images, shown, right)
    where = "" if name is None else f" at node {_node_of(path, name)}"
    detail = f"{OPTIMISER} changes the result{where}: the same file passes in {plain.runtime}"
    layer = shown[-1] if name is None else name
    return Diagnosis(layer, optimised.label, detail, "a mistake of ONNX Runtime, and none of the file")


def _first_changed(
    session: Session, images: NDArray[Any], shown: Sequence[str], right: Mapping[str, NDArray[Any]]
) -> str | None:
    """The first value that isn't what it is without optimisation; None where no value is, while it is shown."""
    low, high = 0, len(shown)
    while low < high:
        middle = (low + high) // 2
        name = shown[middle]
        found = session.values(images, [name])[name]
        if max_error(found, right[name]) > SUSPICIOUS * float(np.abs(right[name]).max()):
            high = middle
        else:
            low = middle + 1
    return shown[low] if low < len(shown) else None


def _node_of(path: Path, value: str) -> str:
    """`MaxPool pool1`, of the node that makes a value."""
    node = next(node for node in onnx.load_model(path).graph.node if value in node.output)
    return f"{node.op_type} {node.name or value}"
