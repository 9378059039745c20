"""The values inside a file, and a copy that gives some of them, such as the logits that `find_head` finds.

A file with probabilities is judged without its softmax or sigmoid: near 0 and 1 they hide how wrong the logits are.
"""

from collections.abc import Sequence
from pathlib import Path

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from resnet_export.error_text import unlogged
from resnet_export.errors import ModelError
from resnet_export.graph.access import EXTERNAL_ABOVE, made_of
from resnet_export.graph.file import EXPORT_AGAIN, read
from resnet_export.graph.foreign import PASSING, find_head


def write_outputs(path: Path, outputs: Sequence[str], target: Path) -> None:
    """Writes a copy of a file whose outputs are the values of these names.

    Raises:
        ModelError: the file can't be read, or written again.
    """
    model = _inferred(path)
    keep_outputs(model, outputs)
    for value in model.graph.outputs:
        value.dtype = value.dtype or ir.DataType.FLOAT
    RemoveUnusedNodesPass()(model)
    _save(model, path, target)


def write_with_features(path: Path, target: Path) -> int | None:
    """Writes a copy of a classifier in whose first output the features stand before the values of the classes.

    The features, (batch, n), are what the last matrix product takes. One output has both, so that every runtime gives
    both in one run.

    Returns:
        n; None where no matrix product gives the values of the classes, and nothing was written.

    Raises:
        ModelError: as of `write_outputs`.
    """
    model = _inferred(path)
    head, output = find_head(model), model.graph.outputs[0]
    classes = output if head is None else ir.convenience.create_value_mapping(model.graph)[head.logits]
    product = made_of(classes, (*PASSING, "Add"))
    node = product.producer() if product is not None else None
    features = node.inputs[0] if node is not None and node.op_type in ("Gemm", "MatMul") else None
    count = features.shape[1] if features is not None and features.shape is not None and len(features.shape) == 2 else 0
    if features is None or not isinstance(count, int) or not count:
        return None
    kind = output.dtype or ir.DataType.FLOAT
    cast = ir.node("Cast", [features], {"to": kind})
    joined = ir.node("Concat", [cast.outputs[0], output], {"axis": 1})
    joined.outputs[0].name, joined.outputs[0].dtype = "features_and_classes", kind
    if output.shape is not None and len(output.shape) == 2 and isinstance(output.shape[1], int):
        joined.outputs[0].shape = ir.Shape([output.shape[0], count + output.shape[1]])  # OpenCV and ncnn want to know
    model.graph.extend([cast, joined])
    model.graph.outputs[:] = joined.outputs
    _save(model, path, target)
    return count


def keep_outputs(model: ir.Model, outputs: Sequence[str]) -> None:
    """Makes these values the outputs of a graph."""
    values = ir.convenience.create_value_mapping(model.graph)
    del model.graph.outputs[:]
    model.graph.outputs.extend(values[name] for name in outputs)


def value_names(path: Path) -> list[str]:
    """The float values of a graph that is not canonical, in its order."""
    floats = (ir.DataType.FLOAT, ir.DataType.FLOAT16)
    values = (value for node in _inferred(path).graph for value in node.outputs)
    return [value.name for value in values if value.name and value.dtype in floats]


def _inferred(path: Path) -> ir.Model:
    """The file with the types and shapes that onnx can infer; of a graph that it finds invalid, what that says."""
    model = read(path)
    with unlogged():
        ShapeInferencePass(check_type=False, strict_mode=False, data_prop=False)(model)
    return model


def _save(model: ir.Model, path: Path, target: Path) -> None:
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    try:
        ir.save(model, target, external_data=f"{target.name}.data" if size > EXTERNAL_ABOVE else None)
    except ir.serde.SerdeError as error:
        raise ModelError(f"{path} is damaged: one of its names is no UTF-8.", hint=EXPORT_AGAIN) from error
