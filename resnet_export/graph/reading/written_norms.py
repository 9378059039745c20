"""Batch norms written out in arithmetic, as Keras and PyTorch's frozen batch norms do, become `BatchNormalization`.

    scale = gamma / sqrt(variance + eps)
    y     = x * scale + (beta - mean * scale)

Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.values import VIEWS, Number


class WrittenNorm(NamedTuple):
    """A batch norm that was recognised in arithmetic."""

    gamma: Number | None
    beta: Number | None
    mean: Number
    variance: Number
    epsilon: float


def written_norm(scale: Number, shift: Number) -> WrittenNorm | None:
    """The batch norm that multiplies by `scale` and then adds `shift`, however its products were ordered."""
    scale, shift = _bare(scale), _bare(shift)
    parts = _scale(scale)
    if parts is None:
        return None
    gamma, variance, epsilon = parts
    beta: Number | None = None
    product = shift
    if shift.op == "Sub":
        beta, product = map(_bare, shift.operands)
    mean = next((mean for mean, other in _either(product, "Mul") if same(other, scale)), None)
    if mean is not None and shift.op != "Sub":  # without beta: -mean * scale
        mean = _bare(mean.operands[0]) if mean.op == "Neg" else None
    return None if mean is None else WrittenNorm(gamma, beta, mean, variance, epsilon)


def _bare(number: Number) -> Number:
    """A vector without the shapes and orders of axes that it was brought into."""
    while number.op in VIEWS:
        number = number.operands[0]
    return number


def _scale(number: Number) -> tuple[Number | None, Number, float] | None:
    """(gamma, variance, eps) of gamma / sqrt(variance + eps), gamma being left out by `scale=False`."""
    if number.op == "Reciprocal":
        found = _root(_bare(number.operands[0]))
        return None if found is None else (None, *found)
    if number.op == "Div":
        gamma, root = map(_bare, number.operands)
        found = _root(root)
        return None if found is None else (gamma, *found)
    for inverse, gamma in _either(number, "Mul"):
        found = _root(_bare(inverse.operands[0])) if inverse.op == "Reciprocal" else None
        if found is not None:
            return gamma, *found
    return None


def _root(number: Number) -> tuple[Number, float] | None:
    """(variance, eps) of sqrt(variance + eps)."""
    if (number.op == "Pow" and number.operands[1].scalar != 0.5) or number.op not in ("Pow", "Sqrt"):
        return None
    for variance, added in _either(_bare(number.operands[0]), "Add"):
        if (epsilon := added.scalar) is not None and 0 < epsilon < math.inf:
            return variance, decimal(epsilon)
    return None


def _either(number: Number, op: str) -> Iterator[tuple[Number, Number]]:
    """Both orders of the operands of the commutative `op`; nothing of another."""
    if number.op == op:
        left, right = map(_bare, number.operands)
        yield left, right
        yield right, left


def same(one: Number, other: Number) -> bool:
    """Whether two expressions are the same computation of the same parameters."""
    one, other = _bare(one), _bare(other)
    if one is other or (one.op == other.op == "parameter" and one.name == other.name):
        return True
    if one.is_constant and other.is_constant:
        left, right = one.value(), other.value()
        return bool(left.shape == right.shape and (left == right).all())
    return (
        one.op == other.op
        and len(one.operands) == len(other.operands) > 0
        and all(same(*pair) for pair in zip(one.operands, other.operands, strict=True))
    )
