"""Matrix products: the classifier, and products of two values.

Gemm     y = x W' + b           W (out, in)
MatMul   y = x w
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from resnet_export.network.operators.elementwise import operands
from resnet_export.network.operators.operator import Attributes, Floats, Operator, Sizes
from resnet_export.network.sizes import Shape, broadcast

PRODUCTS_AT_ONCE = 2**22
"""Numbers that are held in memory while a matrix product is added up."""


def _gemm_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    (x,) = inputs
    out, features = parameters["weight"]
    if len(x) != 2 or x[1] != features:
        raise ValueError(f"a matrix product with weights {parameters['weight']} of {x}")
    return (x[0], out)


def _gemm(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    product = _plain_product(inputs[0], numbers["weight"])
    return np.asarray(product + numbers["bias"] if "bias" in numbers else product)


def _plain_product(x: Floats, weight: Floats) -> Floats:
    """X W', in less than float64 by adding one product after the other: see `sum_over`."""
    if x.dtype == np.float64:
        return np.asarray(x @ weight.T)
    rows = max(1, PRODUCTS_AT_ONCE // weight.shape[1])
    out = np.empty((len(x), len(weight)), x.dtype)
    for start in range(0, len(weight), rows):
        columns = np.ascontiguousarray(weight[start : start + rows].T)
        for image, target in zip(x, out, strict=True):
            target[start : start + rows] = (columns * image[:, None]).sum(axis=0)
    return out


def _gemm_cost(output: Sizes, inputs: Sequence[Sizes], parameters: Mapping[str, Sizes]) -> int:
    return math.prod(parameters["weight"])


def _matmul_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    left, right = operands(inputs, parameters)
    if min(len(left), len(right)) < 2 or left[-1] != right[-2] or not isinstance(left[-1], int):
        raise ValueError(f"a matrix product of {left} and {right}")
    return (*broadcast(left[:-2], right[:-2]), left[-2], right[-1])


def _matmul(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    left, right = operands(inputs, numbers)
    return np.asarray(left @ right)


def _matmul_cost(output: Sizes, inputs: Sequence[Sizes], parameters: Mapping[str, Sizes]) -> int:
    """Output elements * length of the sum."""
    return math.prod(output) * int(operands(inputs, parameters)[0][-1])


PRODUCTS = {
    "Gemm": Operator(_gemm_shape, _gemm, _gemm_cost),
    "MatMul": Operator(_matmul_shape, _matmul, _matmul_cost),
}
