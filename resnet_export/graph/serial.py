"""A model's bytes, one tensor at a time: protobuf's own serialisation needs the numbers twice more in memory.

A message is the sequence of its fields, and a field that is a message is

    tag, length, bytes        tag = 8 * field number + 2; tag and length as varints

so that parts of a message can be serialised by themselves. The bytes are those of `SerializeToString`.
"""

from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir

LENGTH_DELIMITED = 2
GRAPH = onnx.ModelProto.DESCRIPTOR.fields_by_name["graph"].number
INITIALIZER = onnx.GraphProto.DESCRIPTOR.fields_by_name["initializer"].number
RAW_DATA = onnx.TensorProto.DESCRIPTOR.fields_by_name["raw_data"].number


def serialised(model: ir.Model) -> Iterator[bytes]:
    """Yields the bytes of the model in parts, and takes each number from the model as soon as it is serialised."""
    values = list(model.graph.initializers.values())
    tensors = {value.name or "": value.const_value for value in values if value.const_value is not None}
    for value in values:
        value.const_value = ir.Tensor(np.empty(0, np.float32), name=value.name)
    proto = ir.to_proto(model)
    del proto.graph.initializer[:]
    before, after = _split(proto.graph, INITIALIZER)
    heads = {name: _tensor_head(name, tensor) for name, tensor in tensors.items()}
    sizes = {name: len(heads[name]) + tensor.nbytes for name, tensor in tensors.items()}
    total = len(before) + sum(len(_head(INITIALIZER, size)) + size for size in sizes.values()) + len(after)

    model_before, model_after = _split(proto, GRAPH)
    yield model_before + _head(GRAPH, total) + before
    for value in values:
        name = value.name or ""
        yield _head(INITIALIZER, sizes[name]) + heads[name]
        yield tensors.pop(name).tobytes()
        value.const_value = None
    yield after + model_after


def _tensor_head(name: str, tensor: ir.TensorProtocol) -> bytes:
    """The bytes of the tensor before its numbers, which are its last field."""
    described = onnx.TensorProto(dims=tensor.shape.numpy(), data_type=int(tensor.dtype), name=name)
    return bytes(described.SerializeToString(deterministic=True)) + _head(RAW_DATA, tensor.nbytes)


def _split(message: onnx.ModelProto | onnx.GraphProto, number: int) -> tuple[bytes, bytes]:
    """The bytes of the fields before and after the field `number`, which is left out."""
    before, after = type(message)(), type(message)()
    for part in (before, after):
        part.CopyFrom(message)
    for field in message.DESCRIPTOR.fields:
        if field.number >= number:
            before.ClearField(field.name)
        if field.number <= number:
            after.ClearField(field.name)
    return before.SerializeToString(deterministic=True), after.SerializeToString(deterministic=True)


def _head(number: int, length: int) -> bytes:
    """Tag and length of a field."""
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
