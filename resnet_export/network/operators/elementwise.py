"""Operators that work element by element: activations, and arithmetic with broadcasting.

The second operand of arithmetic may be a number of the network (the parameter `right`), or the first (`left`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnet_export.network.operators.operator import Attributes, Floats, Operator, Sizes, of_scipy, same_shape
from resnet_export.network.sizes import Shape, broadcast

COMMUTATIVE = frozenset({"Add", "Max", "Min", "Mul"})


def operands(inputs: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[Any, Any]:
    """Both operands in their order: two inputs, or one beside a number."""
    if "left" in parameters:
        return parameters["left"], inputs[0]
    if "right" in parameters:
        return inputs[0], parameters["right"]
    first, second = inputs
    return first, second


def _unary(function: Callable[..., Any], *names: str, since: int = 13) -> Operator:
    """Of a function that takes x and, after it, the attributes of these names."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        (x,) = inputs
        return np.asarray(function(x, *(attributes[name] for name in names)), x.dtype)

    return Operator(same_shape, apply, since=since)


def _comparison(function: Callable[[Floats, Floats], Any]) -> Operator:
    """Gives 1 for true and 0 for false."""

    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        left, right = operands(inputs, numbers)
        return np.asarray(function(left, right), inputs[0].dtype)

    return Operator(_broadcast_shape, apply)


def _broadcast_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    return broadcast(*operands(inputs, parameters))


def _chosen_shape(attributes: Attributes, inputs: Sequence[Shape], parameters: Mapping[str, Sizes]) -> Shape:
    return broadcast(inputs[0], *parameters.values(), *inputs[1:])


def _chosen(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
    mask, *values = inputs
    left = numbers["left"] if "left" in numbers else values.pop(0)
    right = numbers["right"] if "right" in numbers else values.pop(0)
    return np.where(mask != 0, left, right)


def _binary(function: Callable[[Floats, Floats], Any]) -> Operator:
    def apply(attributes: Attributes, inputs: Sequence[Floats], numbers: Mapping[str, Floats]) -> Floats:
        return np.asarray(function(*operands(inputs, numbers)))

    return Operator(_broadcast_shape, apply)


def _clip(x: Floats, least: float | None, most: float | None) -> Floats:
    return x if least is None and most is None else np.asarray(np.clip(x, least, most))


def _hard_sigmoid(x: Floats, alpha: float, beta: float) -> Floats:
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


UNARY = {
    "Abs": _unary(np.abs),
    "Ceil": _unary(np.ceil),
    "Clip": _unary(_clip, "min", "max"),
    "Cos": _unary(np.cos),
    "Elu": _unary(lambda x, alpha: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x), "alpha"),
    "Erf": _unary(of_scipy("erf")),
    "Exp": _unary(np.exp),
    "Floor": _unary(np.floor),
    "HardSigmoid": _unary(_hard_sigmoid, "alpha", "beta"),
    "HardSwish": _unary(lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5), since=14),
    "LeakyRelu": _unary(lambda x, alpha: np.where(x < 0, alpha * x, x), "alpha"),
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
CHOICE = {"Where": Operator(_chosen_shape, _chosen)}
"""`Where` takes one of two values by a comparison; either can be a number, `left` the first and `right` the second."""
