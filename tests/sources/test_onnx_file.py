"""`.onnx` files of other hands, exported as a user would, and held against ONNX Runtime's run of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from resnet_export import export
from resnet_export.errors import ModelError, UsageError
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.images import Preprocessing
from resnet_export.sources import load
from tests.parity.test_own_graph import CORE, LOGITS, SHAPES, saved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export import ExportReport

CAST = "f = Cast<to=1>(x)" + CORE.replace("(x,", "(f,")
RESHAPED = CORE.replace("fl = Flatten(g)", "fl = Reshape(g, to)")
ONE_IMAGE = {"to": np.array([1, 16])}


def run(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def images_of(count: int, size: int = 32) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((count, 3, size, size)).astype(np.float32)


def exported(path: Path, **options: Any) -> ExportReport:
    report = export(path, path.with_name("file.onnx"), **options)
    assert report.passed
    return report


def in_type(dtype: type[Any]) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(1)
    return {name: (random.standard_normal(shape) * 0.2).astype(dtype) for name, shape in SHAPES.items()}


class TestHead:
    def test_a_softmax_over_one_class_stays_one(self, tmp_path: Path) -> None:
        one = {"fw": np.ones((1, 16), np.float32), "fb": np.zeros(1, np.float32)}
        path = saved(tmp_path / "net.onnx", CORE + "p = Softmax<axis=1>(logits)", "float[N,1] p", more=one)
        report = exported(path)
        assert report.interface.head == "logits"
        assert (run(tmp_path / "file.onnx", images_of(2)) == 1).all()

    def test_a_softmax_over_several_is_cut(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", CORE + "p = Softmax<axis=1>(logits)", "float[N,10] p")
        assert exported(path).interface.head == "probabilities"


class TestBatch:
    @pytest.mark.parametrize(
        ("count", "body", "more"),
        [(1, CORE, {}), (4, CORE, {}), (1, RESHAPED, ONE_IMAGE)],
        ids=["one", "four", "reshape"],
    )
    def test_a_fixed_batch_becomes_any(self, count: int, body: str, more: dict[str, Any], tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", body, f"float[{count},10] logits", f"float[{count},3,32,32]", more)
        report = exported(path)
        assert report.interface.batch is None
        assert report.verification is not None
        assert {item.batch for item in report.verification.comparisons} == {1, 2, 7}
        images = images_of(4)
        expected = np.concatenate([run(path, images[at : at + count]) for at in range(0, 4, count)])
        np.testing.assert_allclose(run(tmp_path / "file.onnx", images), expected, rtol=0, atol=1e-4)

    def test_other_outputs_are_joined_too(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", outputs="float[2,10] logits, float[2,16,1,1] g", image="float[2,3,32,32]")
        assert exported(path).outputs == ("logits", "g")

    @pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # by torch itself
    def test_what_torch_writes_by_default(self, tmp_path: Path) -> None:
        import torch
        from torch import nn

        layers = (nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        path = tmp_path / "net.onnx"
        torch.onnx.export(nn.Sequential(*layers).eval(), (torch.randn(1, 3, 16, 16),), path, verbose=False)
        assert exported(path).interface.batch is None
        assert run(tmp_path / "file.onnx", images_of(3, 16)).shape == (3, 5)

    def test_one_image_in_a_graph_for_any_number(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", RESHAPED, more=ONE_IMAGE)
        with pytest.raises(UnreadableError, match="Reshape fl: 1 is fixed in the graph as the number") as caught:
            export(path, tmp_path / "file.onnx")
        assert caught.value.hint is not None
        assert "ask for the operator" not in caught.value.hint


class TestSize:
    def test_another_one_than_the_file_takes_is_refused(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx")
        with pytest.raises(UsageError, match=r"net\.onnx takes 32 x 32 pixels, and not 64 x 64"):
            load(path, image_size=64)
        assert load(path, image_size=32).network.image == (3, 32, 32)

    def test_an_open_one_may_be_chosen(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", image="float[N,3,H,W]")
        assert load(path, image_size=64).network.image == (3, 64, 64)
        assert load(path).network.image == (3, 224, 224)

    def test_our_own_file_says_it(self, tmp_path: Path) -> None:
        """And its pictures are resized by the same share at another one."""
        export(
            saved(tmp_path / "net.onnx"), tmp_path / "own.onnx", dynamic_size=True, resize=40, verify=False
        )  # fmt: skip
        trained = load(tmp_path / "own.onnx")
        assert trained.network.image == (3, 32, 32)
        assert trained.assumptions == ()
        report = exported(tmp_path / "own.onnx", image_size=64)
        assert report.preprocessing == Preprocessing(80, 64, (0.0,) * 3, (1.0,) * 3)

    def test_left_open_where_the_graph_is_the_same(self, tmp_path: Path) -> None:
        assert exported(saved(tmp_path / "net.onnx"), dynamic_size=True).passed
        pooled = CORE.replace("GlobalAveragePool(r2)", "AveragePool<kernel_shape=[15,15]>(r2)")
        with pytest.raises(UsageError, match="images of 32 x 32 only"):
            export(saved(tmp_path / "fixed.onnx", pooled), tmp_path / "other.onnx", dynamic_size=True)


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("k = ArgMax<axis=1>(logits)", "int64[N,1] k"),
        ("v, k = TopK(logits, three)", "int64[N,3] k"),
        ("k = Greater(logits, zero)", "bool[N,10] k"),
    ],
)
@pytest.mark.parametrize("first", [False, True], ids=["behind", "first"])
def test_an_output_that_is_not_floating_is_left_out(body: str, output: str, first: bool, tmp_path: Path) -> None:
    more = {"three": np.array([3]), "zero": np.zeros(1, np.float32)}
    outputs = f"{output}, {LOGITS}" if first else f"{LOGITS}, {output}"
    report = exported(saved(tmp_path / "net.onnx", CORE + body, outputs, more=more))
    assert report.outputs == ("logits",)
    assert report.verification is not None
    assert report.verification.notes == ("Not in the file: the output k, which has no floating numbers.",)


def test_a_large_pool_is_added_in_any_order(tmp_path: Path) -> None:
    """12,321 values: ONNX Runtime adds them in pairs where the size is open, else one after the other."""
    exported(saved(tmp_path / "net.onnx", image="float[N,3,H,W]"), image_size=224)


class TestTypes:
    @pytest.mark.parametrize("options", [{}, {"preprocess": "uint8"}], ids=["float", "pixels"])
    @pytest.mark.parametrize("kind", ["uint8", "float16", "double", "int32"])
    def test_of_the_input(self, kind: str, options: dict[str, Any], tmp_path: Path) -> None:
        path = saved(tmp_path / "net.onnx", CAST, image=f"{kind}[N,3,32,32]")
        exported(path, **options)
        pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), np.uint8)
        if kind in ("uint8", "int32"):
            own = run(path, pixels.astype(kind))
            given = pixels if options else pixels.astype(np.float32)
            np.testing.assert_allclose(run(tmp_path / "file.onnx", given), own, rtol=1e-4, atol=1e-4)

    def test_half_precision(self, tmp_path: Path) -> None:
        path = saved(
            tmp_path / "net.onnx", outputs="float16[N,10] logits", image="float16[N,3,32,32]", more=in_type(np.float16)
        )  # fmt: skip
        report = exported(path)
        assert report.verification is not None
        errors = {item.runtime: item.error for item in report.verification.comparisons}
        assert errors["ort:cpu"] < 1e-2 * errors["onnx"], "the file is judged in float32"

    def test_double_precision_is_refused_in_words(self, tmp_path: Path) -> None:
        path = saved(
            tmp_path / "net.onnx", outputs="double[N,10] logits", image="double[N,3,32,32]", more=in_type(np.float64)
        )  # fmt: skip
        with pytest.raises(ModelError, match=r"net\.onnx computes in float64, and ONNX Runtime"):
            export(path, tmp_path / "file.onnx")
