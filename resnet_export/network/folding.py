"""Exact folding: what scales and shifts the channels of a convolution or matrix product is merged into its numbers.

    y      = (W x) * scale + shift
    scale  = gamma / sqrt(variance + eps)              of a batch norm
    shift  = (shift - mean) * scale + beta
    weight = W * scale                                 per output channel
    bias   = shift

computed in float64 and rounded to float32 once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import Network, Step
from resnet_export.network.evaluation import Numbers

PRODUCTS = ("Conv", "Gemm")
CHANNELWISE = ("Add", "Div", "Mul", "Sub")

Float64 = NDArray[np.float64]


def fold(network: Network) -> Network:
    """The network whose convolutions stand for what follows them alone; each keeps these steps as its `parts`."""
    steps: dict[str, Step] = {}
    folded: dict[str, str] = {}
    for step in network.steps:
        step = replace(step, inputs=tuple(folded.get(name, name) for name in step.inputs))
        before = steps.get(step.inputs[0])
        if before is not None and _folds(network, before, step):
            steps[before.name] = _merged(before, step)
            folded[step.name] = before.name
        else:
            steps[step.name] = step
    outputs = tuple(folded.get(name, name) for name in network.outputs)
    return replace(network, steps=tuple(steps.values()), outputs=outputs)


def classifier_of(network: Network) -> Step | None:
    """The matrix product that gives the classes, or with which `fold` merges what does; None where there is none."""
    step = network.step[network.output]
    while step.op != "Gemm":
        before = network.step.get(step.inputs[0])
        if before is None or not _is_channelwise(network, before.name, step):
            return None
        step = before
    return step


def unfolded(network: Network) -> Network:
    """The network with the numbers of a file: its steps stand for nothing but themselves."""
    return replace(network, steps=tuple(replace(step, parts=()) for step in network.steps))


def _folds(network: Network, before: Step, step: Step) -> bool:
    """Whether `step` only scales and shifts the channels of the product `before`, and is its only use."""
    return before.op in PRODUCTS and _is_channelwise(network, (before.parts or (before,))[-1].name, step)


def _is_channelwise(network: Network, last: str, step: Step) -> bool:
    """Whether `step` only scales and shifts the channels of the step `last`, and is its only use."""
    if not network.has_one_use(last):
        return False
    if step.op == "BatchNormalization":
        return True
    if step.op not in CHANNELWISE or set(step.parameters) != {"right"}:
        return False
    shape, rank = step.parameters["right"], len(network.shapes[step.name])
    wide = (1,) * (rank - len(shape)) + shape
    return network.shapes[step.name] == network.shapes[last] and all(
        size == 1 for axis, size in enumerate(wide) if axis != 1
    )


def _merged(before: Step, step: Step) -> Step:
    first, *_ = before.parts or (before,)
    parts = (*(before.parts or (replace(before, parts=()),)), replace(step, parts=()))
    out = first.parameters["weight"][0]
    return replace(before, parameters={"weight": first.parameters["weight"], "bias": (out,)}, parts=parts)


def folded_numbers(network: Network, numbers: Numbers) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yields the float32 numbers of a folded network one by one, so that not all of them are in memory at once."""
    for step in network.steps:
        if step.parts:
            product, *others = step.parts
            scale, shift = scale_and_shift(product, others, numbers)
            kernel = numbers[product.parameter("weight")]
            yield step.parameter("weight"), _scaled(kernel, scale.reshape(-1, *(1,) * (kernel.ndim - 1)))
            yield step.parameter("bias"), shift.astype(np.float32)
        else:
            for name in step.names:
                yield name, numbers[name].astype(np.float32, copy=False)


def scale_and_shift(
    product: Step, others: list[Step], numbers: Numbers, eps: float | None = None
) -> tuple[Float64, Float64]:
    """(scale, shift), each (C,) in float64, of what follows a product.

    Args:
        product: the convolution or matrix product.
        others: the steps behind it.
        numbers: the network's.
        eps: taken for that of every batch norm, to show what another one would make.
    """
    channels = product.parameters["weight"][0]
    scale: Float64 = np.ones(channels)
    shift: Float64 = np.zeros(channels)
    if "bias" in product.parameters:
        shift = numbers[product.parameter("bias")].astype(np.float64)
    for step in others:
        own = {role: numbers[step.parameter(role)].astype(np.float64) for role in step.parameters}
        if step.op == "BatchNormalization":
            epsilon = step.attributes["epsilon"] if eps is None else eps
            factor = own["weight"] / np.sqrt(own["running_var"] + epsilon)
            scale, shift = scale * factor, (shift - own["running_mean"]) * factor + own["bias"]
        else:
            scale, shift = _channelwise(step.op, own["right"].ravel(), scale, shift)
    return scale, shift


def _channelwise(op: str, number: Float64, scale: Float64, shift: Float64) -> tuple[Float64, Float64]:
    match op:
        case "Mul":
            return scale * number, shift * number
        case "Div":
            return scale / number, shift / number
        case "Sub":
            return scale, shift - number
    return scale, shift + number


def _scaled(kernel: NDArray[Any], scale: Float64) -> NDArray[np.float32]:
    """The product in float64, rounded once: NumPy does so piece by piece, without a float64 copy of the kernel."""
    out = np.empty(kernel.shape, np.float32)
    np.multiply(kernel, scale, out=out, dtype=np.float64, casting="same_kind")
    return out
