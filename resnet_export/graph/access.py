"""Reading a node's surroundings: who makes a value, and the plain value of an attribute."""

from collections.abc import Container, Sequence
from typing import Any

import onnx_ir as ir

NCHW_TO_NHWC = (0, 2, 3, 1)
NHWC_TO_NCHW = (0, 3, 1, 2)
EXTERNAL_ABOVE = 2**31 - 2**20
"""Bytes of numbers above which they go into a file beside: protobuf stops at 2 GiB, some of it for the graph."""
DOMAINS = ("", "ai.onnx")
"""Both names of the domain of ONNX's own operators."""
LAYERS = "resnet_export.layers"
"""Key of a node's metadata: the modules or layers that it is traced from, one a line, from the outermost."""


def producer(value: ir.Value | None, op: str) -> ir.Node | None:
    """The node that makes `value`, if its operator is `op`."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op else None


def made_of(value: ir.Value | None, passing: Container[str]) -> ir.Value | None:
    """What a value is made of, before whatever operators of these kinds do to it."""
    while value is not None and (node := value.producer()) is not None and node.op_type in passing and node.inputs:
        value = node.inputs[0]
    return value


def operator_of(node: ir.Node) -> str:
    """The operator; one that is not ONNX's own with its domain before it."""
    return node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}"


def layers_of(node: ir.Node) -> list[str]:
    """The modules or layers of the live model that a node is traced from, from the outermost."""
    return node.metadata_props.get(LAYERS, "").splitlines()


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:
    """An attribute's plain value, a list as a tuple; the default where there is none, or one of another type."""
    found = node.attributes.get(name)
    value = None if found is None else found.value
    value = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    return value if default is None or isinstance(value, type(default)) else default
