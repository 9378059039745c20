"""`verify` takes every source: live models, files of whole models, checkpoints, other `.onnx` files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch

from resnet_export import CheckpointError, ModelError, UsageError, Weights, export, verify
from resnet_export.parity.results import VerifyReport

from .sources import ORT, SIZE, branches, foreign, scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.spec import ResNetSpec


def logits(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    """The first output alone."""
    return first


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return branches(logits)


@pytest.fixture(scope="module")
def own(model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of ours, of a network of no known family."""
    path = tmp_path_factory.mktemp("own") / "own.onnx"
    export(model, path, image_size=SIZE)
    return path


@pytest.fixture(scope="module")
def other(own: Path) -> Path:
    """The same without a word of itself."""
    return foreign(own, own.parent / "other.onnx")


def checked(path: Path, weights: Any, **options: Any) -> VerifyReport:
    return verify(path, weights=weights, runtimes=ORT, **options)


def test_a_live_model(own: Path, other: Path, model: torch.nn.Module) -> None:
    for path in (own, other):
        report = checked(path, model)
        assert report.failures == ()
        assert report.truth == "the model itself"
        assert report.witness is not None
        assert report.witness < 1e-14


def test_another_file(own: Path, other: Path) -> None:
    for path, truth in ((own, other), (other, own)):
        report = checked(path, truth)
        assert report.failures == ()
        assert report.truth == f"the network of {truth.name}"
        assert report.notes == ()


def test_other_numbers_are_seen_in_a_file_of_ours(own: Path) -> None:
    report = checked(own, branches(logits, seed=1))
    assert report.diagnosis is not None
    assert report.diagnosis.layer == "other weights"
    assert report.comparisons == ()


def test_another_layer_is_named_in_a_file_of_ours(own: Path, model: torch.nn.Module) -> None:
    changed = branches(logits)
    changed.load_state_dict(model.state_dict())
    changed.conv2.stride = (1, 1)
    report = checked(own, changed)
    assert report.located == (
        "First wrong layer: conv2, in the file: strides is (2, 2) in the graph and (1, 1) in the specification.",
        "Likely cause: the stride stands on another convolution of the block.",
    )


def test_another_layer_is_found_in_a_foreign_file(own: Path, model: torch.nn.Module, tmp_path: Path) -> None:
    path = scaled(foreign(own, tmp_path / "right.onnx"), tmp_path / "wrong.onnx", "conv2.weight", 1.05)
    for truth in (model, own):
        report = checked(path, truth)
        assert not report.passed
        assert report.diagnosis is not None
        assert report.diagnosis.layer == "conv2"


@pytest.mark.long
def test_images_of_another_size_are_those_of_the_file(own: Path, model: torch.nn.Module, tmp_path: Path) -> None:
    """The source shows none: it is traced for the file's. Another file's network is the same for every size."""
    path = tmp_path / "large.onnx"
    export(model, path, image_size=24)
    assert checked(path, model).passed
    assert checked(path, own).passed


def test_a_source_for_one_size_alone_is_refused(own: Path, tmp_path: Path) -> None:
    flat = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.Linear(2 * 6 * 6, 10))
    export(flat, tmp_path / "flat.onnx", image_size=8)
    with pytest.raises(
        CheckpointError, match=r"flat.onnx takes images of \(3, 8, 8\), and own.onnx takes \(3, 16, 16\)"
    ):
        checked(own, tmp_path / "flat.onnx")


def test_other_channels(own: Path, other: Path) -> None:
    grey = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2, 10)
    )
    with pytest.raises(CheckpointError, match=r"The weights take 1 channels, and other.onnx takes 3"):
        checked(other, grey)
    report = checked(own, grey, bisect=True)
    assert report.failures == ("0: it takes images of (3, 16, 16) and not of (1, 16, 16).",)


@pytest.fixture(scope="module")
def probable() -> torch.nn.Module:
    """It ends in a softmax."""
    return branches(lambda y, *others: y.softmax(1))


@pytest.fixture(scope="module")
def probabilities(probable: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of ours of that."""
    path = tmp_path_factory.mktemp("probable") / "p.onnx"
    export(probable, path, image_size=SIZE)
    return path


@pytest.mark.long
def test_heads_are_held_against_their_like(probable: torch.nn.Module, probabilities: Path, tmp_path: Path) -> None:
    """Logits with logits where both can be cut there, whoever of the two makes probabilities."""
    logits = tmp_path / "l.onnx"
    export(probable, logits, image_size=SIZE, head="logits")
    foreign_logits, foreign_probabilities = (
        foreign(path, tmp_path / f"foreign-{path.name}") for path in (logits, probabilities)
    )
    files = (logits, probabilities, foreign_logits, foreign_probabilities)
    pairs = [(file, truth) for file in files for truth in (logits, probabilities)]
    for file, truth in [(logits, probable), (foreign_probabilities, probable), *pairs]:
        report = checked(file, truth)
        assert report.failures == ()
        assert {one.quantity for one in report.comparisons} == {"logits"}


def test_a_head_in_other_operators_is_held_against_the_sources(probable: torch.nn.Module, tmp_path: Path) -> None:
    written = branches(lambda y, *others: y.exp() / y.exp().sum(1, keepdim=True))
    export(written, tmp_path / "written.onnx", image_size=SIZE, verify=False)
    report = checked(foreign(tmp_path / "written.onnx", tmp_path / "foreign.onnx"), probable)
    assert report.failures == ()
    assert {one.quantity for one in report.comparisons} == {"output"}


def test_another_head_is_found(probabilities: Path, tmp_path: Path) -> None:
    for path in (probabilities, foreign(probabilities, tmp_path / "foreign.onnx")):
        report = checked(path, branches(lambda y, *others: y.sigmoid()))
        assert report.failures == ("fc: it makes probabilities by softmax, and the torch model by sigmoid",)


def test_a_sigmoid_of_ours_is_a_sigmoid_as_a_source(tmp_path: Path) -> None:
    export(branches(lambda y, *others: y.sigmoid()), tmp_path / "s.onnx", image_size=SIZE)
    report = export(tmp_path / "s.onnx", tmp_path / "again.onnx")
    assert report.interface.head == "sigmoid"
    assert onnx.load(tmp_path / "s.onnx").graph == onnx.load(tmp_path / "again.onnx").graph
    assert checked(tmp_path / "again.onnx", tmp_path / "s.onnx").passed


@pytest.mark.long
def test_the_assumptions_of_a_checkpoint_are_said(
    tiny: ResNetSpec, trained: Callable[..., Weights], tmp_path: Path
) -> None:
    trained(tiny).save(tmp_path / "c.pth")
    export(tmp_path / "c.pth", tmp_path / "net.onnx", framework="keras", image_size=32, verify=False)
    for path in (tmp_path / "net.onnx", foreign(tmp_path / "net.onnx", tmp_path / "foreign.onnx")):
        report = checked(path, tmp_path / "c.pth")
        assert report.passed
        assert report.truth == "the specification with the weights given"
        (note,) = report.notes
        assert note.startswith("assumed, since c.pth can't show it: eps 1e-05, ReLU, ")
        assert checked(path, trained(tiny)).notes == ()


@pytest.mark.long
def test_a_converter_that_is_wrong_cannot_vouch_for_itself(
    own: Path, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resnet_export.live.torch import TorchModel

    for method, precision in (("run_float64", ", in float64,"), ("run", "")):
        right = getattr(TorchModel, method)
        monkeypatch.setattr(
            TorchModel, method, lambda self, images, right=right: tuple(1.001 * x for x in right(self, images))
        )
        (failure,) = checked(own, model).failures
        assert failure.startswith(f"the torch model itself{precision} is ")
        monkeypatch.setattr(TorchModel, "run_float64", lambda self, images: None)


def test_whole_models_of_keras(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("tf2onnx")
    layers = keras.layers
    keras.utils.set_random_seed(1)
    images = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    model = keras.Model(images, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "k.keras")
    model.save(tmp_path / "k.h5")
    export(model, tmp_path / "k.onnx")
    for path in (tmp_path / "k.onnx", foreign(tmp_path / "k.onnx", tmp_path / "foreign.onnx")):
        for source in (tmp_path / "k.keras", tmp_path / "k.h5", model):
            report = checked(path, source)
            assert report.failures == ()
            assert report.truth == ("the model itself" if source is model else f"the network of {source.name}")


def test_what_is_no_source(own: Path) -> None:
    with pytest.raises(UsageError, match="An object of type int is no model of torch or keras"):
        checked(own, 3)
    with pytest.raises(CheckpointError, match=r"There is no file nothing.keras"):
        checked(own, "nothing.keras")
    with pytest.raises(ModelError, match=r"There is no file nothing.onnx"):
        checked(own, "nothing.onnx")


def test_a_name_comes_first(own: Path, tmp_path: Path) -> None:
    proto = onnx.load(foreign(own, tmp_path / "foreign.onnx"))
    names = onnx.numpy_helper.from_array(np.array(["cat"], object), "names")
    proto.graph.initializer.append(names)
    proto.graph.node.append(onnx.helper.make_node("Identity", ["names"], ["label"]))
    proto.graph.output.insert(0, onnx.helper.make_tensor_value_info("label", onnx.TensorProto.STRING, [1]))
    onnx.save(proto, tmp_path / "named.onnx")
    with pytest.raises(ModelError, match="gives 'label' first, which is string"):
        verify(tmp_path / "named.onnx", runtimes=ORT)
