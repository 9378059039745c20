"""What stands at the head of a file: versions, producer, inputs and outputs, checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.graph.foreign import type_name
from resnet_export.inspect.results import Port

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

ONNX = "ai.onnx"
"""The ONNX operators' own domain, whose other name is the empty one."""


def read_opsets(model: ir.Model) -> dict[str, int]:
    """Domain -> version."""
    return {domain or ONNX: version for domain, version in model.opset_imports.items()}


def read_producer(model: ir.Model) -> str:
    """Name and version of what wrote the file."""
    return " ".join(part for part in (model.producer_name, model.producer_version) if part)


def read_ports(values: Iterable[ir.Value]) -> tuple[Port, ...]:
    """Names, types and shapes."""
    return tuple(Port(value.name or "", _dtype(value), _shape(value)) for value in values)


def _dtype(value: ir.Value) -> str | None:
    return None if value.dtype is None else type_name(value.dtype)


def _shape(value: ir.Value) -> tuple[int | str | None, ...] | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else size.value for size in value.shape)
