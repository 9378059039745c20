from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest

from resnet_export import __version__
from resnet_export.errors import ModelError
from resnet_export.graph import file
from resnet_export.graph.check import check_canonical
from resnet_export.graph.file import bind, read, read_metadata
from resnet_export.graph.interface import Interface
from resnet_export.graph.metadata import initializers_digest
from resnet_export.graph.reading import read as read_network
from resnet_export.images import Preprocessing
from resnet_export.network.folding import folded_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

    from .conftest import Maker


def test_what_was_written_is_read(make: Maker, small: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model, metadata = make.model(small)
    path = make.file(small)
    found = read(path)
    assert read_metadata(found, path) == metadata
    check_canonical(found, small.canonical, Interface(), Preprocessing.default(3, 32))
    assert initializers_digest(found) == metadata.initializers_digest == initializers_digest(model)
    numbers = {name: value.const_value.numpy() for name, value in found.graph.initializers.items() if value.const_value}
    expected = dict(folded_numbers(small.canonical, trained(small)))
    assert list(numbers) == list(expected)
    assert all(numbers[name].tobytes() == expected[name].tobytes() for name in expected)


@pytest.mark.parametrize(
    "variant", [{}, {"layout": "nhwc", "preprocess": "uint8"}, {"head": "embedding", "batch": 1, "opset": 20}]
)
@pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"])
def test_the_same_bytes_every_time(
    variant: dict[str, Any], network: str, make: Maker, request: pytest.FixtureRequest
) -> None:
    spec = request.getfixturevalue(network)
    contents = {make.file(spec, Interface(**variant)).read_bytes() for _ in range(2)}
    assert len(contents) == 1


def test_nothing_but_the_network_is_in_the_bytes(make: Maker, small: ResNetSpec) -> None:
    """No notes on values, no paths, stack traces, dates or framework's names."""
    path = make.file(small)
    proto = onnx.load(path)
    assert list(proto.graph.value_info) == []
    assert proto.doc_string == proto.graph.doc_string == ""
    assert all(node.doc_string == "" and not node.metadata_props for node in proto.graph.node)
    assert (proto.producer_name, proto.producer_version) == ("resnet-export", __version__)
    assert {entry.key.partition(".")[0] for entry in proto.metadata_props} == {"resnet_export"}
    for tensor in proto.graph.initializer:
        tensor.ClearField("raw_data")
    text = proto.SerializeToString()
    for word in (b"torch", b"keras", b"tensorflow", b"tf2onnx", b"site-packages", b"/home", b"/tmp", b".py", b"File"):
        assert word not in text.replace(b"resnet_export", b""), word
    assert not re.search(rb"20\d\d-\d\d", text)


def test_bind_takes_more_than_the_graph_uses(make: Maker, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model, _ = make.model(tiny, Interface(head="embedding"))
    bind(model, dict(folded_numbers(tiny.canonical, trained(tiny))))
    assert not [name for name in model.graph.initializers if name.startswith("fc.")]


def test_numbers_beside_the_file_when_they_are_too_large_for_it(
    make: Maker, small: ResNetSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = make.file(small)
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)
    expected = run(whole, images)
    size = whole.stat().st_size
    whole.unlink()
    monkeypatch.setattr(file, "EXTERNAL_ABOVE", 1000)
    path = make.file(small)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert path.stat().st_size < size / 10
    locations = {
        entry.value
        for tensor in onnx.load(path, load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert locations == {"model.onnx.data"}, "relative: both can be moved together"
    assert run(path, images).tobytes() == expected.tobytes()
    found = read(path)
    assert initializers_digest(found) == read_metadata(found, path).initializers_digest


def run(path: Path, images: Any) -> Any:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": images})[0]


def test_a_name_that_is_no_utf_8(make: Maker, small: ResNetSpec) -> None:
    """Python opens such a file, and no runtime does."""
    path = make.file(small)
    path = path.rename(path.with_name(os.fsdecode(b"caf\xe9.onnx")))
    with pytest.raises(ModelError, match="not in UTF-8") as caught:
        read(path)
    assert caught.value.exit_code == 3


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read(tmp_path / "missing.onnx")
    assert caught.value.message == f"There is no file {tmp_path / 'missing.onnx'}."
    assert caught.value.exit_code == 3


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    assert caught.value.message == f"{tmp_path} is a folder, not a file."
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ModelError, match="is a folder, a TensorFlow SavedModel, not a file"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x00" * 100, b"\x08\x08"], ids=repr)
def test_no_onnx_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def without_its_type(model: onnx.ModelProto) -> None:
    next(one for node in model.graph.node for one in node.attribute if one.name == "strides").ClearField("type")


def of_another_type(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    numbers = onnx.numpy_helper.to_array(tensor).ravel()
    tensor.ClearField("raw_data")
    tensor.float_data.extend(numbers)
    tensor.data_type = onnx.TensorProto.INT64


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_its_type, r"the attribute 'strides' of the Conv conv1 has no value, or none of its type"),
        (of_another_type, r"the numbers of conv1.weight don't fit their shape or type"),
    ],
)
def test_a_damaged_part_is_named(
    damage: Callable[[onnx.ModelProto], None], message: str, make: Maker, tiny: ResNetSpec
) -> None:
    path = make.file(tiny)
    model = onnx.load(path)
    damage(model)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=message):
        read(path)


def test_a_text_that_is_no_utf_8(make: Maker, tiny: ResNetSpec) -> None:
    path = make.file(tiny)
    content = path.read_bytes()
    assert content.count(b"resnet-export") >= 1
    path.write_bytes(content.replace(b"resnet-export", b"resnet\xffexport", 1))
    with pytest.raises(ModelError):
        read(path)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99, 0.9999])
def test_truncated(share: float, make: Maker, tiny: ResNetSpec) -> None:
    path = make.file(tiny)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError):
        read(path)


@pytest.fixture
def beside(make: Maker, tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that keeps its numbers beside it."""
    monkeypatch.setattr(file, "EXTERNAL_ABOVE", 1000)
    return make.file(tiny)


def relocate(path: Path, location: str) -> None:
    """Lets the file look for its numbers elsewhere."""
    proto = onnx.load(path, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(proto.SerializeToString())


def test_numbers_beside_are_in_memory_after_reading(beside: Path) -> None:
    model = read(beside)
    assert model.meta[file.EXTERNAL] == ("model.onnx.data",)
    beside.with_name("model.onnx.data").unlink()
    assert initializers_digest(model) == read_metadata(model, beside).initializers_digest


def test_numbers_beside_in_a_folder_given_relatively(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(beside.parent)
    assert read(Path(beside.name)).meta[file.EXTERNAL] == ("model.onnx.data",)


def test_numbers_beside_are_missing(beside: Path) -> None:
    beside.with_name("model.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"keeps numbers in 'model.onnx.data' beside it, and that file is missing"):
        read(beside)


def test_numbers_beside_are_truncated(beside: Path) -> None:
    data = beside.with_name("model.onnx.data")
    data.write_bytes(data.read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"'model.onnx.data', which is truncated: it has [\d,]+ bytes, and fc"):
        read(beside)


@pytest.mark.parametrize("where", ["../secret", "sub/../../secret", "..\\secret", "C:\\secret", "{absolute}"])
def test_numbers_outside_the_folder_are_not_read(where: str, beside: Path) -> None:
    folder = beside.parent / "inner"
    (folder / "sub").mkdir(parents=True)
    moved = beside.rename(folder / "model.onnx")
    secret = beside.with_name("model.onnx.data").rename(beside.parent / "secret")
    relocate(moved, where.replace("{absolute}", str(secret)))
    with pytest.raises(ModelError, match="which is outside its own folder") as caught:
        read(moved)
    assert caught.value.exit_code == 3


def test_a_link_to_numbers_outside_the_folder_is_not_followed(beside: Path) -> None:
    folder = beside.parent / "inner"
    folder.mkdir()
    moved = beside.rename(folder / "model.onnx")
    (folder / "model.onnx.data").symlink_to(beside.with_name("model.onnx.data"))
    with pytest.raises(ModelError, match="which is outside its own folder"):
        read(moved)


def test_a_hard_link_may_be_one_to_elsewhere(beside: Path) -> None:
    beside.with_name("other").hardlink_to(beside.with_name("model.onnx.data"))
    with pytest.raises(ModelError, match="cannot be read") as caught:
        read(beside)
    assert caught.value.hint


def test_an_attribute_that_points_outside(tmp_path: Path) -> None:
    value = onnx.numpy_helper.from_array(np.zeros(4, np.float32))
    value.ClearField("raw_data")
    value.data_location = onnx.TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../secret")
    nodes = [onnx.helper.make_node("Constant", [], ["y"], value=value)]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4])
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [output])).SerializeToString())
    with pytest.raises(ModelError, match="outside its own folder"):
        read(path)


def test_a_file_of_someone_else(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Relu(x) }'
        ).SerializeToString()
    )
    with pytest.raises(ModelError) as caught:
        read_metadata(read(path), path)
    assert caught.value.message == (
        f"{path}: The file has no resnet_export metadata: it was not written by resnet-export."
    )


@pytest.mark.parametrize("opset", [11, 13])
def test_the_domain_of_onnx_may_be_written_out(opset: int, tmp_path: Path) -> None:
    """Before opset 13 a softmax goes over all axes from its own on."""
    versions = f'<ir_version: 6, opset_import: ["ai.onnx" : {opset}]>'
    text = f"{versions} net (float[N,3,4,4] x) => (float[N,3,4,4] y) {{ y = ai.onnx.Softmax<axis=1>(x) }}"
    (tmp_path / "net.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    model = read(tmp_path / "net.onnx")
    assert dict(model.opset_imports) == {"": opset}
    assert [node.domain for node in model.graph] == [""]
    network = read_network(model, (3, 4, 4)).network
    assert len(network.steps) == (3 if opset == 11 else 1)
