"""The operators of networks: for each one shape rule, one cost and one evaluation, whatever reads a network.

    OPERATORS["Conv"].shape(attributes, [(BATCH, 3, 224, 224)], {"weight": (64, 3, 7, 7)})     -> (BATCH, 64, 112, 112)
    OPERATORS["Conv"].apply(attributes, [x], {"weight": w})                                   -> y

An operator means what ONNX's opset 18 says of it, with every attribute given. Evaluations have the precision of their
inputs; the formulas are those of https://onnx.ai/onnx/operators.
"""

from collections.abc import Mapping

from resnet_export.network.operators.elementwise import BINARY, CHOICE, COMPARISONS, UNARY
from resnet_export.network.operators.moves import MOVES
from resnet_export.network.operators.norms import NORMS
from resnet_export.network.operators.operator import Operator
from resnet_export.network.operators.products import PRODUCTS
from resnet_export.network.operators.quantization import QUANTIZATION
from resnet_export.network.operators.reductions import REDUCTIONS
from resnet_export.network.operators.resizing import RESIZING
from resnet_export.network.operators.windows import WINDOWS

__all__ = ["BINARY", "COMPARISONS", "OPERATORS", "UNARY", "Operator"]

OPERATORS: Mapping[str, Operator] = {
    **WINDOWS, **PRODUCTS, **NORMS, **UNARY, **BINARY, **COMPARISONS, **CHOICE, **REDUCTIONS, **MOVES, **RESIZING,
    **QUANTIZATION,
}  # fmt: skip
"""Name of the ONNX operator -> what it does."""
