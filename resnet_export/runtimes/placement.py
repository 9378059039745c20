"""Where ONNX Runtime put the nodes, against where they were asked to be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resnet_export.errors import UnavailableError
from resnet_export.runtimes.session import Placement

if TYPE_CHECKING:
    import onnxruntime

RECORD = "session.record_ep_graph_assignment_info"
"""The session's configuration entry that makes ONNX Runtime remember the assignment."""
CPU = "CPUExecutionProvider"
SHAPE_ARITHMETIC = frozenset({
    "Concat", "ConstantOfShape", "Gather", "Range", "Shape", "Size", "Slice", "Squeeze", "Unsqueeze",
})  # fmt: skip
"""Operators on a few integers, which ONNX Runtime keeps on the CPU on purpose: a copy would cost more."""


def placement_of(
    session: onnxruntime.InferenceSession, provider: str, device: str, *, allow_fallback: bool
) -> Placement:
    """Counts the nodes of each execution provider.

    Args:
        session: opened with the entry `RECORD`.
        provider: the one that was asked for.
        device: what to call its device.
        allow_fallback: go on where nodes are elsewhere, and say so in the placement.

    Raises:
        UnavailableError: nodes other than shape arithmetic are elsewhere.
    """
    nodes: Counter[str] = Counter()
    strays: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        for node in subgraph.get_nodes():
            nodes[subgraph.ep_name] += 1
            if subgraph.ep_name != provider and node.op_type not in SHAPE_ARITHMETIC:
                strays[f"{node.op_type} on {subgraph.ep_name}"] += 1
    if not strays:
        return Placement(device, dict(nodes))
    most = ", ".join(f"{count} {what}" for what, count in strays.most_common(3))
    found = f"{strays.total()} of {nodes.total()} nodes do not run on {provider}: {most}"
    if not allow_fallback:
        raise UnavailableError(f"{found}.", hint="Go on all the same with --allow-fallback.")
    return Placement(device if nodes[provider] else "CPU", dict(nodes), found)
