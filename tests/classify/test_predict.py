from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from resnet_export import (
    ImageError,
    LabelsError,
    ModelError,
    RuntimeFailedError,
    UsageError,
    predict,
)
from resnet_export.assumptions import Assumption
from resnet_export.files import sha256
from resnet_export.images import Preprocessing

from .files import LABELS, LOGITS, PREPARED, foreign, in_float16, ours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resnet_export import PredictReport
    from tests.conftest import Exported

ROUNDING = 1e-6
"""float32 against itself in another order of operations."""


def prepared(path: Path) -> NDArray[np.float32]:
    """A photograph of 640 x 427 as `PREPARED` says, by hand: 37 x 427 -> 55 x 37, less (55 - 32) / 2 and 5 / 2."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.resize((55, 37), Image.Resampling.BICUBIC))[2:34, 12:44]
    normalised = (pixels / 255 - np.array(PREPARED.mean)) / np.array(PREPARED.std)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32)


def logits(model: Path, images: NDArray[np.float32]) -> NDArray[np.float64]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0][0], np.float64)


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(values) / np.exp(values).sum())


def answers(report: PredictReport) -> list[dict[int, float]]:
    return [{found.index: found.probability for found in picture.top} for picture in report.pictures]


@pytest.fixture
def pictures(album: Path) -> list[Path]:
    return [album / "china.jpg", album / "flower.png"]


class TestAnswers:
    def test_the_top_five_of_each_picture(self, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures)
        assert [picture.path for picture in report.pictures] == list(map(str, pictures))
        for picture, path in zip(report.pictures, pictures, strict=True):
            expected = softmax(logits(net, prepared(path)))
            assert [found.index for found in picture.top] == np.argsort(-expected)[:5].tolist()
            assert [found.probability for found in picture.top] == pytest.approx(
                np.sort(expected)[::-1][:5], abs=ROUNDING
            )
            assert {found.label for found in picture.top} == {None}
        tops = [picture.top[0].index for picture in report.pictures]
        assert tops[0] != tops[1], "the pictures can be told apart"
        assert (report.activation, report.head, report.classes, report.failed) == ("softmax", "logits", 10, 0)
        best = report.pictures[0].top[0]
        assert str(report).splitlines()[0] == f"{pictures[0]}: {best.probability:.4f} {best.index}"

    @pytest.mark.parametrize(("top", "count"), [(1, 1), (3, 3), (10, 10), (50, 10)])
    def test_as_many_classes_as_were_asked_for(self, top: int, count: int, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures, top=top)
        assert [len(picture.top) for picture in report.pictures] == [count, count]
        if count == 10:
            assert [sum(one.values()) for one in answers(report)] == pytest.approx([1, 1])

    def test_what_ran(self, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures[0], runtime="ort:cpu,threads=1")
        assert (report.model, report.runtime, report.precision) == (str(net), "ort:cpu,threads=1", "float32")
        assert report.sha256 == sha256(net)
        assert report.placement.device == "CPU"
        assert "CPUExecutionProvider" in report.version
        assert report.output == "logits"

    def test_labels(self, tmp_path: Path, pictures: list[Path], net: Path) -> None:
        named = ours(tmp_path / "named.onnx", labels=LABELS)
        for report in (predict(named, pictures), predict(net, pictures, labels=LABELS)):
            for picture in report.pictures:
                assert [found.label for found in picture.top] == [f"class {found.index}" for found in picture.top]

    def test_labels_that_were_given_win(self, tmp_path: Path, pictures: list[Path]) -> None:
        named = ours(tmp_path / "named.onnx", labels=LABELS)
        (tmp_path / "labels.txt").write_text("".join(f"mine {index}\n" for index in range(10)))
        report = predict(named, pictures[0], labels=tmp_path / "labels.txt")
        assert {found.label for found in report.pictures[0].top} <= {f"mine {index}" for index in range(10)}


class TestFormsOfInput:
    """The same network, called in another way, gives the same answers."""

    @pytest.mark.parametrize(
        "interface",
        [
            {"layout": "nhwc"},
            {"preprocess": "uint8"},
            {"preprocess": "uint8", "layout": "nhwc"},
            {"batch": 1},
            {"batch": 4},
            {"dynamic_size": True},
            {"head": "probabilities"},
        ],
        ids=str,
    )
    def test_interface(self, interface: dict[str, Any], tmp_path: Path, net: Path, pictures: list[Path]) -> None:
        report = predict(ours(tmp_path / "variant.onnx", **interface), pictures)
        for found, expected in zip(answers(report), answers(predict(net, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)
        assert report.raw_pixels is (interface.get("preprocess") == "uint8")

    def test_float16(self, tmp_path: Path, net: Path, pictures: list[Path]) -> None:
        report = predict(in_float16(net, tmp_path / "half.onnx"), pictures)
        for found, expected in zip(answers(report), answers(predict(net, pictures)), strict=True):
            assert list(found) == list(expected)
            assert found == pytest.approx(expected, abs=0.02)  # logits of up to 8 have steps of 1/256 in float16

    def test_more_pictures_than_the_fixed_batch(self, tmp_path: Path, net: Path, album: Path) -> None:
        """5 pictures in batches of 2, one of them damaged: the last batch is filled up."""
        with Image.open(album / "china.jpg") as photo:
            for index in range(2):
                photo.rotate(90 * index + 90).save(album / f"rotated{index}.png")
        (album / "damaged.jpg").write_bytes(b"no picture")
        fixed = predict(ours(tmp_path / "fixed.onnx", batch=2), album)
        plain = predict(net, album)
        assert len(plain.pictures) == 5
        assert [one.path for one in fixed.pictures] == [one.path for one in plain.pictures]
        assert [one.error for one in fixed.pictures] == [one.error for one in plain.pictures]
        for found, expected in zip(answers(fixed), answers(plain), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)

    def test_grey_pictures(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = foreign(tmp_path / "grey.onnx", "(float[N,1,32,32] x) => (float[N,10] y)", LOGITS)
        proto = onnx.load(path)
        kernel = next(tensor for tensor in proto.graph.initializer if tensor.name == "w")
        narrow = np.ascontiguousarray(onnx.numpy_helper.to_array(kernel)[:, :1])
        kernel.CopyFrom(onnx.numpy_helper.from_array(narrow, "w"))
        onnx.save(proto, path)
        report = predict(path, pictures)
        assert report.preprocessing.mean == (0.0,)
        assert [len(picture.top) for picture in report.pictures] == [5, 5]


class TestHeads:
    def test_several_labels_are_printed_as_they_are(self, tmp_path: Path, net: Path, pictures: list[Path]) -> None:
        report = predict(ours(tmp_path / "several.onnx", head="sigmoid"), pictures[0], top=10)
        expected = 1 / (1 + np.exp(-logits(net, prepared(pictures[0]))))
        assert answers(report)[0] == pytest.approx(dict(enumerate(expected)), abs=ROUNDING)
        assert (report.head, report.activation) == ("sigmoid", None)

    def test_a_single_logit_is_the_sigmoid(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = ours(tmp_path / "one.onnx", classes=1, labels=("cat",))
        report = predict(path, pictures[0])
        (logit,) = logits(path, prepared(pictures[0]))
        assert answers(report)[0] == {0: pytest.approx(1 / (1 + math.exp(-logit)), abs=ROUNDING)}
        assert (report.activation, report.pictures[0].top[0].label) == ("sigmoid", "cat")

    @pytest.mark.parametrize(
        ("end", "head"),
        [("Softmax(z)", "probabilities"), ("Sigmoid(z)", "sigmoid")],
    )
    def test_the_graph_tells_of_a_foreign_file(
        self, end: str, head: str, tmp_path: Path, other: Path, pictures: list[Path]
    ) -> None:
        path = foreign(tmp_path / "ends.onnx", body=f"{LOGITS.replace('y =', 'z =')} y = {end}")
        report = predict(path, pictures, top=10)
        assert (report.head, report.activation) == (head, None)
        assert "output" not in {one.name for one in report.assumptions}
        raw = answers(predict(other, pictures, top=10, head="probabilities"))
        for found, values in zip(answers(report), raw, strict=True):
            exponentials = {index: math.exp(value) for index, value in values.items()}
            total = sum(exponentials.values())
            for index, value in exponentials.items():
                expected = value / total if head == "probabilities" else value / (1 + value)
                assert found[index] == pytest.approx(expected, abs=ROUNDING)

    def test_a_softmax_that_another_tool_put_behind_our_logits(
        self, tmp_path: Path, net: Path, pictures: list[Path]
    ) -> None:
        proto = onnx.load(net)
        proto.graph.node.append(onnx.helper.make_node("Softmax", ["logits"], ["p"], axis=1))
        proto.graph.output[0].name = "p"
        onnx.save(proto, tmp_path / "changed.onnx")
        report = predict(tmp_path / "changed.onnx", pictures)
        assert (report.head, report.activation) == ("probabilities", None)
        for found, expected in zip(answers(report), answers(predict(net, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)

    def test_the_largest_values_are_none_of_classes(self, tmp_path: Path, pictures: list[Path]) -> None:
        body = f"{LOGITS} k = Constant<value_ints=[3]>() z, i = TopK(y, k)"
        path = foreign(tmp_path / "best.onnx", "(float[N,3,32,32] x) => (float[N,3] z, int64[N,3] i)", body)
        with pytest.raises(ModelError, match="ends in TopK: it gives its largest values"):
            predict(path, pictures)

    def test_an_embedding_has_no_classes(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = ours(tmp_path / "features.onnx", head="embedding")
        with pytest.raises(ModelError, match="gives an embedding, the features before the classifier") as caught:
            predict(path, pictures)
        assert caught.value.hint == "Export it with --head logits or --head probabilities."
        assert caught.value.exit_code == 3

    @pytest.mark.parametrize(
        ("signature", "body", "said"),
        [
            ("(float[N,3,32,32] x) => (float[N,8,a,b] y)", "y = Conv(x, w)", "is float32 of 8 x 30 x 30"),
            (
                "(float[N,3,32,32] x) => (int64[N] y)",
                f"{LOGITS.replace('y =', 'z =')} y = ArgMax<axis = 1, keepdims = 0>(z)",
                "is int64 of no axis",
            ),
        ],
    )
    def test_no_value_for_each_class(
        self, signature: str, body: str, said: str, tmp_path: Path, pictures: list[Path]
    ) -> None:
        with pytest.raises(ModelError, match=f"gives no value for each class: its output for a picture {said}"):
            predict(foreign(tmp_path / "other.onnx", signature, body), pictures)

    def test_a_head_that_was_given(self, net: Path, other: Path, pictures: list[Path]) -> None:
        raw = predict(net, pictures[0], head="probabilities", top=10)
        expected = dict(enumerate(logits(net, prepared(pictures[0]))))
        assert answers(raw)[0] == pytest.approx(expected, abs=1e-5)  # logits of up to 8
        assert list(map(str, raw.overrides)) == ["output probabilities instead of logits"]
        told = predict(other, pictures[0], head="logits")
        assert "output" not in {one.name for one in told.assumptions}
        assert told.overrides == ()
        with pytest.raises(UsageError, match="The head 'embedding' gives no classes"):
            predict(net, pictures, head="embedding")

    def test_probabilities_in_disguise_are_noticed(self, tmp_path: Path, other: Path, pictures: list[Path]) -> None:
        """A softmax that is written out; nothing in the graph says what it is."""
        written = "e = Exp(z) s = ReduceSum<keepdims = 1>(e, axis) y = Div(e, s)"
        path = foreign(tmp_path / "disguised.onnx", body=f"{LOGITS.replace('y =', 'z =')} {written}")
        proto = onnx.load(path)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "axis"))
        onnx.save(proto, path)
        assert predict(path, pictures).notes == (
            "Every output sums to 1, as probabilities do, and was taken for logits. "
            "If it is probabilities, give --head probabilities.",
        )
        told = predict(path, pictures, head="probabilities")
        assert told.notes == predict(other, pictures).notes == ()
        for found, expected in zip(answers(told), answers(predict(other, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)

    def test_the_first_of_several_outputs(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = foreign(tmp_path / "two.onnx", "(float[N,3,32,32] x) => (float[N,10] y, float[N,8] f)")
        report = predict(path, pictures)
        assert report.notes == ("The file has 2 outputs; the first, y, was taken.",)
        assert (report.output, report.classes) == ("y", 10)


class TestPreparation:
    def test_as_the_metadata_say(self, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures)
        assert (report.preprocessing, report.stated) == (PREPARED, True)
        assert (report.assumptions, report.overrides, report.notes) == ((), (), ())

    def test_what_was_assumed_at_the_export_is_assumed_still(self, tmp_path: Path, pictures: list[Path]) -> None:
        assumed = (
            Assumption("network", "eps", "eps 1e-05", "--eps"),
            Assumption("pictures", "mean", "0.485/0.456/0.406", "--mean"),
            Assumption("pictures", "resize", "the shorter side to 37 pixels", "--resize"),
        )
        path = ours(tmp_path / "net.onnx", assumptions=assumed)
        assert predict(path, pictures).assumptions == assumed[1:]
        assert predict(path, pictures, mean=PREPARED.mean).assumptions == assumed[2:]
        raw = ours(tmp_path / "raw.onnx", assumptions=assumed, preprocess="uint8")
        assert list(map(str, predict(raw, pictures).assumptions)) == ["mean", "resize (--resize)"]

    def test_what_is_assumed_of_a_file_that_says_nothing(self, other: Path, pictures: list[Path]) -> None:
        report = predict(other, pictures)
        assert (report.preprocessing, report.stated) == (Preprocessing.default(3, 32), False)
        assert list(map(str, report.assumptions)) == [
            "resize (--resize)",
            "interpolation (--interpolation)",
            "aspect (--aspect)",
            "mean (--mean)",
            "std (--std)",
            "the output is logits (--head)",
        ]

    def test_options_make_it_as_a_file_that_says_so(self, net: Path, other: Path, pictures: list[Path]) -> None:
        told = predict(
            other, pictures, resize=37, mean=PREPARED.mean, std=PREPARED.std, interpolation="bicubic", aspect="kept",
            head="logits",
        )  # fmt: skip
        assert told.preprocessing == PREPARED
        assert (told.assumptions, told.overrides) == ((), ())
        for found, expected in zip(answers(told), answers(predict(net, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)

    def test_what_the_file_says_can_be_changed_and_that_is_said(self, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures, resize=32, mean=(0.5, 0.5, 0.5), std=PREPARED.std)
        assert report.preprocessing == Preprocessing(32, 32, (0.5,) * 3, PREPARED.std, "bicubic")
        assert list(map(str, report.overrides)) == [
            "mean 0.5/0.5/0.5 instead of 0.485/0.456/0.406",
            "resize 32 instead of 37",
        ]
        assert answers(report) != answers(predict(net, pictures))

    def test_the_size_of_a_file_that_leaves_it_open(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = ours(tmp_path / "net.onnx", dynamic_size=True)
        assert predict(path, pictures).preprocessing == PREPARED
        report = predict(path, pictures, image_size=64)
        assert (report.preprocessing.crop, report.preprocessing.resize) == (64, 74)
        assert list(map(str, report.overrides)) == ["image size 64 instead of 32", "resize 74 instead of 37"]

    def test_the_size_of_a_foreign_file_that_leaves_it_open(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = foreign(tmp_path / "open.onnx", "(float[N,3,H,W] x) => (float[N,10] y)")
        report = predict(path, pictures)
        assert report.preprocessing == Preprocessing.default(3, 224)
        assert str(report.assumptions[0]) == "image size (--image-size)"
        assert report.assumptions[0].value == "224 x 224 pixels"
        told = predict(path, pictures, image_size=32)
        assert told.preprocessing == Preprocessing.default(3, 32)
        assert "image size" not in {one.name for one in told.assumptions}

    def test_a_foreign_file_that_takes_pixels(self, tmp_path: Path, other: Path, pictures: list[Path]) -> None:
        body = f"k = Cast<to = 1>(x) d = Div(k, t) {LOGITS.replace('Conv(x', 'Conv(d')}"
        path = foreign(tmp_path / "pixels.onnx", "(uint8[N,3,32,32] x) => (float[N,10] y)", body)
        proto = onnx.load(path)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(255), "t"))
        onnx.save(proto, path)
        report = predict(path, pictures)
        assert report.raw_pixels
        assert list(map(str, report.assumptions)) == [
            "resize (--resize)",
            "interpolation (--interpolation)",
            "aspect (--aspect)",
            "the file normalises its pixels",
            "the output is logits (--head)",
        ]
        for found, expected in zip(answers(report), answers(predict(other, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=1e-5)  # the division is in float32


class TestPictures:
    def test_folders_and_patterns(self, net: Path, album: Path) -> None:
        both = [str(album / "china.jpg"), str(album / "flower.png")]
        for given in (album, [album], str(album / "*"), [album / "china.jpg", album / "*.png"], [album, album]):
            assert [picture.path for picture in predict(net, given, top=1).pictures] == both

    def test_a_damaged_one_does_not_end_the_run(self, net: Path, pictures: list[Path], tmp_path: Path) -> None:
        damaged = tmp_path / "damaged.jpg"
        damaged.write_bytes(pictures[0].read_bytes()[:500])
        report = predict(net, [pictures[0], damaged, pictures[1]])
        assert report.failed == 1
        assert report.pictures[1].top == ()
        assert str(report.pictures[1].error).startswith(f"{damaged} cannot be read as a picture: ")
        whole = predict(net, pictures)
        assert (report.pictures[0], report.pictures[2]) == whole.pictures

    def test_none_that_can_be_read(self, net: Path, album: Path) -> None:
        notes = album / "notes.txt"
        (album / "empty.png").write_bytes(b"")
        with pytest.raises(ImageError, match=f"^{notes} cannot be read as a picture: ") as caught:
            predict(net, notes)
        assert (caught.value.exit_code, caught.value.hint) == (
            3,
            "Give pictures in a usual format, such as JPEG or PNG.",
        )
        with pytest.raises(ImageError, match=r"^None of 2 pictures can be used; the first: .*notes\.txt cannot"):
            predict(net, [notes, album / "empty.png"])

    def test_missing_ones_are_refused_before_the_work(
        self, net: Path, album: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("resnet_export.runtimes.RuntimeSpec.open", lambda *_: pytest.fail("it was opened"))
        hint = "Give pictures, folders of pictures, or patterns such as 'photos/*.jpg'."
        (album / "none").mkdir()
        for given, message in (
            (album / "cat.jpg", f"There is no picture {album / 'cat.jpg'}."),
            (album / "*.gif", f"No picture matches {album / '*.gif'} (.bmp"),
            (album / "none", f"The folder {album / 'none'} holds no picture (.bmp"),
        ):
            with pytest.raises(ImageError) as caught:
                predict(net, [album / "china.jpg", given])
            assert caught.value.message.startswith(message)
            assert caught.value.hint == hint

    def test_numbers_that_are_not_finite(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = foreign(tmp_path / "nan.onnx", body=f"{LOGITS.replace('y =', 'z =')} y = Log(z)")
        with pytest.raises(ModelError, match="gives numbers that are not finite for every picture") as caught:
            predict(path, pictures)
        assert caught.value.hint == f"Look for the cause with: resnet-export verify {path}"


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"image_size": 64}, "takes pictures of 32 x 32 pixels, not of 64."),
            ({"resize": 31}, "The pictures would be resized to 31 pixels and cropped to 32."),
            ({"mean": (0.5,)}, "mean has 1 numbers, and the network 3 channels."),
            ({"mean": (124, 116, 104)}, "mean 124, 116, 104 is not on the scale 0..1."),
            ({"std": (0.5, 0.5, 0.0)}, "standard deviation (0.5, 0.5, 0.0)."),
            ({"interpolation": "area"}, "There is no interpolation 'area'."),
            ({"top": 0}, "top is 0."),
            ({"runtime": "onnx"}, "There is no runtime 'onnx'."),
        ],
        ids=str,
    )
    def test_options(self, options: dict[str, Any], message: str, net: Path, pictures: list[Path]) -> None:
        with pytest.raises(UsageError) as caught:
            predict(net, pictures, **options)
        assert caught.value.message.endswith(message)
        assert caught.value.hint

    def test_no_pictures(self, net: Path) -> None:
        with pytest.raises(UsageError, match="No pictures were given"):
            predict(net, [])

    @pytest.mark.parametrize("option", ["mean", "std"])
    def test_normalisation_of_a_file_that_does_it_itself(
        self, option: str, tmp_path: Path, pictures: list[Path]
    ) -> None:
        path = ours(tmp_path / "raw.onnx", preprocess="uint8")
        with pytest.raises(UsageError, match="takes pixels and normalises them itself"):
            predict(path, pictures, **{option: (0.5, 0.5, 0.5)})  # type: ignore[arg-type]

    def test_labels_of_another_number(self, net: Path, tmp_path: Path, pictures: list[Path]) -> None:
        (tmp_path / "labels.txt").write_text("cat\ndog\n")
        with pytest.raises(LabelsError, match="has 2 lines, and the network has 10 classes"):
            predict(net, pictures, labels=tmp_path / "labels.txt")
        with pytest.raises(LabelsError, match=r"labels file .*none\.txt cannot be read"):
            predict(net, pictures, labels=tmp_path / "none.txt")

    def test_labels_of_another_number_where_the_file_does_not_tell(self, tmp_path: Path, pictures: list[Path]) -> None:
        path = foreign(tmp_path / "open.onnx", "(float[N,3,32,32] x) => (float[N,K] y)")
        with pytest.raises(LabelsError, match="2 labels were given, and the network has 10 classes"):
            predict(path, pictures, labels=["cat", "dog"])

    @pytest.mark.parametrize(
        ("signature", "message"),
        [
            ("(float[N,3,32,64] x) => (float[N,10] y)", "takes pictures of 32 x 64 pixels"),
            ("(int8[N,3,32,32] x) => (float[N,10] y)", "takes int8, and it doesn't say how pixels become that."),
            ("(float[N,12,32,32] x) => (float[N,10] y)", "takes 12 channels, and pictures have 1, 3 or 4."),
            ("(float[N,3] x) => (float[N,10] y)", "takes no image"),
        ],
    )
    def test_files_that_take_no_such_pictures(
        self, signature: str, message: str, tmp_path: Path, pictures: list[Path]
    ) -> None:
        with pytest.raises(ModelError) as caught:
            predict(foreign(tmp_path / "other.onnx", signature), pictures)
        assert message in caught.value.message
        assert caught.value.hint

    def test_no_model(self, tmp_path: Path, pictures: list[Path]) -> None:
        with pytest.raises(ModelError, match=r"There is no file .*none\.onnx"):
            predict(tmp_path / "none.onnx", pictures)
        with pytest.raises(ModelError, match=r"china\.jpg is no ONNX file"):
            predict(pictures[0], pictures)

    def test_a_runtime_that_fails_while_it_runs(self, tmp_path: Path, pictures: list[Path]) -> None:
        """The graph takes only batches of 2, and does not say so."""
        body = LOGITS.replace("Flatten(g)", "Reshape(g, s)")
        path = foreign(tmp_path / "bad.onnx", body=body)
        proto = onnx.load(path)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 8]), "s"))
        onnx.save(proto, path)
        with pytest.raises(RuntimeFailedError, match=r"^ort:cpu fails while it runs the network: ") as caught:
            predict(path, pictures)
        assert caught.value.hint == "Look for the cause with: resnet-export verify FILE"


class TestRuntimes:
    @pytest.mark.parametrize("runtime", ["reference", "openvino", "opencv", "tract"])
    def test_another_runtime_gives_the_same(self, runtime: str, net: Path, pictures: list[Path]) -> None:
        if runtime != "reference":
            pytest.importorskip({"opencv": "cv2"}.get(runtime, runtime))
        report = predict(net, pictures, runtime=runtime)
        assert report.runtime == runtime
        assert runtime in report.version or runtime == "reference"
        for found, expected in zip(answers(report), answers(predict(net, pictures)), strict=True):
            assert list(found) == list(expected)
            assert found == pytest.approx(expected, abs=1e-5)

    @pytest.mark.long
    @pytest.mark.parametrize("runtime", ["torch", "ncnn", "mnn"])
    def test_one_that_takes_images_in_its_own_form(
        self, runtime: str, exported: Exported, pictures: list[Path]
    ) -> None:
        """PyTorch takes normalised images and gives logits, and ncnn takes one image at a time."""
        pytest.importorskip({"mnn": "MNN"}.get(runtime, runtime))
        report = predict(exported.path, pictures, runtime=runtime)
        for found, expected in zip(answers(report), answers(predict(exported.path, pictures)), strict=True):
            assert list(found) == list(expected)
            assert found == pytest.approx(expected, abs=1e-5)

    def test_one_that_takes_another_batch(self, net: Path, pictures: list[Path]) -> None:
        report = predict(net, pictures, runtime="synthetic,batch=3")
        for found, expected in zip(answers(report), answers(predict(net, pictures)), strict=True):
            assert found == pytest.approx(expected, abs=ROUNDING)

    def test_a_fallback_is_said(self, net: Path, pictures: list[Path]) -> None:
        if "CUDAExecutionProvider" in onnxruntime.get_available_providers() and _has_gpu():
            pytest.skip("a GPU is here")
        report = predict(net, pictures, runtime="ort:cuda", allow_fallback=True)
        assert report.placement.fallback
        assert report.notes == (f"FALLBACK: {report.placement.fallback.rstrip('.')}.",)
        assert answers(report) == answers(predict(net, pictures))


def _has_gpu() -> bool:
    from resnet_export.errors import ResNetExportError
    from resnet_export.runtimes import parse_runtime

    try:
        return bool(parse_runtime("ort:cuda").probe())
    except ResNetExportError:
        return False


def test_the_stages(net: Path, pictures: list[Path]) -> None:
    import contextlib
    from collections.abc import Iterator

    seen: list[str] = []

    @contextlib.contextmanager
    def progress(stage: str) -> Iterator[Any]:
        seen.append(stage)
        yield seen.append

    predict(net, pictures, progress=progress)
    assert seen == ["read", "open ort:cpu", "predict", "1 of 2", "2 of 2"]


def test_as_plain_data(net: Path, album: Path) -> None:
    (album / "damaged.png").write_bytes(b"")
    data = json.loads(json.dumps(predict(net, album, top=2, labels=LABELS).as_dict()))
    assert data["schema_version"] == 1
    assert data["failed"] == 1
    assert data["preprocessing"] == PREPARED.as_dict() | {"mean": list(PREPARED.mean), "std": list(PREPARED.std)}
    assert [set(picture) for picture in data["pictures"]] == [{"path", "top", "error"}] * 3
    assert set(data["pictures"][0]["top"][0]) == {"index", "label", "probability"}


def test_the_page_has_every_key(net: Path, album: Path) -> None:
    data = predict(net, album, mean=(0.5, 0.5, 0.5)).as_dict()
    page = (Path(__file__).parents[2] / "docs" / "predict.md").read_text(encoding="utf-8")
    keys = {*data, *data["pictures"][0], *data["pictures"][0]["top"][0], *data["overrides"][0], *data["placement"]}
    assert {key for key in keys if f"`{key}`" not in page} == set()
