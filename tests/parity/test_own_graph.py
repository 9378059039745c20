"""Files of other hands that are held against their own graph: what is right passes, and what is wrong is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from resnet_export import export, verify
from resnet_export.errors import CheckpointError, ModelError, UsageError
from resnet_export.graph import cut
from resnet_export.inspect import diff, inspect
from resnet_export.parity import own_graph
from resnet_export.spec import ResNetSpec

from .sources import ORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.graph.foreign import ImageInput
    from resnet_export.graph.reading import Reading

SHAPES = {
    "w1": (8, 3, 3, 3), "b1": (8,), "w2": (16, 8, 3, 3), "b2": (16,), "fw": (10, 16), "fb": (10,),
}  # fmt: skip
CORE = """
    c1 = Conv<pads=[1,1,1,1]>(x, w1, b1) r1 = Relu(c1) c2 = Conv<strides=[2,2]>(r1, w2, b2) r2 = Relu(c2)
    g = GlobalAveragePool(r2) fl = Flatten(g) logits = Gemm<transB=1>(fl, fw, fb)
"""
LOGITS = "float[N,10] logits"


def saved(
    path: Path,
    body: str = CORE,
    outputs: str = LOGITS,
    image: str = "float[N,3,32,32]",
    more: dict[str, Any] | None = None,
    *,
    ir: int = 8,
    opset: int = 17,
) -> Path:
    """A small classifier, written as text."""
    random = np.random.default_rng(3)
    numbers = {
        name: (random.standard_normal(shape) * (1.0 if name == "fw" else 0.2)).astype(np.float32)
        for name, shape in SHAPES.items()
    } | (more or {})
    versions = f'<ir_version: {ir}, opset_import: ["" : {opset}, "ai.onnx.ml" : 3]>'
    model = onnx.parser.parse_model(f"{versions} net ({image} x) => ({outputs}) {{ {body} }}")
    used = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), name) for name, array in numbers.items() if name in used
    )
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


RIGHT: dict[str, dict[str, Any]] = {
    "as it is": {},
    "LRN": {
        "body": CORE.replace("c2 = Conv<strides=[2,2]>(r1", "n = LRN<size=5, alpha=0.1>(r1) c2 = Conv<strides=[2,2]>(n")
    },
    "a softmax of a map": {
        "body": CORE.split("fl =")[0] + "l = Conv(g, f4, fb) p = Softmax<axis=1>(l)",
        "outputs": "float[N,10,1,1] p",
        "more": {"f4": np.random.default_rng(4).standard_normal((10, 16, 1, 1)).astype(np.float32)},
    },
    "a softmax of opset 11 over two axes": {
        "body": CORE + "q = Reshape(logits, to) s = Softmax<axis=1>(q) p = Flatten(s)",
        "outputs": "float[N,10] p",
        "more": {"to": np.array([-1, 2, 5])},
        "ir": 6,
        "opset": 11,
    },
    "a batch of -1": {"image": "float[-1,3,32,32]", "outputs": "float[-1,10] logits"},
    "an output without the batch": {
        "body": CORE + "y = Squeeze(logits, first)",
        "outputs": "float[10] y",
        "image": "float[1,3,32,32]",
        "more": {"first": np.array([0])},
    },
    "whole numbers": {"body": "f = Cast<to=1>(x)" + CORE.replace("(x,", "(f,"), "image": "int32[N,3,32,32]"},
    "a class token for each image": {
        "body": """
            c = Conv<strides=[2,2]>(x, w1, b1) f = Reshape(c, rows) t = Transpose<perm=[0,2,1]>(f)
            all = Shape(t) n = Gather(all, first) to = Concat<axis=0>(n, one_token) cls = Expand(token, to)
            s = Concat<axis=1>(cls, t, end) h = Slice(s, first, two, one) m = ReduceMean<axes=[1], keepdims=0>(h)
            logits = Gemm<transB=1>(m, fw8, fb)
        """,
        "more": {
            "rows": np.array([0, 8, -1]),
            "one_token": np.array([1, 8]),
            "first": np.array([0]),
            "two": np.array([2]),
            "one": np.array([1]),
            "token": np.full((1, 1, 8), 0.5, np.float32),
            "fw8": np.eye(10, 8, dtype=np.float32),
            "end": np.full((1, 2, 8), 3.0, np.float32),
        },
        "image": "float[1,3,32,32]",
        "outputs": "float[1,10] logits",
    },
    "queries, keys and values": {
        "body": """
            c = Conv<strides=[2,2]>(x, w2, b2) g = Reshape(c, heads) qkv = Transpose<perm=[1,0,3,2]>(g)
            q0, k = Split<axis=0>(qkv, ones) q = Squeeze(q0, first) v = Gather<axis=0>(qkv, one) kt = Squeeze(k, first)
            d0 = Shape(q) d1 = Slice(d0, last, end) d2 = Cast<to=1>(d1) d = Sqrt(d2)
            w = Transpose<perm=[0,2,1]>(kt) a = MatMul(q, w) b = Div(a, d) p = Softmax<axis=2>(b) y = MatMul(p, v)
            m = ReduceMean<axes=[1], keepdims=0>(y) logits = Gemm<transB=1>(m, fw8, fb)
        """,
        "image": "float[N,8,9,9]",
        "more": {
            "heads": np.array([0, 2, 8, 16]),
            "ones": np.array([1, 1]),
            "first": np.array([0]),
            "one": np.array(1),
            "last": np.array([-1]),
            "end": np.array([9]),
            "fw8": np.eye(10, 8, dtype=np.float32),
        },
    },
    "a mask that is put together": {
        "body": CORE.split("logits =")[0]
        + """
            left = Mod(seven, three) mask = ScatterND(zeros, points, tens) both = Concat<axis=0>(left, mask)
            n = Cast<to=1>(both) masked = Add(fl, n) logits = Gemm<transB=1>(masked, fw, fb)
        """,
        "more": {
            "seven": np.array([7]),
            "three": np.array([3]),
            "zeros": np.zeros(15, np.int64),
            "points": np.array([[2], [5]]),
            "tens": np.array([10, 20]),
        },
    },
    "a batch among the channels": {
        "body": CORE.replace("r1 = Relu(c1)", "f = Reshape(c1, rows) r = Relu(f) r1 = Reshape(r, back)"),
        "more": {"rows": np.array([-1, 4, 16, 16]), "back": np.array([-1, 8, 32, 32])},
    },
    "a batch on another axis": {
        "body": CORE + "q = Reshape(logits, to) y = Transpose<perm=[1,0,2]>(q)",
        "outputs": "float[2,N,5] y",
        "more": {"to": np.array([-1, 2, 5])},
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name: str, net: Path) -> None:
    report = verify(saved(net, **RIGHT[name]), runtimes=ORT)
    assert report.failures == ()
    assert report.truth == "the file's own graph"


@pytest.mark.parametrize("seed", range(6))
def test_a_large_pool_is_no_mistake(seed: int, net: Path) -> None:
    """12,321 values are summed, in an order of the runtime's own."""
    random = np.random.default_rng(seed)
    more = {name: (random.standard_normal(shape) * 0.2).astype(np.float32) for name, shape in SHAPES.items()}
    assert verify(saved(net, image="float[N,3,224,224]", more=more), runtimes=ORT).failures == ()


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a batch of 1 inside": (
        {"body": CORE.replace("fl = Flatten(g)", "fl = Reshape(g, to)"), "more": {"to": np.array([1, 16])}},
        "Reshape fl",
        "it works at batch 1 only",
    ),
    "a batch of 1 at the end": (
        {"body": CORE.replace("logits =", "l =") + "logits = Reshape(l, to)", "more": {"to": np.array([1, -1])}},
        "logits",
        "it works at batch 1 only: it gives (1, 10 x batch)",
    ),
    "a number that is none": (
        {"more": {"fb": np.array([0.0] * 9 + [np.nan], np.float32)}},
        "gemm_0",
        "1 of the 10 numbers of its bias are NaN or infinite",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str, net: Path) -> None:
    options, layer, detail = WRONG[name]
    report = verify(saved(net, **options), runtimes=ORT)
    assert not report.passed
    assert report.diagnosis is not None
    assert (report.diagnosis.layer, report.diagnosis.detail) == (layer, detail) or detail in report.diagnosis.detail


TRAINING = "c = Conv<pads=[1,1,1,1]>(x, w1, b1) r1, m, v = BatchNormalization<training_mode=1>(c, s, b1, b1, s)"
CONSTANT = "s = Shape(x) n = Gather(s, first) z = Concat<axis=0>(n, ten) logits = ConstantOfShape(z)"
MAPS = "p = Softmax<axis=1>(logits) loss = ai.onnx.ml.ZipMap<classlabels_int64s=[0,1,2,3,4,5,6,7,8,9]>(p)"
CIRCLE = "a = Relu(b) b = Relu(a) s = Add(x, a)" + CORE.replace("(x,", "(s,")
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a batch norm in training": (
        {"body": TRAINING + CORE.split("r1 = Relu(c1)")[1], "more": {"s": np.ones(8, np.float32)}},
        "it was exported in training mode",
    ),
    "a constant": (
        {"body": CONSTANT, "more": {"first": np.array([0]), "ten": np.array([10])}},
        "No output depends on the image: whatever it shows, the file gives the same",
    ),
    "a sequence of maps": (
        {"body": CORE + MAPS, "outputs": "seq(map(int64, float[N])) loss"},
        "gives 'loss' first, which is a sequence",
    ),
    "a later IR version": ({"ir": 99}, "IR version 99, and onnx .* supports versions up to"),
    "a later opset": ({"opset": 99}, "opset 99, and this package supports 7 to 26"),
    "a circle": ({"body": CIRCLE}, "wait for each other in a circle"),
    "a value that nothing makes": (
        {"body": CORE.replace("Relu(c1)", "Relu(nothing)")},
        "takes 'nothing', which nothing makes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_network_is_refused_with_the_reason(name: str, net: Path) -> None:
    options, says = REFUSED[name]
    with pytest.raises(ModelError, match=says) as caught:
        verify(saved(net, **options), runtimes=ORT)
    assert caught.value.hint


def test_what_is_no_tensor_can_be_inspected(net: Path) -> None:
    options, _ = REFUSED["a sequence of maps"]
    assert [port.dtype for port in inspect(saved(net, **options)).outputs] == ["a sequence"]


def test_numbers_that_are_none_are_named_by_inspect(net: Path) -> None:
    options, _, _ = WRONG["a number that is none"]
    assert inspect(saved(net, **options)).faults == ("1 of the 10 numbers of fb are NaN or infinite.",)


def test_an_output_that_depends_on_other_images_is_compared_for_the_whole_batch(net: Path) -> None:
    body = CORE + "mean = ReduceMean<axes=[0], keepdims=1>(fl) aux = Sub(fl, mean)"
    report = verify(saved(net, body, f"{LOGITS}, float[N,16] aux"), runtimes=ORT)
    assert report.passed
    assert {one.output for one in report.comparisons} == {None, "aux"}
    assert [
        note
        for note in report.notes
        if "Not checked image by image: the output aux. Before it, the images share an axis" in note
    ]
    assert not any("output logits" in note for note in report.notes)


BESIDE: dict[str, dict[str, Any]] = {
    "images that depend on one another": {
        "body": "most = ReduceMax<keepdims=1>(x) d = Div(x, most)" + CORE.replace("(x,", "(d,")
    },
    "a map": {"body": CORE.split("fl =")[0] + "logits = Conv(g, f4, fb)",
              "outputs": "float[N,10,1,1] logits", "more": RIGHT["a softmax of a map"]["more"]},
    "a softmax of a map": RIGHT["a softmax of a map"],
    "an output without the batch": RIGHT["an output without the batch"],
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_any_file_can_be_held_against_another(name: str, net: Path) -> None:
    right = saved(net.with_name("right.onnx"), **BESIDE[name])
    assert verify(saved(net, **BESIDE[name]), weights=right, runtimes=ORT).failures == ()
    model = onnx.load(net)
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "b2")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), "b2"))
    onnx.save(model, net)
    report = verify(net, weights=right, runtimes=ORT)
    assert report.comparisons, "the outputs were compared"
    assert not report.passed


def test_a_file_for_other_batches_than_its_source_is_refused(net: Path) -> None:
    options = BESIDE["images that depend on one another"]
    right = saved(net.with_name("right.onnx"), **options, image="float[3,3,32,32]", outputs="float[3,10] logits")
    with pytest.raises(CheckpointError, match=r"right\.onnx takes 3 images at a time, and net\.onnx takes any number"):
        verify(saved(net, **options), weights=right, runtimes=ORT)


def test_what_only_the_head_takes_is_no_input(net: Path) -> None:
    """Files of IR version 3 list their initializers among their inputs."""
    body = CORE + "scaled = Mul(logits, two) p = Softmax<axis=1>(scaled) y = Add(p, zero)"
    more = {"two": np.array([2.0], np.float32), "zero": np.zeros(1, np.float32)}
    model = onnx.load(saved(net, body.replace(" y = Add(p, zero)", ""), "float[N,10] p", more=more, ir=3, opset=8))
    unused = numpy_helper.from_array(more["zero"], "zero")
    model.graph.initializer.append(unused)
    model.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    )
    onnx.save(model, net)
    assert verify(net, runtimes=ORT).failures == ()


def test_a_size_that_is_open_is_found(net: Path) -> None:
    body = CORE.split("g =")[0] + "fl = Flatten(r2) logits = Gemm<transB=1>(fl, fw, fb)"
    more = {"fw": (np.random.default_rng(8).standard_normal((10, 16 * 31 * 31)) * 0.05).astype(np.float32)}
    path = saved(net, body, image="float[N,3,H,W]", more=more)
    report = verify(path, runtimes=ORT)
    assert report.passed
    assert "The file leaves its size open: it was checked at 64 x 64 pixels (--image-size)." in report.notes
    assert verify(path, runtimes=ORT, image_size=64).passed
    with pytest.raises(ModelError, match=r"net\.onnx cannot be evaluated in float64: Node Gemm"):
        verify(path, runtimes=ORT, image_size=65)


def test_another_size_than_the_file_s_is_refused(net: Path) -> None:
    with pytest.raises(UsageError, match=r"net\.onnx takes 32 x 32 pixels, and not 64 x 64"):
        verify(saved(net), runtimes=ORT, image_size=64)


def shuffled(model: onnx.ModelProto) -> None:
    """Nodes and initializers in the opposite order, in which no node can be run."""
    graph = model.graph
    nodes, held = list(graph.node)[::-1], list(graph.initializer)[::-1]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(held)


def sorted_anew(model: onnx.ModelProto) -> None:
    """Another order in which all nodes can be run: shortcuts before the paths beside them."""
    graph = model.graph
    known = {value.name for value in [*graph.input, *graph.initializer]}
    left, order = list(graph.node), list[onnx.NodeProto]()
    while left:
        ready = [node for node in left if known.issuperset(node.input)]
        order.append(ready[-1])
        left.remove(ready[-1])
        known.update(ready[-1].output)
    assert [node.name for node in order] != [node.name for node in graph.node]
    del graph.node[:]
    graph.node.extend(order)


@pytest.mark.long
@pytest.mark.parametrize("change", [shuffled, sorted_anew])
def test_our_own_file_in_another_order_is_the_same(change: Callable[[onnx.ModelProto], None], tmp_path: Path) -> None:
    spec = ResNetSpec(depth=18, width=8, stem="cifar", image_size=32, num_classes=10)
    export(spec, tmp_path / "own.onnx", framework="keras", verify=False)
    model = onnx.load(tmp_path / "own.onnx")
    change(model)
    onnx.save(model, tmp_path / "other.onnx")
    report = verify(tmp_path / "other.onnx", runtimes=ORT)
    assert (report.failures, report.notes) == ((), ())
    assert inspect(tmp_path / "other.onnx").passed
    assert diff(tmp_path / "own.onnx", tmp_path / "other.onnx").structure == ()


def test_two_nodes_of_one_name_are_no_difference(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a.onnx"), saved(tmp_path / "b.onnx")
    for path in (first, second):
        model = onnx.load(path)
        for node in model.graph.node:
            node.name = "relu" if node.op_type == "Relu" else f"the {node.output[0]}"
        onnx.save(model, path)
    assert diff(first, second).structure == ()


def in_a_cache(folder: Path) -> Path:
    """A file with its numbers beside it, as the cache of Hugging Face keeps them: links to blobs of other names."""
    model = onnx.load(saved(folder / "plain.onnx"))
    blobs, snapshot = folder / "blobs", folder / "snapshots" / "0a1b"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    onnx.save(model, snapshot / "m.onnx", save_as_external_data=True, location="m.onnx_data", size_threshold=0)
    for name, blob in (("m.onnx", "11aa"), ("m.onnx_data", "22bb")):
        shutil.move(snapshot / name, blobs / blob)
        (snapshot / name).symlink_to(Path("../../blobs") / blob)
    return snapshot / "m.onnx"


def test_numbers_behind_the_links_of_a_cache_are_read(tmp_path: Path) -> None:
    path = in_a_cache(tmp_path)
    assert verify(path, runtimes=ORT).passed
    assert inspect(path).data == {"m.onnx_data": (path.parent / "m.onnx_data").stat().st_size}


def test_a_link_to_anywhere_else_is_not_followed(tmp_path: Path) -> None:
    path = in_a_cache(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes((path.parent / "m.onnx_data").read_bytes())
    (path.parent / "m.onnx_data").unlink()
    (path.parent / "m.onnx_data").symlink_to(secret)
    with pytest.raises(ModelError, match="outside its own folder"):
        verify(path, runtimes=ORT)


@pytest.mark.parametrize("read", [verify, inspect])
def test_a_name_that_is_too_long(read: Callable[[str], Any]) -> None:
    with pytest.raises(ModelError, match="File name too long"):
        read("a" * 260 + ".onnx")


@pytest.mark.parametrize(("body", "count"), [("y = Det(x)", 1), ("q = Reshape(x, to) y = Gemm(q, q)", 19)])
def test_an_operator_without_a_rule_is_refused_at_the_first_size(
    body: str, count: int, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may work at another size is tried at each."""
    sizes: set[int | None] = set()
    read_at = own_graph._at

    def counted(path: Path, taken: ImageInput, outputs: tuple[str, ...], batch: int | None) -> Reading:
        sizes.add(taken.height)
        return read_at(path, taken, outputs, batch)

    monkeypatch.setattr(own_graph, "_at", counted)
    saved(net, body, "float[N,10] y", "float[N,3,H,W]", {"to": np.array([-1, 7])})
    with pytest.raises(ModelError, match="cannot be evaluated in float64"):
        verify(net, runtimes=ORT)
    assert len(sizes) == count


def test_a_copy_of_a_large_file_has_its_numbers_beside_it(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protobuf ends at 2 GiB, which the copy that ends with the logits has to heed too."""
    monkeypatch.setattr(cut, "EXTERNAL_ABOVE", 1000)
    saved(net, CORE + "p = Softmax<axis=1>(logits)", "float[N,10] p")
    report = verify(net, runtimes=ORT)
    assert report.failures == ()
