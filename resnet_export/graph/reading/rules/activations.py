"""Activations that become several steps.

celu(x)      = alpha elu(x / alpha)
gelu(x)      = x / 2 * (1 + erf(x / sqrt(2)))
             ~ x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
mish(x)      = x tanh(softplus(x))
selu(x)      = gamma elu(x; alpha)
softsign(x)  = x / (1 + |x|)
"""

from __future__ import annotations

import math
from typing import Any

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import elementwise
from resnet_export.graph.reading.rules.arguments import feature
from resnet_export.graph.reading.values import Feature, Number, Value

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""ONNX's defaults, of Klambauer et al., "Self-Normalizing Neural Networks" (2017)."""
CUBIC = 0.044715
"""Of the approximation by tanh: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016)."""


def _celu(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    alpha = elementwise.decimal(attributes.get("alpha", 1.0))
    scaled = _made(builder, "Elu", _made(builder, "Div", feature(inputs[0]), alpha))
    return _made(builder, "Mul", scaled, alpha)


def _gelu(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    x = feature(inputs[0])
    if attributes.get("approximate", "none") == "tanh":
        cube = _made(builder, "Mul", _made(builder, "Mul", x, x), x)
        inner = _made(builder, "Add", x, _made(builder, "Mul", cube, CUBIC))
        share = _made(builder, "Tanh", _made(builder, "Mul", inner, math.sqrt(2 / math.pi)))
    else:
        share = _made(builder, "Erf", _made(builder, "Div", x, math.sqrt(2)))
    return _made(builder, "Mul", _made(builder, "Mul", x, _made(builder, "Add", share, 1.0)), 0.5)


def _mish(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    x = feature(inputs[0])
    return _made(builder, "Mul", x, _made(builder, "Tanh", _made(builder, "Softplus", x)))


def _selu(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    elu = _made(builder, "Elu", feature(inputs[0]), alpha=attributes.get("alpha", SELU_ALPHA))
    return _made(builder, "Mul", elu, attributes.get("gamma", SELU_GAMMA))


def _softsign(builder: Builder, inputs: list[Value | None], attributes: dict[str, Any]) -> Value:
    x = feature(inputs[0])
    return _made(builder, "Div", x, _made(builder, "Add", _made(builder, "Abs", x), 1.0))


def _made(builder: Builder, op: str, *operands: Feature | float, **attributes: float) -> Feature:
    """What the rule of another operator makes of features and constants."""
    values = [value if isinstance(value, Feature) else Number.constant(value) for value in operands]
    return feature(elementwise.RULES[op](builder, values, attributes))


RULES = {"Celu": _celu, "Gelu": _gelu, "Mish": _mish, "Selu": _selu, "Softsign": _softsign}
