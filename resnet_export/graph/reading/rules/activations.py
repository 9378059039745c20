"""Activations that become several steps.

celu(x)      = alpha elu(x / alpha)
gelu(x)      = x / 2 * (1 + erf(x / sqrt(2)))
             ~ x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
mish(x)      = x tanh(softplus(x))
selu(x)      = gamma elu(x; alpha)
shrink(x)    = x + bias below -lambda, x - bias above lambda, else 0
softsign(x)  = x / (1 + |x|)
swish(x)     = x sigmoid(alpha x)
"""

from __future__ import annotations

import math
from functools import partial

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Single
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Value

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""ONNX's defaults, of Klambauer et al., "Self-Normalizing Neural Networks" (2017)."""
CUBIC = 0.044715
"""Of the approximation by tanh: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016)."""


def _celu(builder: Builder, x: Input, alpha: float = 1.0) -> Value:
    alpha = decimal(alpha)
    return made(builder, "Mul", made(builder, "Elu", made(builder, "Div", x, alpha)), alpha)


def _gelu(builder: Builder, x: Input, approximate: str = "none") -> Value:
    do = partial(made, builder)
    if approximate == "tanh":
        inner = do("Add", x, do("Mul", do("Mul", do("Mul", x, x), x), CUBIC))
        share = do("Tanh", do("Mul", inner, math.sqrt(2 / math.pi)))
    else:
        share = do("Erf", do("Div", x, math.sqrt(2)))
    return do("Mul", do("Mul", x, do("Add", share, 1.0)), 0.5)


def _mish(builder: Builder, x: Input) -> Value:
    return made(builder, "Mul", x, made(builder, "Tanh", made(builder, "Softplus", x)))


def _selu(builder: Builder, x: Input, alpha: float = SELU_ALPHA, gamma: float = SELU_GAMMA) -> Value:
    return made(builder, "Mul", made(builder, "Elu", x, alpha=alpha), gamma)


def _softsign(builder: Builder, x: Input) -> Value:
    return made(builder, "Div", x, made(builder, "Add", made(builder, "Abs", x), 1.0))


def _shrink(builder: Builder, x: Input, bias: float = 0.0, lambd: float = 0.5) -> Value:
    do = partial(made, builder)
    above = do("Where", do("Greater", x, lambd), do("Sub", x, bias), 0.0)
    return do("Where", do("Less", x, -lambd), do("Add", x, bias), above)


def _swish(builder: Builder, x: Input, alpha: float = 1.0) -> Value:
    return made(builder, "Mul", x, made(builder, "Sigmoid", made(builder, "Mul", x, alpha)))


def _thresholded(builder: Builder, x: Input, alpha: float = 1.0) -> Value:
    return made(builder, "Where", made(builder, "Greater", x, alpha), x, 0.0)


RULES: dict[str, Single] = {
    "Celu": _celu,
    "Gelu": _gelu,
    "Mish": _mish,
    "Selu": _selu,
    "Shrink": _shrink,
    "Softsign": _softsign,
    "Swish": _swish,
    "ThresholdedRelu": _thresholded,
}
