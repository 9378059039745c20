"""How each operator of a graph becomes steps: `RULES["Conv"](builder, x, weight, group=2)` gives the node's outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.access import DOMAINS
from resnet_export.graph.reading.rules import (
    activations,
    elementwise,
    fused,
    joins,
    moves,
    norms,
    products,
    quantised,
    reductions,
    resizing,
    scatters,
    windows,
)
from resnet_export.graph.reading.rules.arguments import Rule
from resnet_export.graph.reading.values import Number, Rows, Value

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
RULES: dict[str, Rule] = {
    **windows.RULES, **products.RULES, **norms.RULES, **activations.RULES, **elementwise.RULES,
    **reductions.RULES, **moves.RULES, **joins.RULES, **quantised.RULES,
    **resizing.RULES, **scatters.RULES,
}  # fmt: skip
RULES_OF_MICROSOFT: dict[str, Rule] = {**quantised.RULES_OF_MICROSOFT, **fused.RULES}


def rule_of(op: str, domain: str) -> Rule | None:
    """The rule of an operator; None where it is not read."""
    if domain == MICROSOFT:
        return RULES_OF_MICROSOFT.get(op)
    return RULES.get(op) if domain in DOMAINS else None


def shape_of(value: Value, attributes: dict[str, Any]) -> NDArray[Any]:
    """What `Shape` gives: lengths, among which the batch stands as an object."""
    if isinstance(value, Number):
        sizes: tuple[Any, ...] = value.value().shape
    elif isinstance(value, Rows) or value.pads is None:
        sizes = value.seen
    else:
        padded = [size + sum(pad) for size, pad in zip(value.shape, value.pads, strict=True) if isinstance(size, int)]
        sizes = tuple((value.shape[0], *padded)[axis] for axis in value.perm)
    cut = sizes[attributes.get("start", 0) : attributes.get("end")]
    return np.array(cut, np.int64 if all(isinstance(size, int) for size in cut) else object)
