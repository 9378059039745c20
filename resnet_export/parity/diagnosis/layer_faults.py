"""Known mistakes, made on purpose: what a layer would give if it were wrong in one of the usual ways.

Each is computed in float64 from the layer's own inputs and compared with what was found there, so that the cause
of a wrong layer is recognised by its output, in any runtime and in any file.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from resnet_export.parity.diagnosis.tensor_faults import OTHER_EPS
from resnet_export.parity.reference.truth import Floats, Parameters, affine, apply, convolve, pad, same_padding, windows
from resnet_export.parity.results import LayerError
from resnet_export.spec import ResNetSpec, Step

SAME = "SAME padding, which pads more below and to the right"
MANTISSAS = ((2.0**-13, 2.0**-9.5, "TF32 or float16"), (2.0**-9.5, 2.0**-6, "bfloat16"))
"""(least, most, precision): the local error of a convolution over its largest value, when it multiplies so."""


def layer_faults(
    step: Step, spec: ResNetSpec, parameters: Parameters, sources: list[Floats]
) -> Iterator[tuple[str, Floats]]:
    """(mistake in words, output of the step with it), (N, C, H, W), for each that the step can have.

    Args:
        step: the layer.
        spec: its network.
        parameters: what the network should have.
        sources: the layer's inputs, in float64.
    """
    match step.op:
        case "Conv":
            yield from _of_convolution(step, spec, parameters, sources[0])
        case "MaxPool":
            sides = _same_sides(sources[0], step)
            padded = pad(sources[0], sides, -np.inf)
            yield SAME, windows(padded, step.kernel, step.stride).max(axis=(-2, -1))
        case "Relu":
            yield "the activation is ReLU6", np.clip(sources[0], 0, 6)
            for slope in (0.01, 0.1, 0.2, 0.3):
                yield f"the activation is a leaky ReLU ({slope:g})", np.maximum(sources[0], slope * sources[0])
            yield "a ReLU is missing here", sources[0]
        case "Add":
            yield "the shortcut is missing", sources[0]
            yield "the block's own branch is missing", sources[1]
        case "GlobalAveragePool":
            yield "the pooling takes the maximum", sources[0].max(axis=(2, 3), keepdims=True)
        case "Gemm":
            weight = parameters[f"{step.name}.weight"].astype(np.float64)
            yield "the bias is missing", sources[0] @ weight.T


def pattern(layers: Sequence[LayerError]) -> str | None:
    """What the local errors of all convolutions together are the mark of."""
    errors = [layer.local_error / layer.scale for layer in layers if layer.op == "Conv" and layer.scale > 0]
    if not errors or not np.isfinite(errors).all():
        return None
    median = float(np.median(errors))
    for least, most, precision in MANTISSAS:
        if least <= median < most:
            return f"every convolution is off by about {median:.0e} of its largest value: it multiplies in {precision}"
    return None


def _of_convolution(step: Step, spec: ResNetSpec, parameters: Parameters, x: Floats) -> Iterator[tuple[str, Floats]]:
    def made(parameters: Parameters = parameters, x: Floats = x, **changes: Any) -> Floats:
        return apply(dataclasses.replace(step, **changes), [x.copy()], parameters, spec.eps, np.float64)

    kernel = f"{step.name}.weight"
    if step.stride > 1:
        yield SAME, _with_same_padding(step, spec, parameters, x)
    if x.shape[1] > 1:
        backwards = {**parameters, kernel: parameters[kernel][:, ::-1]}
        yield "the input channels are in another order (RGB and BGR)", made(backwards)
    yield from _of_batch_norm(step, spec, parameters, x)
    for other, output in _with_other_biases(step, spec, parameters, x):
        yield f"a pair of biases has changed places: this is that of {other}", output
    for stride in {1, 2} - {step.stride}:
        yield "the stride stands on another convolution of the block", made(stride=stride)
    if step.inputs == ("input",):
        yield "the input is on the scale 0..255, and 0..1 was meant", made(x=x * 255)
        yield "the input is on the scale 0..1, and 0..255 was meant", made(x=x / 255)


def _of_batch_norm(step: Step, spec: ResNetSpec, parameters: Parameters, x: Floats) -> Iterator[tuple[str, Floats]]:
    """Left out, applied twice, or with another eps; nothing where the parameters are folded already."""
    plain = convolve(x, parameters[f"{step.name}.weight"], step.stride, step.padding, np.float64)
    if f"{step.norm}.weight" not in parameters:
        yield "the bias is missing", plain
        return
    scale, shift = affine(step, parameters, spec.eps)
    yield "the batch norm was left out, or not folded", plain
    once = plain * scale + shift
    yield "the batch norm was applied twice", once * scale + shift
    for eps in OTHER_EPS:
        other, moved = affine(step, parameters, eps)
        yield f"batch norm with eps {eps:g}", plain * other + moved


def _with_other_biases(step: Step, spec: ResNetSpec, parameters: Parameters, x: Floats) -> Iterator[tuple[str, Floats]]:
    """The output with the bias of each other layer of the same width, exchanged before or after the folding."""
    plain = convolve(x, parameters[f"{step.name}.weight"], step.stride, step.padding, np.float64)
    others = [o for o in spec.steps if o.op == "Conv" and o.name != step.name and o.channels == step.channels]
    if f"{step.norm}.weight" not in parameters:
        for other in others:
            yield other.name, plain + parameters[f"{other.name}.bias"].astype(np.float64)[:, None, None]
        return
    scale, shift = affine(step, parameters, spec.eps)
    scaled = plain * scale
    own = parameters[f"{step.norm}.bias"].astype(np.float64)[:, None, None]
    for other in others:
        yield other.name, scaled + affine(other, parameters, spec.eps)[1]
        yield other.name, scaled + (shift - own) + parameters[f"{other.norm}.bias"].astype(np.float64)[:, None, None]


def _with_same_padding(step: Step, spec: ResNetSpec, parameters: Parameters, x: Floats) -> Floats:
    padded = pad(x, _same_sides(x, step), 0.0)
    return apply(dataclasses.replace(step, padding=0), [padded], parameters, spec.eps, np.float64)


def _same_sides(x: Floats, step: Step) -> tuple[int, int, int, int]:
    """(top, left, bottom, right)."""
    (top, bottom), (left, right) = (same_padding(size, step.kernel, step.stride) for size in x.shape[2:])
    return top, left, bottom, right
