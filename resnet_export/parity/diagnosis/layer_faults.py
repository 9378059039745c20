"""Known mistakes, made on purpose: what a layer would give if it were wrong in one of the usual ways.

Each is computed in float64 from the layer's own inputs and compared with what was found there, so that the cause
of a wrong layer is recognised by its output, in any runtime and in any file.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from resnet_export.graph.reading.rules.windows import same_padding
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import Numbers, apply
from resnet_export.network.folding import PRODUCTS, scale_and_shift
from resnet_export.network.operators.operator import Floats, along_channels
from resnet_export.parity.diagnosis.tensor_faults import OTHER_EPS, mistaken_norms
from resnet_export.parity.results import LayerError

SAME = "SAME padding, which pads more below and to the right"
MANTISSAS = ((2.0**-13, 2.0**-9.5, "TF32 or float16"), (2.0**-9.5, 2.0**-6, "bfloat16"))
"""(least, most, precision): the local error of a convolution over its largest value, when it multiplies so."""


def layer_faults(step: Step, network: Network, numbers: Numbers, sources: list[Floats]) -> Iterator[tuple[str, Floats]]:
    """(mistake in words, output of the step with it), (N, C, H, W), for each that the step can have."""
    match step.op:
        case "Conv":
            yield from _of_convolution(step, network, numbers, sources[0])
        case "BatchNormalization":
            yield from _of_norm(step, numbers, sources)
        case "MaxPool":
            yield SAME, apply(_changed(step, pads=_same_pads(sources[0], step)), sources, numbers)
        case "Relu":
            yield "the activation is ReLU6", np.clip(sources[0], 0, 6)
            for slope in (0.01, 0.1, 0.2, 0.3):
                yield f"the activation is a leaky ReLU ({slope:g})", np.maximum(sources[0], slope * sources[0])
            yield "a ReLU is missing here", sources[0]
        case "Add" if len(sources) == 2:
            yield "the shortcut is missing", sources[0]
            yield "the block's own branch is missing", sources[1]
        case "GlobalAveragePool":
            yield "the pooling takes the maximum", sources[0].max(axis=(2, 3), keepdims=True)
        case "Gemm":
            yield "the bias is missing", _plain(step, numbers, sources[0])


def pattern(layers: Sequence[LayerError]) -> str | None:
    """What the local errors of all convolutions together are the mark of."""
    errors = [layer.local_error / layer.scale for layer in layers if layer.op == "Conv" and layer.scale > 0]
    if len(errors) < 2 or not np.isfinite(errors).all():
        return None
    median = float(np.median(errors))
    for least, most, precision in MANTISSAS:
        if least <= median < most:
            return f"every convolution is off by about {median:.0e} of its largest value: it multiplies in {precision}"
    return None


def _of_convolution(step: Step, network: Network, numbers: Numbers, x: Floats) -> Iterator[tuple[str, Floats]]:
    def made(numbers: Numbers = numbers, x: Floats = x, **attributes: Any) -> Floats:
        return apply(_changed(step, **attributes), [x], numbers)

    if (x < 0).any():
        yield "a ReLU is missing before it", made(x=np.maximum(x, 0))
    kernel, strides = _product(step).parameter("weight"), _product(step).attributes["strides"]
    if max(strides) > 1:
        yield SAME, made(pads=_same_pads(x, step))
    if x.shape[1] > 1:
        backwards = {**numbers, kernel: numbers[kernel][:, ::-1]}
        yield "the input channels are in another order (RGB and BGR)", made(backwards)
    yield from _of_batch_norm(step, numbers, x)
    for other, output in _with_other_biases(step, network, numbers, x):
        yield f"a pair of biases has changed places: this is that of {other}", output
    for stride in ((1, 1), (2, 2)):
        if stride != strides:
            yield "the stride stands on another convolution of the block", made(strides=stride)
    if step.inputs == (IMAGE,):
        yield "the input is on the scale 0..255, and 0..1 was meant", made(x=x * 255)
        yield "the input is on the scale 0..1, and 0..255 was meant", made(x=x / 255)


def _of_batch_norm(step: Step, numbers: Numbers, x: Floats) -> Iterator[tuple[str, Floats]]:
    """Left out, applied twice, or with another eps; nothing where the numbers are folded already."""
    plain = _plain(step, numbers, x)
    if not step.parts:
        yield "the bias is missing", plain
    else:
        yield from ((cause, _scaled(plain, scale, shift)) for cause, scale, shift in mistaken_norms(step, numbers))


def _of_norm(step: Step, numbers: Numbers, sources: list[Floats]) -> Iterator[tuple[str, Floats]]:
    """The same of a batch norm that is a step of its own."""
    yield "the batch norm was left out", sources[0]
    yield "the batch norm was applied twice", apply(step, [apply(step, sources, numbers)], numbers)
    for eps in OTHER_EPS:
        yield f"batch norm with eps {eps:g}", apply(_changed(step, epsilon=eps), sources, numbers)


def _with_other_biases(step: Step, network: Network, numbers: Numbers, x: Floats) -> Iterator[tuple[str, Floats]]:
    """The output with the bias of each other layer of the same width, exchanged before or after the folding."""
    product, *behind = step.parts or (step,)
    width, plain = product.parameters["weight"][0], _plain(step, numbers, x)
    others = [
        other for other in network.steps
        if other.op == "Conv" and other.name != step.name and other.parameters["weight"][0] == width
        and "bias" in other.parameters and "bias" in step.parameters
    ]  # fmt: skip
    scale, shift = scale_and_shift(product, behind, numbers)
    scaled = _scaled(plain, scale, 0 * shift)
    for other in others:
        first, *rest = other.parts or (other,)
        yield other.name, scaled + along_channels(scale_and_shift(first, rest, numbers)[1], plain)
        if behind and rest and {"bias"} <= behind[-1].parameters.keys() & rest[-1].parameters.keys():
            own, another = (numbers[last.parameter("bias")].astype(np.float64) for last in (behind[-1], rest[-1]))
            yield other.name, scaled + along_channels(shift - own + another, plain)


def _product(step: Step) -> Step:
    return (step.parts or (step,))[0]


def _changed(step: Step, **attributes: Any) -> Step:
    """The step, or the first of those that it stands for, with other attributes."""
    first, *others = step.parts or (step,)
    first = dataclasses.replace(first, attributes={**first.attributes, **attributes})
    return dataclasses.replace(step, parts=(first, *others))


def _plain(step: Step, numbers: Numbers, x: Floats) -> Floats:
    """The product alone, without any bias or batch norm."""
    product = _product(step)
    assert product.op in PRODUCTS, "only products are folded"
    weight = {"weight": product.parameters["weight"]}
    return apply(dataclasses.replace(product, parameters=weight, parts=()), [x], numbers)


def _scaled(plain: Floats, scale: Floats, shift: Floats) -> Floats:
    return plain * along_channels(scale, plain) + along_channels(shift, plain)


def _same_pads(x: Floats, step: Step) -> tuple[int, ...]:
    """(top, left, bottom, right)."""
    attributes = _product(step).attributes
    axes = zip(x.shape[2:], attributes["kernel_shape"], attributes["strides"], strict=True)
    (top, bottom), (left, right) = (same_padding(size, kernel, stride) for size, kernel, stride in axes)
    return top, left, bottom, right
