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

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from resnet_export.graph.reading.arithmetic import decimal
from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules.arguments import Input, Single
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""ONNX's defaults, of Klambauer et al., "Self-Normalizing Neural Networks" (2017)."""
CUBIC = 0.044715
"""Of the approximation by tanh: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016)."""
Do = Callable[..., Feature]
"""(operator, operands) -> what its rule makes of them."""


def _gelu(do: Do, x: Input, approximate: str = "none") -> Feature:
    if approximate == "tanh":
        inner = do("Add", x, do("Mul", do("Mul", do("Mul", x, x), x), CUBIC))
        share = do("Tanh", do("Mul", inner, math.sqrt(2 / math.pi)))
    else:
        share = do("Erf", do("Div", x, math.sqrt(2)))
    return do("Mul", do("Mul", x, do("Add", share, 1.0)), 0.5)


def _shrink(do: Do, x: Input, bias: float = 0.0, lambd: float = 0.5) -> Feature:
    above = do("Where", do("Greater", x, lambd), do("Sub", x, bias), 0.0)
    return do("Where", do("Less", x, -lambd), do("Add", x, bias), above)


FORMULAS: dict[str, Callable[..., Feature]] = {
    "Celu": lambda do, x, alpha=1.0: do("Mul", do("Elu", do("Div", x, decimal(alpha))), decimal(alpha)),
    "Gelu": _gelu,
    "Mish": lambda do, x: do("Mul", x, do("Tanh", do("Softplus", x))),
    "Selu": lambda do, x, alpha=SELU_ALPHA, gamma=SELU_GAMMA: do("Mul", do("Elu", x, alpha=alpha), gamma),
    "Shrink": _shrink,
    "Softsign": lambda do, x: do("Div", x, do("Add", do("Abs", x), 1.0)),
    "Swish": lambda do, x, alpha=1.0: do("Mul", x, do("Sigmoid", do("Mul", x, alpha))),
    "ThresholdedRelu": lambda do, x, alpha=1.0: do("Where", do("Greater", x, alpha), x, 0.0),
}


def _rule(formula: Callable[..., Feature]) -> Single:
    def rule(builder: Builder, *inputs: Input, **attributes: Any) -> Feature:
        return formula(partial(made, builder), *inputs, **attributes)

    return rule


RULES: dict[str, Single] = {op: _rule(formula) for op, formula in FORMULAS.items()}
