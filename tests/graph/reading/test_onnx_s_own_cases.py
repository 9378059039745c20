"""The cases that ONNX ships for its operators, in our evaluation: those of its backends, and older ones of PyTorch.

A case's first input is taken for the image, with its length as a fixed batch; the other inputs are constants.
"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper

from resnet_export.graph.reading import read
from resnet_export.graph.reading.rules import DOMAINS, RULES
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network.evaluation import outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Case = tuple[str, onnx.ModelProto, Sequence[Any], Sequence[Any]]
    """(name, model, inputs, outputs)."""

RELATIVE, ABSOLUTE = 1e-4, 1e-5
HALF = 8e-3
"""Relative, where the case computes in 16 bits."""
BESIDE_THE_OPERATORS = {"Constant", "ConstantOfShape"}
EXPECTED = {
    "test_averagepool_2d_ceil_last_window_starts_on_pad": "its outputs are written with four digits",
    "test_resize_downsample_scales_linear_align_corners": "onnx aligns with a length that is not rounded",
    "test_dynamicquantizelinear": "-127.5 is a tie, which float32 decides by the rounding of the scale",
}
"""Cases that give something else here -> why."""
pytestmark = pytest.mark.filterwarnings("ignore")


def outcome(case: Case) -> tuple[str, str]:
    """(what became of a case, what there is to say about it)."""
    _, model, inputs, outputs = case
    operators = {node.op_type for node in model.graph.node}
    if not operators <= RULES.keys() | BESIDE_THE_OPERATORS or any(n.domain not in DOMAINS for n in model.graph.node):
        return "an operator that is not read", ", ".join(sorted(operators - RULES.keys()))
    if not inputs or not all(isinstance(array, np.ndarray) for array in inputs):
        return "an input that is no tensor, or none", ""
    image = inputs[0]
    if image.ndim < 1 or 0 in image.shape or not np.can_cast(image.dtype, np.complex128) or image.dtype == bool:
        return "a first input that is no image", f"{image.dtype} {image.shape}"
    try:
        reading = read(ir.from_proto(with_constants(model, inputs)), image.shape[1:], batch=len(image), mixing=True)
    except UnreadableError as error:
        return "refused", error.message
    found = outputs_of(reading.network, reading.numbers, image.astype(np.float64), reading.network.outputs)
    expected = dict(zip((value.name for value in model.graph.output), outputs, strict=False))
    wrong = [name for name, array in zip(reading.outputs, found, strict=True) if not same(array, expected[name])]
    return ("wrong" if wrong else "right"), ", ".join(wrong)


def with_constants(model: onnx.ModelProto, inputs: Sequence[Any]) -> onnx.ModelProto:
    """A copy that takes its first input alone."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    held = {tensor.name for tensor in made.graph.initializer}
    first, *others = [value for value in made.graph.input if value.name not in held]
    for value, array in zip(others, inputs[1:], strict=False):
        made.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del made.graph.input[:]
    made.graph.input.append(first)
    return made


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    if found.shape != expected.shape:
        return False
    wide = expected.astype(np.float64)
    relative = HALF if expected.dtype.itemsize == 2 else RELATIVE
    scale = max(1.0, float(np.nanmax(np.abs(wide), initial=0.0)))
    return bool(np.allclose(found, wide, rtol=relative, atol=ABSOLUTE * scale, equal_nan=True))


def tally(cases: Iterator[Case]) -> tuple[Counter[str], dict[str, str]]:
    """(how many cases came out how, the name of each wrong one -> its outputs)."""
    counts, wrong = Counter[str](), dict[str, str]()
    for case in cases:
        result, detail = outcome(case)
        counts[result] += 1
        if result == "wrong":
            wrong[case[0]] = detail
    print(dict(counts))
    return counts, wrong


def of_the_backends() -> Iterator[Case]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        for inputs, outputs in case.data_sets:
            yield case.name, case.model, inputs, outputs


def of_pytorch(kind: str) -> Iterator[Case]:
    for folder in sorted((Path(onnx.__file__).parent / "backend/test/data" / kind).iterdir()):
        model = onnx.load(folder / "model.onnx")
        # They are written in opset 6, which differs from 7 in how numbers broadcast alone.
        model.opset_import[0].version = max(7, model.opset_import[0].version)
        for data in sorted(folder.glob("test_data_set_*")):
            yield folder.name, model, arrays(data, "input"), arrays(data, "output")


def arrays(folder: Path, kind: str) -> list[NDArray[Any]]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return [numpy_helper.to_array(onnx.load_tensor(folder / f"{kind}_{index}.pb")) for index in range(count)]


def test_the_cases_of_the_backends() -> None:
    counts, wrong = tally(of_the_backends())
    assert wrong.keys() == EXPECTED.keys()
    assert counts["right"] >= 545
    assert counts["refused"] <= 136  # of Einsum and the scatters, those that images of a classifier have no use for


@pytest.mark.parametrize(("kind", "right"), [("pytorch-operator", 30), ("pytorch-converted", 70)])
def test_the_cases_of_pytorch(kind: str, right: int) -> None:
    counts, wrong = tally(of_pytorch(kind))
    assert wrong == {}
    assert counts["right"] >= right
