"""Operators that work element by element: activations, and arithmetic with broadcasting.

The second operand of arithmetic may be a number of the network (the parameter `right`), or the first (`left`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from resnet_export.network.operators.operator import Floats, Operator, of_scipy, same_shape
from resnet_export.network.sizes import Shape, broadcast

COMMUTATIVE = frozenset({"Add", "Max", "Min", "Mul"})


def operands(*inputs: Any, left: Any = None, right: Any = None) -> tuple[Any, Any]:
    """Both operands in their order: two inputs, or one beside a number."""
    first, second = (value for value in (left, *inputs, right) if value is not None)
    return first, second


def _unary(function: Callable[..., Any], since: int = 13, **defaults: float | None) -> Operator:
    """Of a function that takes x and, after it, its attributes in the order of their defaults."""

    def apply(x: Floats, **attributes: Any) -> Floats:
        return np.asarray(function(x, *(attributes.get(name, value) for name, value in defaults.items())), x.dtype)

    return Operator(apply, same_shape, since=since, defaults=defaults)


def _broadcast_shape(*inputs: Shape, **numbers: Shape) -> Shape:
    return broadcast(*operands(*inputs, **numbers))


def _binary(function: Callable[[Floats, Floats], Any]) -> Operator:
    return Operator(lambda *inputs, **numbers: function(*operands(*inputs, **numbers)), _broadcast_shape)


def _comparison(function: Callable[[Floats, Floats], Any]) -> Operator:
    """Gives 1 for true and 0 for false."""

    def apply(*inputs: Floats, **numbers: Floats) -> Floats:
        return np.asarray(function(*operands(*inputs, **numbers)), inputs[0].dtype)

    return Operator(apply, _broadcast_shape)


def _chosen(mask: Floats, *inputs: Floats, **numbers: Floats) -> Floats:
    left, right = operands(*inputs, **numbers)
    return np.asarray(np.where(mask != 0, left, right))


def _chosen_shape(mask: Shape, *inputs: Shape, **numbers: Shape) -> Shape:
    return broadcast(mask, *operands(*inputs, **numbers))


def _clip(x: Floats, least: float | None, most: float | None) -> Floats:
    return x if least is None and most is None else np.asarray(np.clip(x, least, most))


def _hard_sigmoid(x: Floats, alpha: float, beta: float) -> Floats:
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


UNARY = {
    "Abs": _unary(np.abs),
    "Ceil": _unary(np.ceil),
    "Clip": _unary(_clip, min=None, max=None),
    "Cos": _unary(np.cos),
    "Elu": _unary(lambda x, alpha: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x), alpha=1.0),
    "Erf": _unary(of_scipy("erf")),
    "Exp": _unary(np.exp),
    "Floor": _unary(np.floor),
    "HardSigmoid": _unary(_hard_sigmoid, alpha=0.2, beta=0.5),
    "HardSwish": _unary(lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5), since=14),
    "LeakyRelu": _unary(lambda x, alpha: np.where(x < 0, alpha * x, x), alpha=0.01),
    "Log": _unary(np.log),
    "Neg": _unary(np.negative),
    "Not": _unary(lambda x: x == 0),
    "Reciprocal": _unary(np.reciprocal),
    "Relu": _unary(lambda x: np.maximum(x, 0)),
    "Round": _unary(np.rint),
    "Sigmoid": _unary(of_scipy("expit")),
    "Sign": _unary(np.sign),
    "Sin": _unary(np.sin),
    "Softplus": _unary(lambda x: np.logaddexp(0, x)),
    "Sqrt": _unary(np.sqrt),
    "Tanh": _unary(np.tanh),
}
BINARY = {
    "Add": _binary(np.add),
    "Div": _binary(np.divide),
    "Max": _binary(np.maximum),
    "Min": _binary(np.minimum),
    "Mul": _binary(np.multiply),
    "Pow": _binary(np.power),
    "Sub": _binary(np.subtract),
}
COMPARISONS = {
    "Equal": _comparison(np.equal),
    "Greater": _comparison(np.greater),
    "GreaterOrEqual": _comparison(np.greater_equal),
    "Less": _comparison(np.less),
    "LessOrEqual": _comparison(np.less_equal),
}
CHOICE = {"Where": Operator(_chosen, _chosen_shape)}
"""`Where` takes one of two values by a comparison; either can be a number, `left` the first and `right` the second."""
