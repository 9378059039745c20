"""Matrix products: the classifier, and products of two values.

Gemm     y = x W' + b           W (out, in)
MatMul   y = x w
"""

import math
from typing import Any

import numpy as np

from resnet_export.network.operators.elementwise import operands
from resnet_export.network.operators.operator import Floats, Operator, Sizes
from resnet_export.network.sizes import Shape, broadcast

PRODUCTS_AT_ONCE = 2**22
"""Numbers that are held in memory while a matrix product is added up."""


def _gemm_shape(x: Shape, weight: Sizes, **_: Any) -> Shape:
    out, features = weight
    if len(x) != 2 or x[1] != features:
        raise ValueError(f"a matrix product with weights {weight} of {x}")
    return (x[0], out)


def _gemm(x: Floats, weight: Floats, transB: int, bias: Floats | None = None) -> Floats:  # noqa: N803
    product = _plain_product(x, weight)
    return product if bias is None else np.asarray(product + bias)


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


def _matmul_shape(*inputs: Shape, **numbers: Sizes) -> Shape:
    left, right = operands(*inputs, **numbers)
    if min(len(left), len(right)) < 2 or left[-1] != right[-2] or not isinstance(left[-1], int):
        raise ValueError(f"a matrix product of {left} and {right}")
    return (*broadcast(left[:-2], right[:-2]), left[-2], right[-1])


def _matmul(*inputs: Floats, **numbers: Floats) -> Floats:
    left, right = operands(*inputs, **numbers)
    return np.asarray(left @ right)


def _matmul_cost(output: Sizes, *inputs: Sizes, **numbers: Sizes) -> int:
    """Output elements * length of the sum."""
    return math.prod(output) * int(operands(*inputs, **numbers)[0][-1])


PRODUCTS = {
    "Gemm": Operator(_gemm, _gemm_shape, lambda output, x, weight, **_: math.prod(weight)),
    "MatMul": Operator(_matmul, _matmul_shape, _matmul_cost),
}
