"""What went wrong with a tensor, in words: each known mistake is made on purpose, and compared with what was found."""

from collections.abc import Iterator, Mapping

import numpy as np

from resnet_export.network import Network, Step
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import scale_and_shift
from resnet_export.network.operators.operator import Floats
from resnet_export.weights.canonical import Array

ULPS = 4
"""Units in the last place within which two foldings of the same numbers agree: one rounding each, and some room."""
OTHER_EPS = (1e-3, 1e-6, 1e-4, 1e-2, 1e-7, 0.0)
"""Keras's default, and what other libraries use."""


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
