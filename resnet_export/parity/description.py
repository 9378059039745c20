"""A file is read for its verification: one of ours, one of ours that another tool changed, or a foreign one."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from resnet_export.errors import CheckpointError, ModelError, StructureError
from resnet_export.graph.cut import write_outputs
from resnet_export.graph.file import NO_TENSORS, read, read_metadata
from resnet_export.graph.foreign import ImageInput, ProbabilityHead, find_head, image_input, sized, type_name
from resnet_export.graph.metadata import Metadata, initializers_digest, is_ours
from resnet_export.images import Preprocessing
from resnet_export.network import Step
from resnet_export.network.sizes import Pixels
from resnet_export.parity.diagnosis.contents import describe_change, layer_precisions
from resnet_export.parity.expected import expected_of
from resnet_export.parity.model_under_test import ModelUnderTest, canonical_model
from resnet_export.parity.own_graph import read_own_graph, read_rounded
from resnet_export.parity.reference.oracles import NetworkOracle
from resnet_export.parity.results import Diagnosis, Quantity
from resnet_export.runtimes.session import Precision
from resnet_export.sources import Source, Trained
from resnet_export.sources.preparation import preparation_of, takes_pixels

FLOATS = ("bfloat16", "float16", "float32", "float64")
LINEAR = frozenset(
    {"Add", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "MatMul", "ReduceMean", "Reshape", "Squeeze"}
)
"""Operators that end with logits: what makes probabilities of them is no linear one."""


def describe(path: Path, weights: Source, folder: Path, image_size: Pixels | None = None) -> ModelUnderTest:
    """Reads a file, and the source that it should hold.

    Args:
        path: the `.onnx` file.
        weights: a checkpoint, a whole model or another file; None takes the file for right, and looks at what runtimes
            make of it.
        folder: where a copy with other outputs may be put.
        image_size: height and width in pixels, one number or a pair, for a file that leaves them open.

    Raises:
        ModelError: the file is missing or damaged, takes no image, gives no numbers, or has an operator that is not
            read.
        CheckpointError: `weights` cannot be read, or belong to a network with another input.
        InputError: `weights` are a model that can't be traced or read.
    """
    model = read(path)
    _check_version(model, path)
    others, remarks = _outputs(model, path)
    head = find_head(model)
    outputs = (model.graph.outputs[0].name or "" if head is None else head.logits, *others)
    logits_path = None if head is None else folder / path.name
    if logits_path is not None:
        write_outputs(path, outputs, logits_path)
    taken = sized(image_input(model, path), image_size, path)
    if not is_ours(model):
        found = _foreign(model, path, taken, weights, head, logits_path, outputs)
        return replace(found, remarks=(*remarks, *found.remarks))
    metadata = read_metadata(model, path)
    tested = canonical_model(path, None, others=others) if weights is None else _own(path, metadata, weights, others)
    tested = replace(tested, logits_path=logits_path, remarks=(*remarks, *tested.remarks))
    if image_size is not None:
        tested = replace(tested, taken=replace(tested.taken, height=taken.height, width=taken.width))
    if metadata.quantization is not None:
        tested = replace(tested, taken=replace(tested.taken, dtype=taken.dtype))
        return _reduced(tested, metadata, metadata.quantization.recipe.precision, given=weights is not None)
    change = None if tested.wrong is None else describe_change(model, metadata)
    if change is None:
        return tested
    return _changed(model, metadata, tested, outputs, *change, given=weights is not None)


def _check_version(model: ir.Model, path: Path) -> None:
    if model.ir_version > onnx.IR_VERSION:
        raise ModelError(
            f"{path} has IR version {model.ir_version}, and onnx {onnx.__version__} supports versions up to "
            f"{onnx.IR_VERSION}.",
            hint="Update onnx and the runtimes, such as: pip install --upgrade onnx onnxruntime",
        )


def _outputs(model: ir.Model, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the names of the float outputs behind the first, a note for each other one).

    Raises:
        ModelError: the first is no numbers.
    """
    first, *others = model.graph.outputs
    kinds = {
        value.name or "": "float32" if value.dtype is None else type_name(value.dtype) for value in model.graph.outputs
    } | model.meta[NO_TENSORS]
    kind = kinds[first.name or ""]
    if kind not in FLOATS:
        raise ModelError(
            f"{path} gives {first.name!r} first, which is {kind}, and numbers for the classes are expected.",
            hint="Export it with its probabilities or logits as the first output; for a ZipMap: zipmap=False.",
        )
    floats = tuple(value.name or "" for value in others if kinds[value.name or ""] in FLOATS)
    rest = [value.name or "" for value in others if value.name not in floats]
    return floats, tuple(f"Not compared: the output {name}, which is {kinds[name]}." for name in rest)


def _own(path: Path, metadata: Metadata, weights: Source, others: tuple[str, ...]) -> ModelUnderTest:
    """A file of ours beside its source."""
    spec = metadata.spec
    assumed = {} if spec is None else {"eps": spec.eps, "stride_on": spec.stride_on}
    expected = expected_of(weights, metadata.canonical.image, path, assumed)
    trained = expected.trained
    network, numbers, mismatch = trained.network, trained.numbers, None
    try:
        network, numbers = expected.aligned(metadata)
    except StructureError as error:
        mismatch = Diagnosis.of(error)
    if mismatch is None:
        mismatch = expected.other_head(metadata.interface.activation_of(metadata.canonical.classes))
    tested = canonical_model(path, lambda: numbers, network, expected.truth, others, mismatch)
    oracle = replace(tested.oracle, takes_raw=takes_pixels(network, numbers))
    return replace(tested, oracle=oracle, source=trained, remarks=expected.remarks)


def _reduced(tested: ModelUnderTest, metadata: Metadata, precision: Precision, *, given: bool) -> ModelUnderTest:
    """A file of reduced precision that is ours: its runtimes have to compute what it says, rounding included."""
    kept = replace(tested, canonical=False, precision=precision, exact=None if given else tested.oracle)
    if given:
        outside = "Random images lie outside of the ranges that calibration chose: look at pictures, with --images."
        return replace(kept, remarks=(*kept.remarks, outside) if precision == "int8" else kept.remarks)
    oracle = read_rounded(tested.logits_path or tested.path, metadata, tested.others)
    quantity: Quantity = tested.given if tested.logits_path is not None else "output"
    return replace(kept, oracle=oracle, given=quantity)


def _changed(
    model: ir.Model,
    metadata: Metadata,
    tested: ModelUnderTest,
    outputs: tuple[str, ...],
    change: str,
    precision: Precision,
    *,
    given: bool,
) -> ModelUnderTest:
    """A file of ours that another tool changed: its metadata still say what it takes, and what it should be."""
    kept = initializers_digest(model) == metadata.initializers_digest
    taken = replace(tested.taken, dtype=image_input(model, tested.path).dtype)
    known, copied = given or kept, tested.logits_path is not None
    change = f"{change}; its numbers are {'still' if kept else 'no longer'} those that were exported"
    oracle, wrong = tested.oracle, None
    if not known:
        try:
            own = read_own_graph(tested.path, taken, outputs)
        except ModelError as error:
            message = f"{error.message} Another tool changed the file after its export: it was {change}."
            raise ModelError(message, hint=error.hint) from error
        oracle, wrong = own.oracle, own.wrong
    return replace(
        tested,
        taken=taken,
        given=tested.given if known or copied else "output",
        activation=tested.activation if copied else None,
        oracle=oracle,
        canonical=False,
        precision=precision,
        wrong=wrong,
        change=change,
    )


def _foreign(
    model: ir.Model,
    path: Path,
    taken: ImageInput,
    weights: Source,
    head: ProbabilityHead | None,
    logits_path: Path | None,
    outputs: tuple[str, ...],
) -> ModelUnderTest:
    """A file of others, beside its source or by itself."""
    precisions = layer_precisions(model)
    tested = partial(
        ModelUnderTest,
        path=path,
        logits_path=logits_path,
        activation=head and head.activation,
        canonical=False,
        # float32 where one layer has it, so that a file cannot loosen its own rule
        precision=precisions.pop() if len(precisions) == 1 else "float32",
    )
    given: Quantity = "output" if logits_path is None else "probabilities"
    if weights is None:
        own = read_own_graph(path, taken, outputs)
        usual = Preprocessing.default(taken.channels, own.oracle.network.image[1])
        return tested(
            taken=own.taken, preprocessing=usual, given=given, oracle=own.oracle, wrong=own.wrong, remarks=own.remarks
        )
    expected = expected_of(weights, (taken.channels, taken.height, taken.width), path)
    trained = expected.trained
    _refuse_other_images(trained, taken, path)
    if logits_path is None:
        trained, given = _with_head(trained, model)
    raw = takes_pixels(trained.network, trained.numbers)
    normalised = taken.dtype == "uint8" and not raw
    truth = expected.truth + ("; its pixels are taken to be normalised as ImageNet's" if normalised else "")
    others, alone = expected.others(outputs[1:])
    return tested(
        taken=taken,
        preprocessing=preparation_of(trained)[0],
        given=given,
        oracle=NetworkOracle(trained.network, lambda: trained.numbers, truth, others, takes_raw=raw),
        wrong=_wrong_classes(model, trained) or expected.other_head(head and head.activation),
        remarks=(*expected.remarks, *alone),
        source=trained,
    )


def _refuse_other_images(trained: Trained, taken: ImageInput, path: Path) -> None:
    if trained.network.image[0] != taken.channels:
        raise CheckpointError(
            f"The weights take {trained.network.image[0]} channels, and {path.name} takes {taken.channels}.",
            hint="Give the checkpoint that the file was made of.",
        )
    if trained.network.batch not in (None, taken.batch):
        raise CheckpointError(
            f"{trained.origin} takes {trained.network.batch} images at a time, and {path.name} takes "
            f"{taken.batch or 'any number'}.",
            hint="Give a source that takes any number of images.",
        )


def _with_head(trained: Trained, model: ir.Model) -> tuple[Trained, Quantity]:
    """The source as far as the file goes: where that doesn't end with logits, it has the source's own head.

    A head that was found is cut off the file instead. This is for heads that are written in other operators.
    """
    node = model.graph.outputs[0].producer()
    if trained.activation is None or node is None or node.op_type in LINEAR:
        return trained, "logits"
    network = trained.network
    op, attributes = ("Softmax", {"axis": 1}) if trained.activation == "softmax" else ("Sigmoid", {})
    step = Step("head", op, (network.output,), attributes)
    network = replace(network, steps=(*network.steps, step), outputs=(step.name, *network.outputs[1:]))
    return replace(trained, network=network), "output"


def _wrong_classes(model: ir.Model, trained: Trained) -> Diagnosis | None:
    """Whether the file has another number of outputs than the source has classes."""
    given, classes = _values(model.graph.outputs[0].shape), _values(trained.network.shapes[trained.network.output])
    if given is None or given == classes:
        return None
    detail = f"it gives {given} values, and the weights have {classes} classes"
    return Diagnosis(trained.network.output, "the file", detail, None)


def _values(shape: Sequence[Any] | ir.Shape | None) -> int | None:
    """How many values there are for an image; None where that is open. Some files of one image have no axis for it."""
    sizes = () if shape is None else tuple(shape)[1:] or tuple(shape)
    return math.prod(sizes) if sizes and all(isinstance(size, int) for size in sizes) else None
