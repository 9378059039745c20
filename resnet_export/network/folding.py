"""Exact folding: what scales and shifts the channels of a convolution or matrix product is merged into its numbers.

    y      = (W x) * scale + shift
    scale  = gamma / sqrt(variance + eps)              of a batch norm
    shift  = (shift - mean) * scale + beta
    weight = W * scale                                 per output channel
    bias   = shift

computed in float64 and rounded to float32 once.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import Network, Step
from resnet_export.network.evaluation import Numbers

PRODUCTS = ("Conv", "Gemm")
CHANNELWISE = {"Add": np.add, "Div": np.divide, "Mul": np.multiply, "Sub": np.subtract}

Float64 = NDArray[np.float64]


def fold(network: Network) -> Network:
    """The network whose convolutions stand for what follows them alone; each keeps these steps as its `parts`."""
    steps: dict[str, Step] = {}
    folded: dict[str, str] = {}
    for step in network.steps:
        step = replace(step, inputs=tuple(folded.get(name, name) for name in step.inputs))
        before = steps.get(step.inputs[0])
        parts = () if before is None else before.parts or (replace(before, parts=()),)
        if before is not None and before.op in PRODUCTS and _is_channelwise(network, parts[-1].name, step):
            weight = parts[0].parameters["weight"]
            parameters = {"weight": weight, "bias": weight[:1]}
            steps[before.name] = replace(before, parameters=parameters, parts=(*parts, replace(step, parts=())))
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


def _is_channelwise(network: Network, last: str, step: Step) -> bool:
    """Whether `step` only scales and shifts the channels of the step `last`, and is its only use."""
    if not network.has_one_use(last):
        return False
    if step.op == "BatchNormalization":
        return True
    return step.op in CHANNELWISE and set(step.parameters) == {"right"} and is_along_channels(network, step)


def is_along_channels(network: Network, step: Step) -> bool:
    """Whether a step's number is one for all channels of its input, or one for each; it repeats nothing of that."""
    shape, output = step.parameters["right"], network.shapes[step.name]
    wide = (1,) * (len(output) - len(shape)) + shape
    same = network.shapes[step.inputs[0]] == output
    return same and all(size == 1 for axis, size in enumerate(wide) if axis != 1)


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
    """(scale, shift), each (C,) in float64, of the steps behind a convolution or matrix product.

    `eps` is taken for that of every batch norm, to show what another one would make.
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
        elif step.op in ("Mul", "Div"):
            scale, shift = (CHANNELWISE[step.op](one, own["right"].ravel()) for one in (scale, shift))
        else:
            shift = CHANNELWISE[step.op](shift, own["right"].ravel())
    return scale, shift


def _scaled(kernel: NDArray[Any], scale: Float64) -> NDArray[np.float32]:
    """The product in float64, rounded once: NumPy does so piece by piece, without a float64 copy of the kernel."""
    out = np.empty(kernel.shape, np.float32)
    np.multiply(kernel, scale, out=out, dtype=np.float64, casting="same_kind")
    return out
