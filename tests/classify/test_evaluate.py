"""How often a network that has learnt digits is right: scikit-learn says the same of the same answers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from scipy import special
from sklearn import metrics as sklearn

from resnet_export import ImageError, LabelsError, ModelError, UsageError, evaluate
from resnet_export.classify import decoder, decoding
from resnet_export.classify.data import read_dataset
from resnet_export.images import Preprocessing

from .files import LABELS, PREPARED, foreign, ours
from .labelled import BODY, SPLIT, archive, folders, learnt, logits, network, pixels, targets

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export import EvaluateReport

SAME = 1e-6
"""Probabilities from logits in float32, of which measures are sums."""
SOFTMAX = f"{BODY.replace('y =', 'f =')} y = Softmax(f)"
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    return network(tmp_path / "digits.onnx")


@pytest.fixture
def val(tmp_path: Path) -> Path:
    return archive(tmp_path / "val.npz")


def live_digits(framework: str, head: str) -> Any:
    """The network of `labelled`, as its user would hold it."""
    w, b = learnt(SPLIT)
    if framework == "torch":
        import torch
        from torch import nn

        convolution = nn.Conv2d(1, 10, 8)
        convolution.load_state_dict({"weight": torch.from_numpy(w.copy()), "bias": torch.from_numpy(b.copy())})
        ends = [nn.Softmax(dim=1)] if head == "probabilities" else []
        return nn.Sequential(convolution, nn.Flatten(), *ends)
    import keras

    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(10, 8, activation=None), keras.layers.Flatten()]
    )
    if head == "probabilities":
        model.add(keras.layers.Softmax())
    model.layers[0].set_weights([w.transpose(2, 3, 1, 0), b])
    return model


def answers(report: EvaluateReport, side: int = 0) -> list[tuple[int, ...]]:
    return [one.answers[side].classes for one in report.pictures]


class TestClasses:
    def test_the_measures_are_scikit_learns(self, digits: Path, val: Path) -> None:
        report = evaluate(digits, val)
        found, truths = report.file, targets()
        predicted, probabilities = logits().argmax(1), special.softmax(logits(), axis=1)
        assert answers(report) == [(answer,) for answer in predicted]
        assert [one.truth for one in report.pictures] == [(truth,) for truth in truths]
        assert (report.evaluated, report.failed, found.kind, found.classes) == (597, 0, "classes", 10)
        assert found.accuracy.value == sklearn.accuracy_score(truths, predicted)
        assert found.top5 is not None
        assert found.top5.value == sklearn.top_k_accuracy_score(truths, probabilities, k=5)
        assert found.balanced_accuracy == pytest.approx(sklearn.balanced_accuracy_score(truths, predicted))
        assert found.macro_f1 == pytest.approx(sklearn.f1_score(truths, predicted, average="macro"))
        assert np.array_equal(found.confusion or (), sklearn.confusion_matrix(truths, predicted))
        assert (found.micro_f1, found.roc_auc, found.average_precision) == (None, None, None)
        assert 0.8 < found.accuracy.value < 1, "it has learnt them, and makes mistakes"
        expected = [probabilities[at, answer] for at, answer in enumerate(predicted)]
        assert [one.answers[0].probability for one in report.pictures] == pytest.approx(expected, abs=SAME)

    def test_the_worst_mistakes_come_first(self, digits: Path, val: Path) -> None:
        report = evaluate(digits, val, thumbnails=True)
        own = special.softmax(logits(), axis=1)[np.arange(597), targets()]
        wrong = np.flatnonzero(logits().argmax(1) != targets())
        found = [at for at, _ in report.mistakes()]
        assert found == sorted(wrong, key=lambda at: own[at])
        assert all(one.thumbnail is not None for _, one in list(report.mistakes())[:24])
        assert sum(one.thumbnail is not None for one in report.pictures) == min(24, len(wrong))

    @pytest.mark.parametrize("batch", [1, 4, 50])
    def test_a_fixed_batch(self, batch: int, tmp_path: Path, digits: Path) -> None:
        """Of 50, the last is filled up; the answers are those of any batch."""
        data = archive(tmp_path / "some.npz", most=70)
        fixed = evaluate(network(tmp_path / "fixed.onnx", batch=batch), data)
        assert fixed.evaluated == 70
        assert answers(fixed) == answers(evaluate(digits, data))
        assert fixed.file.accuracy == evaluate(digits, data, batch=batch).file.accuracy

    @pytest.mark.parametrize("runtime", ["reference", "openvino"])
    def test_in_another_runtime(self, runtime: str, digits: Path, tmp_path: Path) -> None:
        if runtime == "openvino":
            pytest.importorskip("openvino")
        data = archive(tmp_path / "some.npz", most=40)
        report = evaluate(digits, data, runtime=runtime)
        assert report.file.runtime == runtime
        assert answers(report) == answers(evaluate(digits, data))

    def test_normalised_pictures_are_taken_as_they_are(self, digits: Path, tmp_path: Path) -> None:
        images = (pixels()[:50, None] / 255).astype(np.float32)
        np.savez(tmp_path / "done.npz", images=images, labels=targets()[:50])
        report = evaluate(digits, tmp_path / "done.npz", thumbnails=True)
        assert answers(report) == [(answer,) for answer in logits()[:50].argmax(1)]
        assert {one.thumbnail for one in report.pictures} == {None}

    @pytest.mark.parametrize("normalised", [True, False])
    def test_floating_point_pictures_that_are_not_normalised_are_noted(self, normalised: bool, tmp_path: Path) -> None:
        images = np.random.default_rng(0).random((20, 3, 32, 32)) - (0.5 if normalised else 0)
        np.savez(tmp_path / "done.npz", images=images, labels=targets()[:20])
        notes = evaluate(ours(tmp_path / "ours.onnx"), tmp_path / "done.npz").notes
        assert any(note.startswith(f"No number in {tmp_path / 'done.npz'} is below 0") for note in notes) != normalised


class TestFiles:
    def test_folders_and_a_table_are_the_same(self, digits: Path, tmp_path: Path) -> None:
        """Decoded in processes of their own; 60 pictures are several chunks."""
        root = folders(tmp_path / "val", NAMES)
        (root / "three" / "broken.png").write_bytes(b"no picture")
        rows = [f"val/{path.parent.name}/{path.name},{path.parent.name}" for path in root.glob("*/*.png")]
        (tmp_path / "val.csv").write_text("\n".join(["path,label", *rows]))
        for data in (root, tmp_path / "val.csv"):
            report = evaluate(digits, data, labels=NAMES)
            assert (report.file.matched, report.evaluated, report.failed) == ("name", 60, 1)
            (broken,) = [one for one in report.pictures if one.error]
            assert broken.picture == str(root / "three" / "broken.png")
            assert broken.error is not None
            assert "cannot be read as a picture" in broken.error
            given = {int(one.picture[-7:-4]): one.answers[0].classes for one in report.pictures if one.answers}
            assert [given[at] for at in range(60)] == [(answer,) for answer in logits()[:60].argmax(1)]
            assert report.file.accuracy.value == (logits()[:60].argmax(1) == targets()[:60]).mean()

    def test_the_order_is_said_where_it_is_assumed(self, digits: Path, tmp_path: Path) -> None:
        """Sorted, these names are not the order of the digits: the network seems bad, and a better order is seen."""
        report = evaluate(digits, folders(tmp_path / "val", NAMES, most=300))
        assert report.file.matched == "order"
        assert report.file.accuracy.value < 0.3
        assumed, better = report.notes
        assert assumed == (
            f"The classes of {tmp_path / 'val'} were taken in their sorted order for those of {digits}: 0 eight, "
            "1 five, 2 four and so on. No names show it; --labels gives them."
        )
        right = (logits()[:300].argmax(1) == targets()[:300]).mean()
        assert better.startswith(f"In another order of the classes, {right:.1%} of the answers would be right: ")

    def test_a_good_order_is_not_doubted(self, digits: Path, val: Path) -> None:
        assert evaluate(digits, val).notes == ()

    @pytest.mark.usefixtures("crashing")
    def test_a_picture_that_brings_its_process_down_costs_no_other(self, tmp_path: Path) -> None:
        paths = sorted(folders(tmp_path / "val", most=20).glob("*/*.png"))
        paths[3] = paths[3].rename(paths[3].with_name("crash.png"))
        found = list(decoding.decoded(paths, Preprocessing.default(1, 8), True))
        assert [at for at, one in enumerate(found) if isinstance(one, ImageError)] == [3]
        assert str(found[3]).startswith(f"{paths[3]} cannot be read as a picture: its process left with exit code 3")
        assert {np.shape(one) for at, one in enumerate(found) if at != 3} == {(8, 8, 1)}

    def test_the_processes_that_decode_are_small(self) -> None:
        program = f"import sys, {decoder.TARGET.partition(':')[0]}; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert not {*done.stdout.split()} & {"onnx", "onnx_ir", "onnxruntime", "scipy", "torch"}

    def test_an_error_leaves_no_process_behind(self, digits: Path, tmp_path: Path) -> None:
        data = folders(tmp_path / "val", ["ten", *NAMES[1:]], most=300)
        with pytest.raises(LabelsError, match="has no class 'ten'") as caught:
            evaluate(digits, data, labels=NAMES)
        assert psutil.Process().children() == []
        assert caught.value.hint is not None

    def test_a_file_that_prepares_pictures_of_any_size(self, tmp_path: Path, album: Path) -> None:
        for name, file in (("class 1", "china.jpg"), ("class 2", "flower.png")):
            (tmp_path / "val" / name).mkdir(parents=True)
            (album / file).rename(tmp_path / "val" / name / file)
        whole = ours(tmp_path / "whole.onnx", preprocess="image", layout="nhwc", opset=18, labels=LABELS)
        plain = ours(tmp_path / "plain.onnx", labels=LABELS)
        report = evaluate(whole, tmp_path / "val")
        assert report.file.prepared_in_file
        expected = [one.answers[0].truth_probability for one in evaluate(plain, tmp_path / "val").pictures]
        found = [one.answers[0].truth_probability for one in report.pictures]
        assert found == pytest.approx(expected, abs=0.01)  # ONNX Runtime's resize is a level of 255 off


class TestBinary:
    def test_the_measures_are_scikit_learns(self, tmp_path: Path) -> None:
        truths = (targets() == 8).astype(int)
        report = evaluate(network(tmp_path / "eight.onnx", one=True), archive(tmp_path / "val.npz", truths))
        found, chances = report.file, special.expit(logits(one=True)[:, 0])
        predicted = (chances > 0.5).astype(int)
        assert (found.kind, found.labels, found.top5) == ("binary", ("0", "1"), None)
        assert answers(report) == [(answer,) for answer in predicted]
        assert found.accuracy.value == sklearn.accuracy_score(truths, predicted)
        assert found.roc_auc == pytest.approx(sklearn.roc_auc_score(truths, chances), abs=SAME)
        assert found.average_precision == pytest.approx(sklearn.average_precision_score(truths, chances), abs=SAME)
        assert np.array_equal(found.confusion or (), sklearn.confusion_matrix(truths, predicted))
        assert [one.average_precision is None for one in found.per_class] == [True, False]


class TestLabels:
    @pytest.fixture
    def several(self, tmp_path: Path) -> Path:
        body = "c = Conv(x, w, b) f = Flatten(c) y = Sigmoid(f)"
        return network(tmp_path / "several.onnx", body=body)

    @staticmethod
    def truths() -> NDArray[np.int64]:
        return np.eye(10, dtype=np.int64)[targets()]

    def test_the_measures_are_scikit_learns(self, several: Path, tmp_path: Path) -> None:
        report = evaluate(several, archive(tmp_path / "val.npz", self.truths()))
        found, chances = report.file, special.expit(logits())
        predicted, truths = (chances > 0.5).astype(int), self.truths()
        assert (found.kind, found.confusion, found.top5) == ("labels", None, None)
        assert answers(report) == [tuple(np.flatnonzero(row)) for row in predicted]
        assert found.accuracy.value == sklearn.accuracy_score(truths, predicted)
        assert found.micro_f1 == pytest.approx(sklearn.f1_score(truths, predicted, average="micro"))
        assert found.macro_f1 == pytest.approx(sklearn.f1_score(truths, predicted, average="macro"))
        assert found.roc_auc == pytest.approx(sklearn.roc_auc_score(truths, chances), abs=SAME)
        expected = sklearn.average_precision_score(truths, chances, average="macro")
        assert found.average_precision == pytest.approx(expected, abs=SAME)
        assert sum(one.count for one in found.calibration.bins) == truths.size

    def test_labels_of_a_table(self, several: Path, tmp_path: Path) -> None:
        folders(tmp_path / "val", most=4)
        (tmp_path / "val.csv").write_text(
            "path,label\nval/{0}/000.png,{0};3\nval/{1}/001.png,\n".format(*targets()[:2])
        )
        report = evaluate(several, tmp_path / "val.csv")
        assert [one.truth for one in report.pictures] == [tuple(sorted({targets()[0], 3})), ()]


class TestAgainst:
    def test_pair_by_pair(self, digits: Path, val: Path, tmp_path: Path) -> None:
        report = evaluate(digits, val, against=network(tmp_path / "less.onnx", 100), min_top1=0.5, max_drop=0.01)
        first, second = (logits(count).argmax(1) for count in (SPLIT, 100))
        right = first == targets(), second == targets()
        assert report.paired is not None
        assert report.against is not None
        assert report.against.accuracy.value == right[1].mean()
        assert report.paired.only_file == (right[0] & ~right[1]).sum()
        assert report.paired.only_other == (right[1] & ~right[0]).sum()
        assert report.paired.difference.value == pytest.approx(right[0].mean() - right[1].mean())
        assert report.paired.differ == (first != second).sum() == len(list(report.differing()))
        assert [at for at, one in report.differing() if not any(answer.right for answer in one.answers)] == [
            at for at in range(597) if first[at] != second[at] and not right[0][at] and not right[1][at]
        ]
        assert [(one.name, one.status) for one in report.checks] == [("min_top1", "passed"), ("max_drop", "passed")]
        file, other, *checks = str(report).splitlines()
        assert file == f"{digits} in ort:cpu: {report.file.accuracy.value:.2%} of {report.evaluated} pictures right"
        assert other.startswith(f"{report.against.model} in ort:cpu: ")
        assert checks == [f"{one.name} {one.limit:g}: passed" for one in report.checks]
        assert report.passed

    def test_the_same_file_in_another_runtime_does_not_differ(self, digits: Path, tmp_path: Path) -> None:
        data = archive(tmp_path / "some.npz", most=50)
        report = evaluate(digits, data, against=digits, against_runtime="reference", max_drop=0.0)
        assert report.against is not None
        assert report.against.runtime == "reference"
        assert report.paired is not None
        assert (report.paired.differ, report.paired.p_value) == (0, 1.0)
        assert [one.status for one in report.checks] == ["undecided"], "50 pictures can't show a drop of 0"

    def test_classes_in_another_order_are_the_same_classes(self, tmp_path: Path) -> None:
        """The other file has its classes reversed, and says so: the answers are the same."""
        data, order = folders(tmp_path / "val", list(LABELS)), range(9, -1, -1)
        plain = ours(tmp_path / "plain.onnx", labels=LABELS)
        report = evaluate(plain, data, against=ours(tmp_path / "b.onnx", labels=LABELS[::-1], order=order))
        assert report.against is not None
        assert report.paired is not None
        assert (report.file.labels, report.against.labels) == (LABELS, LABELS[::-1])
        assert (report.file.accuracy, report.paired.differ) == (report.against.accuracy, 0)
        assert len({*answers(report)}) > 1, "it doesn't give the same answer always"
        assert answers(report) == answers(report, 1)

    @pytest.mark.parametrize(("resize", "decodings"), [(37, 1), (40, 2)])
    def test_pictures_are_decoded_once_for_files_that_prepare_them_alike(
        self, resize: int, decodings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In batches of 7 and of 16, which end at other pictures."""
        files = [ours(tmp_path / "a.onnx", labels=LABELS, batch=7)]
        files.append(ours(tmp_path / "b.onnx", labels=LABELS, preprocessing=PREPARED.changed(resize=resize)))
        data, used = folders(tmp_path / "val", list(LABELS)), []
        monkeypatch.setattr(
            "resnet_export.classify.evaluate.load",
            lambda dataset, classifier, prepared: (
                used.append(classifier.path) or decoding.load(dataset, classifier, prepared=prepared)
            ),
        )
        report = evaluate(files[0], data, against=files[1])
        assert len(used) == decodings
        for side, file in enumerate(files):
            assert answers(report, side) == answers(evaluate(file, data))

    @pytest.mark.parametrize("framework", ["torch", "keras"])
    @pytest.mark.parametrize("head", ["logits", "probabilities"])
    @pytest.mark.parametrize("file_head", ["logits", "probabilities"])
    def test_the_live_model(self, framework: str, head: str, file_head: str, tmp_path: Path) -> None:
        model = live_digits(framework, head)
        file = network(tmp_path / "digits.onnx", body=BODY if file_head == "logits" else SOFTMAX)
        report = evaluate(file, archive(tmp_path / "some.npz", most=90), against=model)
        assert report.against is not None
        assert report.paired is not None
        assert report.against.model == f"{framework} model {type(model).__name__}"
        assert (report.against.runtime, report.paired.differ) == (framework, 0)
        assert report.against.activation == ("softmax" if head == "logits" else None)
        for one in report.pictures:
            mine, theirs = one.answers
            assert mine.probability == pytest.approx(theirs.probability, abs=SAME)

    def test_a_live_model_that_gives_more_than_classes(self, digits: Path, tmp_path: Path) -> None:
        import torch

        class Both(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = live_digits("torch", "logits")

            def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                return torch.zeros(1), self.body(x)

        report = evaluate(digits, archive(tmp_path / "some.npz", most=90), against=Both())
        assert report.paired is not None
        assert report.paired.differ == 0

    def test_a_live_model_that_is_not_read(self, digits: Path, tmp_path: Path) -> None:
        import torch

        class Sorted(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = live_digits("torch", "logits")

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = self.body(x)
                return y + 0 * y.sort(dim=1).values

        report = evaluate(digits, archive(tmp_path / "some.npz", most=90), against=Sorted())
        assert report.against is not None
        assert report.paired is not None
        assert report.paired.differ == 0
        (note,) = report.against.notes
        assert note.startswith("Node TopK ")
        assert note.endswith("Its first output was taken for logits, as the file gives.")

    def test_a_live_model_has_its_own_runtime(self, digits: Path, val: Path) -> None:
        with pytest.raises(UsageError, match=r"^A live model runs in its own framework\."):
            evaluate(digits, val, against=object(), against_runtime="openvino")
        with pytest.raises(UsageError, match=r"^An object of type int is no model of torch or keras\."):
            evaluate(digits, val, against=7)

    def test_files_of_other_classes(self, digits: Path, val: Path, tmp_path: Path) -> None:
        other = network(tmp_path / "eight.onnx", one=True)
        binary = archive(tmp_path / "binary.npz", (targets() == 8).astype(int))
        with pytest.raises(ModelError, match=r"digits\.onnx has 10 and .*eight\.onnx has 1\."):
            evaluate(digits, binary, against=other)

    @pytest.mark.parametrize(
        ("broken", "left"), [({"less": {5}}, 29), ({"less": {*range(15)}, "digits": {*range(15, 30)}}, 0)]
    )
    def test_a_picture_that_one_cannot_use_counts_for_neither(
        self, broken: dict[str, set[int]], left: int, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("resnet_export.classify.evaluate._prepares_alike", lambda *sides: False)
        monkeypatch.setattr(
            "resnet_export.classify.evaluate.load",
            lambda dataset, classifier, prepared: (
                ImageError("Too narrow.") if at in broken.get(classifier.path.stem, ()) else one
                for at, one in enumerate(decoding.load(dataset, classifier, prepared=prepared))
            ),
        )
        data, other = archive(tmp_path / "some.npz", most=30), network(tmp_path / "less.onnx", 100)
        if not left:
            with pytest.raises(ImageError, match=r"^No picture can be used by both files\."):
                evaluate(digits, data, against=other)
            return
        report = evaluate(digits, data, against=other)
        assert (report.evaluated, report.pictures[5].error) == (left, "Too narrow.")
        assert sum(map(sum, report.file.confusion or ())) == left


class TestNotFinite:
    def body(self, limit: float) -> dict[str, Any]:
        """Pictures that are brighter than a limit give NaN: 0 / 0."""
        return {
            "body": "c = Conv(x, w, b) f = Flatten(c) m = GlobalAveragePool(x) n = Flatten(m) d = Less(n, l) "
            "e = Cast<to=1>(d) q = Div(e, e) y = Mul(f, q)",
            "l": np.array(limit, np.float32),
        }

    def write(self, path: Path, limit: float) -> Path:
        from tests.inspect.graphs import model_of

        w, b = learnt(SPLIT)
        body = self.body(limit)
        text = body.pop("body")
        model = model_of("(float[N,1,8,8] x) => (float[N,10] y)", text, w=w, b=b, **body)
        path.write_bytes(model.SerializeToString())
        return path

    def test_such_an_answer_is_wrong(self, tmp_path: Path, val: Path) -> None:
        brightness = pixels().mean((1, 2)) / 255
        report = evaluate(self.write(tmp_path / "nan.onnx", float(np.median(brightness))), val)
        silent = [one for one in report.pictures if not one.answers[0].classes]
        assert 250 < len(silent) < 350
        assert report.evaluated == 597
        assert report.file.accuracy.value < 0.6
        assert sum(one.support for one in report.file.per_class) == 597
        assert sum(map(sum, report.file.confusion or ())) == 597 - len(silent)

    def test_of_all_pictures_it_is_an_error(self, tmp_path: Path, val: Path) -> None:
        with pytest.raises(ModelError, match=r"gives numbers that are not finite for every picture"):
            evaluate(self.write(tmp_path / "nan.onnx", -1.0), val)


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"min_top1": 91}, "min_top1 is 91."),
            ({"max_drop": -0.1, "against": "x.onnx"}, "max_drop is -0.1."),
            ({"max_drop": 0.1}, "--max-drop is about another file, and there is none."),
            ({"against_runtime": "openvino"}, "--against-runtime is about another file, and there is none."),
            ({"batch": 0}, "batch is 0."),
            ({"runtime": "none"}, "There is no runtime 'none'."),
        ],
    )
    def test_options(self, options: dict[str, Any], message: str, digits: Path, val: Path) -> None:
        with pytest.raises(UsageError) as caught:
            evaluate(digits, val, **options)
        assert caught.value.message == message
        assert caught.value.hint is not None

    def test_several_labels_for_one_of_several_classes(self, digits: Path, tmp_path: Path) -> None:
        rows = np.zeros((597, 10), int)
        rows[:, :2] = 1
        with pytest.raises(LabelsError, match=r"some\.npz\[0\] has 2 labels, and .*digits\.onnx gives one of several"):
            evaluate(digits, archive(tmp_path / "some.npz", rows, most=3))

    def test_an_unknown_label(self, tmp_path: Path, digits: Path) -> None:
        folders(tmp_path / "val", most=2)
        (tmp_path / "val.csv").write_text(f"path,label\nval/{targets()[0]}/000.png,cat\n")
        with pytest.raises(LabelsError, match=r"has no class 'cat', which .*val\.csv has"):
            evaluate(digits, tmp_path / "val.csv", labels=NAMES)

    def test_labels_outside_of_the_classes(self, tmp_path: Path, digits: Path) -> None:
        with pytest.raises(LabelsError, match=r"has the label 10, and .*digits\.onnx has 10 classes: 0 to 9"):
            evaluate(digits, archive(tmp_path / "one.npz", targets() + 1))

    def test_a_network_without_labels(self, tmp_path: Path, digits: Path) -> None:
        (tmp_path / "val").mkdir()
        for name in NAMES[:3]:
            folders(tmp_path / name, most=1).rename(tmp_path / "val" / name)
        with pytest.raises(LabelsError, match=r"has 3 classes, .*digits\.onnx has 10, and no names to match them by"):
            evaluate(digits, tmp_path / "val")

    def test_all_pictures_broken(self, tmp_path: Path, digits: Path) -> None:
        for name in NAMES:
            (tmp_path / "val" / name).mkdir(parents=True)
            (tmp_path / "val" / name / "a.png").write_bytes(b"no picture")
        with pytest.raises(ImageError, match="None of 10 pictures can be used; the first: "):
            evaluate(digits, tmp_path / "val", labels=NAMES)

    @pytest.mark.parametrize(
        ("shape", "said"), [((50, 1, 9, 9), "float32 of 1 x 9 x 9"), ((50, 8, 8, 1), "float32 of 8 x 8 x 1")]
    )
    def test_normalised_pictures_of_another_shape(
        self, shape: tuple[int, ...], said: str, tmp_path: Path, digits: Path
    ) -> None:
        np.savez(tmp_path / "done.npz", images=np.zeros(shape, np.float32), labels=targets()[:50])
        with pytest.raises(ImageError, match=f"are {said}, and .*digits.onnx takes 1 x 8 x 8"):
            evaluate(digits, tmp_path / "done.npz")

    def test_normalised_pictures_for_a_file_that_takes_pixels(self, tmp_path: Path) -> None:
        raw = ours(tmp_path / "raw.onnx", preprocess="uint8")
        np.savez(tmp_path / "done.npz", images=np.zeros((2, 3, 32, 32), np.float32), labels=[0, 1])
        with pytest.raises(ImageError, match=r"raw\.onnx takes pixels 0\.\.255, and the images in .* are float32"):
            evaluate(raw, tmp_path / "done.npz")

    def test_what_is_no_classifier(self, tmp_path: Path, val: Path) -> None:
        body = "c = Conv(x, w) y = Relu(c)"
        dense = foreign(tmp_path / "dense.onnx", "(float[N,3,32,32] x) => (float[N,8,30,30] y)", body)
        colour = np.zeros((2, 32, 32, 3), np.uint8)
        np.savez(tmp_path / "two.npz", images=colour, labels=[0, 1])
        with pytest.raises(ModelError, match="gives no value for each class: its output for a picture is float32 of 8"):
            evaluate(dense, tmp_path / "two.npz")


def test_thumbnails_are_small_and_those_of_grey_pictures_too(tmp_path: Path) -> None:
    import base64
    import io

    from PIL import Image

    path = folders(tmp_path / "val", most=40)
    Image.new("L", (900, 300)).save(next(path.glob("*/*.png")))
    dataset = read_dataset(path)
    sizes = set()
    for at in range(len(dataset.names)):
        encoded = decoding.thumbnail(dataset, at)
        assert encoded is not None
        sizes.add(Image.open(io.BytesIO(base64.b64decode(encoded))).size)
    assert sizes == {(8, 8), (80, 27)}


def test_progress(digits: Path, tmp_path: Path) -> None:
    import contextlib
    from collections.abc import Callable, Iterator

    seen: list[str] = []

    @contextlib.contextmanager
    def stage(name: str) -> Iterator[Callable[[str], None]]:
        seen.append(name)
        yield seen.append

    evaluate(digits, archive(tmp_path / "two.npz", most=2), progress=stage)
    assert seen == ["read", "open ort:cpu", "evaluate", "1 of 2", "2 of 2"]
