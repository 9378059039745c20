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

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Attributes, Inputs, Single, feature
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Value

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""ONNX's defaults, of Klambauer et al., "Self-Normalizing Neural Networks" (2017)."""
CUBIC = 0.044715
"""Of the approximation by tanh: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016)."""


def _celu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    alpha = decimal(attributes.get("alpha", 1.0))
    scaled = made(builder, "Elu", made(builder, "Div", feature(inputs[0]), alpha))
    return made(builder, "Mul", scaled, alpha)


def _gelu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    if attributes.get("approximate", "none") == "tanh":
        cube = made(builder, "Mul", made(builder, "Mul", x, x), x)
        inner = made(builder, "Add", x, made(builder, "Mul", cube, CUBIC))
        share = made(builder, "Tanh", made(builder, "Mul", inner, math.sqrt(2 / math.pi)))
    else:
        share = made(builder, "Erf", made(builder, "Div", x, math.sqrt(2)))
    return made(builder, "Mul", made(builder, "Mul", x, made(builder, "Add", share, 1.0)), 0.5)


def _mish(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    return made(builder, "Mul", x, made(builder, "Tanh", made(builder, "Softplus", x)))


def _selu(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    elu = made(builder, "Elu", feature(inputs[0]), alpha=attributes.get("alpha", SELU_ALPHA))
    return made(builder, "Mul", elu, attributes.get("gamma", SELU_GAMMA))


def _softsign(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    return made(builder, "Div", x, made(builder, "Add", made(builder, "Abs", x), 1.0))


def _shrink(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x, bias, limit = feature(inputs[0]), attributes.get("bias", 0.0), attributes.get("lambd", 0.5)
    above = made(builder, "Where", made(builder, "Greater", x, limit), made(builder, "Sub", x, bias), 0.0)
    return made(builder, "Where", made(builder, "Less", x, -limit), made(builder, "Add", x, bias), above)


def _swish(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    return made(builder, "Mul", x, made(builder, "Sigmoid", made(builder, "Mul", x, attributes.get("alpha", 1.0))))


def _thresholded(builder: Builder, inputs: Inputs, attributes: Attributes) -> Value:
    x = feature(inputs[0])
    return made(builder, "Where", made(builder, "Greater", x, attributes.get("alpha", 1.0)), x, 0.0)


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
