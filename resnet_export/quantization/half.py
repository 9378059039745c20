"""A file in float16: the canonical graph with its numbers halved, and a conversion at both ends.

The largest number of float16 is 65504: a network whose values are larger overflows there. Batch norms are folded in
float64 before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from resnet_export.classify.evaluate import evaluate
from resnet_export.errors import ResNetExportError
from resnet_export.graph.recipe import Quantization, Recipe
from resnet_export.graph.reduced import CONVERSIONS
from resnet_export.progress import Progress
from resnet_export.quantization.int8 import attempts_of, prepared
from resnet_export.quantization.made import Made
from resnet_export.quantization.options import QuantizeOptions
from resnet_export.quantization.statistics import Values, measure
from resnet_export.quantization.subject import Subject

LARGEST = float(np.finfo(np.float16).max)
SLOW = (
    "ONNX Runtime's CPU provider has no float16 convolution: it converts to float32 and back, and is slower than with "
    "float32. On a CPU bfloat16 is an option of the runtime: openvino,precision=bfloat16."
)
HALF = ir.TensorType(ir.DataType.FLOAT16)
ROOM = 0.5
"""Share of the largest number that the values of a calibration may use: other pictures have larger ones."""


def make_half(options: QuantizeOptions, subject: Subject, folder: Path, stage: Progress) -> Made:
    """Everything but the proof."""
    network, part, notes = subject.network, None, [SLOW]
    run, digest, count = 0, None, 0
    if options.calibrate is None:
        notes.append("Whether values overflow was not looked at, since no pictures were given: --calibrate gives them.")
    else:
        pictures = prepared(options, subject, folder, stage)
        with stage("overflow"):
            refuse_overflow(measure(network, pictures.calibration))
        part, notes = pictures.held_out, [*notes, *pictures.notes]
        run, digest, count = 2 * pictures.calibration.count, pictures.calibration.digest, pictures.calibration.count

    known, evaluated = Quantization(Recipe("float16"), digest, count, seed=options.seed), None

    def write(path: Path, made: Quantization) -> Path:
        return network.write(halved(network.graph(), options.io), path, made)

    if options.labelled is not None:
        with stage("evaluate"):
            made = write(folder / "attempt.onnx", known)
            evaluated = evaluate(made, options.labelled, against=subject.path, max_drop=options.max_drop)
        run += 2 * evaluated.evaluated
    return Made(
        quantization=known,
        write=write,
        held_out=part,
        timed=False,
        here=False,
        reason="numbers and values in 16 bits, for GPUs and other accelerators",
        source="IEEE 754, binary16",
        attempts=() if evaluated is None else attempts_of((), evaluated),
        evaluated=evaluated,
        pictures_run=run,
        notes=tuple(notes),
    )


def halved(model: ir.Model, io: str) -> ir.Model:
    """The graph with its numbers in float16, in place. What normalises pixels stays in float32.

    Args:
        model: in float32, with its numbers.
        io: type of its outputs, and of its input where that is no pixels.
    """
    graph = model.graph
    before = [node for node in graph if (node.name or "").startswith("preprocess.")]
    exact = {value for node in before for value in node.inputs}
    for value in graph.initializers.values():
        tensor = value.const_value
        if tensor is not None and tensor.dtype == ir.DataType.FLOAT and value not in exact:
            value.const_value = ir.Tensor(tensor.numpy().astype(np.float16), name=value.name)
            value.type = HALF
    if io == "float16" and not before:
        graph.inputs[0].type = HALF
    else:
        _convert_input(graph, before[-1].outputs[0] if before else graph.inputs[0])
    if io == "float16":
        for value in graph.outputs:
            value.type = HALF
    else:
        _convert_outputs(graph)
    return model


def refuse_overflow(values: Mapping[str, Values]) -> None:
    """Refuses a network whose values are too large.

    Raises:
        ResNetExportError: they are; names the first.
    """
    for name, found in values.items():
        largest = max(abs(found.low), abs(found.high))
        if not largest <= ROOM * LARGEST:
            raise ResNetExportError(
                f"{name} gives values up to {largest:.4g}, and float16 ends at {LARGEST:.0f}: other pictures overflow.",
                hint="Use int8, or a runtime's bfloat16, such as openvino,precision=bfloat16.",
            )


def _convert_input(graph: ir.Graph, image: ir.Value) -> None:
    users = [(use.node, use.idx) for use in image.uses()]
    node = ir.node("Cast", [image], {"to": int(ir.DataType.FLOAT16)}, name=CONVERSIONS[0])
    node.outputs[0].name = CONVERSIONS[0]
    graph.insert_before(users[0][0], node)
    for user, at in users:
        user.replace_input_with(at, node.outputs[0])


def _convert_outputs(graph: ir.Graph) -> None:
    for at, output in enumerate(list(graph.outputs)):
        node = ir.node("Cast", [output], {"to": int(ir.DataType.FLOAT)}, name=CONVERSIONS[1] + (f".{at}" if at else ""))
        made = node.outputs[0]
        made.name, output.name = output.name, f"{output.name}.half"
        made.type, made.shape, output.type = ir.TensorType(ir.DataType.FLOAT), output.shape, HALF
        graph.append(node)
        graph.outputs[at] = made
