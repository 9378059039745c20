"""Known mistakes, made on purpose: what a layer or a tensor would be if it were wrong in one of the usual ways.

A layer's are computed in float64 from its own inputs and compared with what was found there, so that the cause of a
wrong layer is recognised by its output, in any runtime and in any file.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_export.graph.reading.rules.windows import same_padding
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import Numbers, apply
from resnet_export.network.folding import PRODUCTS, scale_and_shift
from resnet_export.network.operators.operator import Floats, along_channels
from resnet_export.parity.results import LayerError
from resnet_export.weights.canonical import Array

ULPS = 4
"""Units in the last place within which two foldings of the same numbers agree: one rounding each, and some room."""
OTHER_EPS = (1e-3, 1e-6, 1e-4, 1e-2, 1e-7, 0.0)
"""Keras's default, and what other libraries use."""
SAME = "SAME padding, which pads more below and to the right"
MANTISSAS = ((2.0**-13, 2.0**-9.5, "TF32 or float16"), (2.0**-9.5, 2.0**-6, "bfloat16"))
"""(least, most, precision): the local error of a convolution over its largest value, when it multiplies so."""


def layer_faults(step: Step, network: Network, numbers: Numbers, sources: list[Floats]) -> Iterator[tuple[str, Floats]]:
    """(mistake in words, output of the step with it), (N, C, H, W), for each that the step can have."""
    match step.op:
        case "Conv":
            yield from _of_convolution(step, network, numbers, sources[0])
        case "BatchNormalization":
            yield "the batch norm was left out", sources[0]
            yield "the batch norm was applied twice", apply(step, [apply(step, sources, numbers)], numbers)
            for eps in OTHER_EPS:
                yield f"batch norm with eps {eps:g}", apply(_changed(step, epsilon=eps), sources, numbers)
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
    plain = _plain(step, numbers, x)
    if step.parts:
        yield from ((cause, _scaled(plain, scale, shift)) for cause, scale, shift in mistaken_norms(step, numbers))
    else:
        yield "the bias is missing", plain
    for other, output in _with_other_biases(step, network, numbers, x):
        yield f"a pair of biases has changed places: this is that of {other}", output
    for stride in ((1, 1), (2, 2)):
        if stride != strides:
            yield "the stride stands on another convolution of the block", made(strides=stride)
    if step.inputs == (IMAGE,):
        yield "the input is on the scale 0..255, and 0..1 was meant", made(x=x * 255)
        yield "the input is on the scale 0..1, and 0..255 was meant", made(x=x / 255)


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
    first = dataclasses.replace(_product(step), attributes={**_product(step).attributes, **attributes})
    return dataclasses.replace(step, parts=(first, *step.parts[1:]))


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


def ulps(found: Array, expected: Array) -> float:
    """The largest difference in units in the last place of the tensor's largest value; infinity for other shapes."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    if np.array_equal(found, expected):  # as nearly always, and float64 copies take time and memory
        return 0.0
    unit = np.spacing(np.float32(np.abs(expected).max(initial=np.finfo(np.float32).tiny)))
    return float(np.abs(found.astype(np.float64) - expected).max(initial=0.0) / unit)


def explain(
    name: str,
    found: Array,
    expected: Mapping[str, Array],
    network: Network | None = None,
    numbers: Numbers | None = None,
) -> str | None:
    """The mistake that makes `found` of `expected[name]`, which are folded of `numbers` where there is a `network`."""
    array = expected[name]
    if found.shape != array.shape:
        return None
    if found.ndim == 4 and found.shape[1] > 1 and ulps(found, array[:, ::-1]) <= ULPS:
        return "the input channels are in another order (RGB and BGR)"
    for other, values in expected.items():
        if other != name and values.shape == array.shape and ulps(found, values) <= ULPS and values.any():
            kind = "biases" if name.endswith(".bias") else "tensors"
            return f"a pair of {kind} has changed places: this is {other}"
    layer, _, part = name.rpartition(".")
    step = None if network is None else network.step.get(layer)
    if step is None or not step.parts or numbers is None:
        return None
    kernel = numbers[step.parts[0].parameter("weight")].astype(np.float64)
    for cause, scale, shift in mistaken_norms(step, numbers):
        made = shift if part == "bias" else kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1))
        if ulps(found, made.astype(np.float32)) <= ULPS:
            return cause
    return None


def mistaken_norms(step: Step, numbers: Numbers) -> Iterator[tuple[str, Floats, Floats]]:
    """(mistake, the scale and the shift that it makes of what stands behind the product) for one folded step."""
    product, *others = step.parts
    scale, shift = scale_and_shift(product, others, numbers)
    yield "the batch norm was left out, or not folded", np.ones_like(scale), 0 * shift
    yield "the batch norm was applied twice", scale * scale, shift * scale + shift
    for eps in OTHER_EPS:
        yield f"batch norm with eps {eps:g}", *scale_and_shift(product, others, numbers, eps)
