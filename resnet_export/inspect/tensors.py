"""How far one tensor is from another.

    ulp              number of representable values from a to b: |key(a) - key(b)|, where key(x) counts the bit
                     patterns from 0 up, and from 0 down for negative x, so that neighbours differ by 1
    ulp of largest   max |a - b| / spacing(max |a|)

The first tells whether only last bits differ, but is huge for tiny numbers of opposite sign. The second tells what
matters to a sum over all of them.
"""

import math
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from resnet_export.inspect.results import TensorChange


def compare(name: str, first: NDArray[Any], other_name: str, second: NDArray[Any]) -> TensorChange | None:
    """What two tensors have differently; None where that is not a bit."""
    head = (name, other_name, (first.dtype.name, second.dtype.name), (first.shape, second.shape))
    if first.dtype != second.dtype or first.shape != second.shape:
        return TensorChange(*head, None, None, None, None)
    unlike = _bits(first) != _bits(second)
    if not unlike.any():
        return None
    count = int(np.count_nonzero(unlike))
    if not _is_float(first.dtype):
        steps = float(np.abs(first[unlike].astype(np.float64) - second[unlike].astype(np.float64)).max())
        return TensorChange(*head, count, steps, steps, steps)
    a, b = first[unlike].astype(np.float64), second[unlike].astype(np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    if not known.all():
        return TensorChange(*head, count, np.inf, np.inf, np.inf)
    difference = float(np.abs(a - b).max())
    largest = np.abs(first[np.isfinite(first)]).max(initial=first.dtype.type(0))
    return TensorChange(
        *head, count, difference, _max_ulp(first[unlike], second[unlike]), difference / _spacing(largest)
    )


def worst_first(change: TensorChange) -> tuple[bool, float]:
    """The key to sort by: other shapes and types before any distance."""
    return change.max_ulp_of_largest is not None, -(change.max_ulp_of_largest or 0.0)


def _is_float(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" or (dtype.kind == "V" and dtype.name.startswith(("bfloat", "float")))


def _bits(array: NDArray[Any]) -> NDArray[Any]:
    """The bit patterns as whole numbers; what is neither a number nor of a size that has them, as it is."""
    if array.dtype.kind == "O" or array.itemsize not in (1, 2, 4, 8):
        return array
    return np.ascontiguousarray(array).view(f"u{array.itemsize}")


def _max_ulp(first: NDArray[Any], second: NDArray[Any]) -> float:
    """The largest number of representable values between two elements."""
    a, b = (_keys(array) for array in (first, second))
    return float((np.maximum(a, b) - np.minimum(a, b)).max())


def _keys(array: NDArray[Any]) -> NDArray[np.uint64]:
    """The place of each number among all of its type, in order; 0 and -0 have the same."""
    bits = 8 * array.itemsize
    middle = np.uint64(1 << (bits - 1))
    pattern = _bits(array).astype(np.uint64)
    magnitude = pattern & (middle - np.uint64(1))
    return np.where(pattern & middle, middle - magnitude, middle + magnitude)


def _spacing(largest: Any) -> float:
    """From the number `largest` to the next above it; of the least normal number where it is less."""
    info = ml_dtypes.finfo(largest.dtype)  # type: ignore[no-untyped-call]  # which knows bfloat16 and float8 too
    _, exponent = math.frexp(max(float(largest), float(info.smallest_normal)))
    return math.ldexp(1.0, exponent - 1 - info.nmant)
