"""Why bytes are no ONNX model: what else they are, or how they were damaged, in words.

Protobuf says of damaged bytes that it could not parse them, and nothing of bytes of another kind: it takes them for a
message whose fields are unknown. So the outermost fields are looked at here.
"""

from collections.abc import Mapping
from typing import Any

import onnx

GIVE = "Give the path of an .onnx file."
EXPORT = "A checkpoint becomes an .onnx file by: resnet-export FILE"
COPY = "Copy or download it again."

ZIP = b"PK\x03\x04"
SIGNATURES = (
    (0, ZIP, "a zip archive, as .pth, .pt, .keras and .npz files are", EXPORT),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as .h5 files are", EXPORT),
    (0, b"\x80\x02", "a pickle, as old .pth files are", EXPORT),
    (4, b"TFL3", "a TensorFlow Lite model", GIVE),
    (4, b"ORTM", "a model in ONNX Runtime's own format", "Give the .onnx file that it was made from."),
    (0, b"\x1f\x8b", "compressed by gzip", "Unpack it first: gunzip < FILE > model.onnx"),
    (0, b"\xfd7zXZ\x00", "compressed by xz", "Unpack it first: xz --decompress --stdout FILE > model.onnx"),
    (0, b"BZh", "compressed by bzip2", "Unpack it first: bunzip2 < FILE > model.onnx"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", "Unpack it first: zstd --decompress --stdout FILE > model.onnx"),
    (257, b"ustar", "a tar archive", "Unpack it first: tar --extract --file FILE"),
)
"""(offset, bytes, what has them there, what to do)."""

TEXTS = (
    ("version https://git-lfs.github.com", "a Git LFS pointer in place of the file", "Fetch the file: git lfs pull"),
    ("<", "a text in HTML or XML, such as a failed download leaves", COPY),
    ("", "a text", GIVE),
)
"""(beginning, what has it, what to do)."""

LOOKED_AT = 1024
"""Bytes from which a text is recognised."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types. https://protobuf.dev/programming-guides/encoding"""
FIXED = {FIXED64: 8, FIXED32: 4}
Field = tuple[int, int]
"""(number, wire type)."""


def explain(content: bytes) -> tuple[str, str]:
    """What bytes are that have no ONNX graph, to follow "FILE is ", and what to do next; FILE stands for their path."""
    if not content:
        return "empty", COPY
    if content.startswith(ZIP) and b".onnx" in content:
        return "no ONNX file: it is a zip archive with one in it", "Unpack it first: unzip FILE"
    for offset, signature, what, hint in SIGNATURES:
        if content.startswith(signature, offset):
            return f"no ONNX file: it is {what}", hint
    if _is_text(content[:LOOKED_AT]):
        beginning = content[:LOOKED_AT].decode(errors="ignore").lstrip()
        what, hint = next((what, hint) for prefix, what, hint in TEXTS if beginning.startswith(prefix))
        return f"no ONNX file: it is {what}", hint
    try:
        fields, end = _outermost(content)
    except ValueError:
        return "no ONNX file: its bytes are no protobuf message, or were damaged", GIVE
    return _explain_message(content, fields, end)


def _explain_message(content: bytes, fields: Mapping[Field, slice], end: int) -> tuple[str, str]:
    """Explains what can be read as a protobuf message, of outermost `fields` and `end` bytes."""
    another = "no ONNX model: it is a protobuf message of another kind"
    if not fields.keys() <= _known(onnx.ModelProto):
        for kind in (onnx.TensorProto, onnx.GraphProto, onnx.NodeProto):
            if fields.keys() <= _known(kind):
                return f"{another}, an ONNX {kind.DESCRIPTOR.name}", GIVE
        return another, GIVE
    if end > len(content):
        return f"truncated: at least {end - len(content):,} bytes are missing at its end", COPY
    if (onnx.ModelProto.GRAPH_FIELD_NUMBER, BYTES) in fields:
        return "damaged: its graph cannot be read", COPY
    name = fields.get((onnx.ModelProto.PRODUCER_NAME_FIELD_NUMBER, BYTES), slice(0))
    if not _is_text(content[name]):  # a SavedModel has a message there
        return f"{another}, a TensorFlow SavedModel as it seems", GIVE
    return "no ONNX model, or truncated: it has no graph", COPY


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if error.start < len(content) - 3:  # a character may be cut in two at the end
            return False
        text = content[: error.start].decode()
    return all(character.isprintable() or character.isspace() for character in text)


def _known(kind: Any) -> set[Field]:
    """The fields of a message; numbers that repeat may be packed."""
    found = set()
    for field in kind.DESCRIPTOR.fields:
        wires = dict.fromkeys((field.TYPE_STRING, field.TYPE_BYTES, field.TYPE_MESSAGE), BYTES)
        wires |= {field.TYPE_FLOAT: FIXED32, field.TYPE_DOUBLE: FIXED64}
        found.add((field.number, wires.get(field.type, VARINT)))
        if field.default_value == []:
            found.add((field.number, BYTES))
    return found


def _outermost(content: bytes) -> tuple[dict[Field, slice], int]:
    """(each field of the outermost message, and where its content is; the length of the message by what they say).

    Raises:
        ValueError: the bytes are no such message.
    """
    found, position = dict[Field, slice](), 0
    while position < len(content):
        tag, position = _varint(content, position)
        number, wire = tag >> 3, tag & 7
        if number == 0 or wire not in (VARINT, BYTES, *FIXED):
            raise ValueError(f"no field has the tag {tag}")
        value, start = _varint(content, position) if wire in (VARINT, BYTES) else (FIXED[wire], position)
        position = start if wire == VARINT else start + value
        found.setdefault((number, wire), slice(start, position))
    return found, position


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """(number, where the next begins); one that is cut off counts as if its next byte were 0."""
    number = 0
    for shift in range(0, 70, 7):
        byte = content[position] if position < len(content) else 0
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise ValueError("a number has more than 10 bytes")
