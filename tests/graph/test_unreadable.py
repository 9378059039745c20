from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import shlex
import tarfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.errors import ModelError
from resnet_export.graph.file import read
from resnet_export.graph.unreadable import explain

if TYPE_CHECKING:
    from pathlib import Path

MODEL = onnx.parser.parse_model(
    '<ir_version: 8, opset_import: ["" : 17], producer_name: "me"> g (float[1] x) => (float[1] y) { y = Relu(x) }'
)


def a_zip(entry: str = "data.pkl") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(entry, b"")
    return stream.getvalue()


def a_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("resnet.onnx"))
    return stream.getvalue()


def a_field(number: int, content: bytes) -> bytes:
    """Of protobuf; shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def a_saved_model() -> bytes:
    """schema version 1, and a MetaGraphDef whose MetaInfoDef has the tag `serve`."""
    return b"\x08\x01" + a_field(2, a_field(1, a_field(4, b"serve") + a_field(5, b"2.20.0\x00\x01")))


def a_graph_def() -> bytes:
    """A TensorFlow GraphDef: nodes, then versions."""
    return a_field(1, a_field(1, b"x") + a_field(2, b"Placeholder")) + a_field(4, b"\x08\x16")


ANOTHER = "no ONNX model: it is a protobuf message of another kind"
KINDS = {
    "empty": (b"", "empty"),
    "text": (b"class,name\n0,tench\n", "no ONNX file: it is a text"),
    "html": (b"\n<!DOCTYPE html><html>", "no ONNX file: it is a text in HTML or XML"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "no ONNX file: it is a Git LFS pointer"),
    "zip": (a_zip(), "no ONNX file: it is a zip archive, as .pth"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "no ONNX file: it is an HDF5 file"),
    "pickle": (pickle.dumps({"a": 1}, protocol=2), "no ONNX file: it is a pickle"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(20), "no ONNX file: it is a TensorFlow Lite model"),
    "ort": (b"\x1c\x00\x00\x00ORTM" + bytes(20), "no ONNX file: it is a model in ONNX Runtime's own format"),
    "xz": (lzma.compress(b"x"), "no ONNX file: it is compressed by xz"),
    "bzip2": (bz2.compress(b"x"), "no ONNX file: it is compressed by bzip2"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(8), "no ONNX file: it is compressed by zstd"),
    "tar": (a_tar(), "no ONNX file: it is a tar archive"),
    "zip of a model": (a_zip("resnet.onnx"), "no ONNX file: it is a zip archive with one in it"),
    "gzip": (gzip.compress(b"x"), "no ONNX file: it is compressed by gzip"),
    "zeros": (bytes(100), "no ONNX file: its bytes are no protobuf message"),
    "noise": (np.random.default_rng(0).bytes(1000), "no ONNX file"),
    "tensor": (
        onnx.numpy_helper.from_array(np.arange(9.0), "x").SerializeToString(),
        f"{ANOTHER}, an ONNX TensorProto",
    ),
    "graph": (MODEL.graph.SerializeToString(), f"{ANOTHER}, an ONNX GraphProto"),
    "saved model": (a_saved_model(), f"{ANOTHER}, a TensorFlow SavedModel as it seems"),
    "graph def": (a_graph_def(), f"{ANOTHER}"),
    "only a version": (b"\x08\x08", "no ONNX model, or truncated: it has no graph"),
    "no nodes": (onnx.ModelProto(ir_version=8, graph=onnx.GraphProto(name="g")).SerializeToString(), "it has no nodes"),
    "no opset": (onnx.ModelProto(ir_version=8, graph=MODEL.graph).SerializeToString(), "names no opset"),
    "damaged inside": (b"\x08\x08" + a_field(7, a_field(1, b"\xff\xff\xff")), "damaged: its graph cannot be read"),
}


@pytest.mark.parametrize(("content", "said"), KINDS.values(), ids=KINDS)
def test_says_what_it_is(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.exit_code == 3
    assert str(path) in caught.value.message
    assert said in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_truncated_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    content = onnx.ModelProto(ir_version=8, producer_name="me", graph=MODEL.graph).SerializeToString()
    path.write_bytes(content[:-5])
    with pytest.raises(ModelError, match="is truncated: at least 5 bytes are missing at its end") as caught:
        read(path)
    assert caught.value.hint == "Copy or download it again."


def test_what_to_do_with_a_checkpoint_names_it(tmp_path: Path) -> None:
    path = tmp_path / "epoch=12.ckpt"
    path.write_bytes(a_zip())
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.hint == f"A checkpoint becomes an .onnx file by: resnet-export {shlex.quote(str(path))}"


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_an_explanation(content: bytes) -> None:
    what, hint = explain(content)
    assert what
    assert hint


@given(st.integers(0, len(MODEL.SerializeToString()) - 1))
def test_cut_anywhere(length: int) -> None:
    what, _ = explain(MODEL.SerializeToString()[:length])
    assert any(word in what for word in ("truncated", "empty", "damaged"))
