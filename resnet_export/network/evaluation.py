"""A network evaluated step by step by NumPy, in float64 or in any other precision: neither framework takes part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.operators import OPERATORS
from resnet_export.network.operators.operator import Floats

Numbers = Mapping[str, NDArray[Any]]
"""Name of a parameter -> its numbers."""
Real = type[np.floating[Any]]


def evaluate(
    network: Network, numbers: Numbers, images: Floats, dtype: Real = np.float64
) -> Iterator[tuple[Step, Floats]]:
    """Yields every step of the network with its output, whose first axis is that of the images.

    The images are (N, channels, height, width), as the network takes them; `dtype` is the precision of every operation.
    """
    values: dict[str, Floats] = {IMAGE: images.astype(dtype)}
    last_use = {name: step.name for step in network.steps for name in step.inputs}
    for step in network.steps:
        values[step.name] = apply(step, [values[name] for name in step.inputs], numbers, dtype)
        yield step, values[step.name]
        for name in {*step.inputs, step.name}:
            if last_use.get(name, step.name) == step.name:
                values.pop(name, None)


def outputs_of(
    network: Network, numbers: Numbers, images: Floats, names: Sequence[str], dtype: Real = np.float64
) -> list[Floats]:
    """The outputs of these steps.

    One image at a time, so that a batch's truth is a prefix of a larger one's, and memory does not grow with it; all
    at once where one depends on another. In float32 it shows what rounding alone does to a plain evaluation.
    """
    ended = network.until(*names)
    parts = [images] if ended.mixes_images else np.split(images, len(images))
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for part in parts:
        for step, value in evaluate(ended, numbers, part, dtype):
            if step.name in found:
                found[step.name].append(value)
    joined = {name: np.concatenate(values) if len(values) > 1 else values[0] for name, values in found.items()}
    return [joined[name] for name in names]


@np.errstate(over="ignore")
def not_finite(numbers: Numbers, dtype: Real | None = None) -> Iterator[tuple[str, int]]:
    """(name, how many of its numbers are NaN or infinite) of each parameter that has any; `dtype`: rounded to that."""
    for name, array in numbers.items():
        found = array if dtype is None else array.astype(dtype, copy=False)
        count = array.size - int(np.isfinite(found).sum()) if found.dtype.kind == "f" else 0
        if count:
            yield name, count


@np.errstate(all="ignore")  # what is not finite fails its comparison
def apply(step: Step, inputs: Sequence[Floats], numbers: Numbers, dtype: Real = np.float64) -> Floats:
    """The output of one step in the precision `dtype`; of a folded one, that of the steps that it stands for."""
    for part in step.parts or (step,):
        own = {role: numbers[part.parameter(role)].astype(dtype) for role in part.parameters}
        inputs = [OPERATORS[part.op].apply(part.attributes, inputs, own)]
    return inputs[0]
