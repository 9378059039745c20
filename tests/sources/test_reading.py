"""Live models: what is made of their last steps, of their sizes and of their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from resnet_export import export, verify
from resnet_export.errors import CheckpointError, InputError, ParityError, UsageError
from resnet_export.pipeline import draft

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 16


def classifier(*behind: nn.Module, classes: int = 5) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))
    return nn.Sequential(*layers, *behind).eval()


class Called(nn.Module):
    """A classifier of what a function makes of its images and its logits."""

    def __init__(self, before: Any = None, behind: Any = None) -> None:
        super().__init__()
        self.before, self.behind = before or (lambda x: x), behind or (lambda y, x: y)
        self.inner = classifier()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.behind(self.inner(self.before(x)), x)


def answers(path: Path, model: nn.Module) -> tuple[Any, Any]:
    """What the file and the model give for the same images."""
    images = np.random.default_rng(0).standard_normal((3, 3, SIZE, SIZE)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        return session.run(None, {"input": images})[0], model(torch.from_numpy(images)).numpy()


class TestHead:
    def test_a_softmax_over_one_class_of_torch(self, tmp_path: Path) -> None:
        model = classifier(nn.Softmax(1), classes=1)
        assert export(model, tmp_path / "net.onnx", image_size=SIZE).interface.head == "logits"
        found, own = answers(tmp_path / "net.onnx", model)
        assert (found == own).all()

    @pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")  # by Keras itself
    def test_a_softmax_over_one_class_of_keras(self, tmp_path: Path) -> None:
        import keras

        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                layers.Conv2D(4, 3),
                layers.GlobalAveragePooling2D(),
                layers.Dense(1, activation="softmax"),
            ]
        )
        assert export(model, tmp_path / "net.onnx").interface.head == "logits"

    def test_a_head_that_is_not_the_source_s_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(draft, "own_head", lambda trained: "sigmoid")
        with pytest.raises(ParityError) as caught:
            export(classifier(), tmp_path / "net.onnx", image_size=SIZE)
        found = caught.value.report.verification
        assert found.failures == ("4: the activation behind it is sigmoid, and that of the source is none",)
        assert export(classifier(), tmp_path / "net.onnx", image_size=SIZE, head="sigmoid").passed

    @pytest.mark.parametrize("tail", ["scale", "batch norm"])
    def test_the_embedding_before_a_classifier_with_a_tail(self, tail: str, tmp_path: Path) -> None:
        model: nn.Module = Called(behind=lambda y, x: y * 2.5 + 1)
        inner = model.inner
        if tail == "batch norm":
            norm = nn.BatchNorm1d(5)
            norm.running_mean.uniform_()
            norm.running_var.uniform_(1, 2)
            model = inner = classifier(norm)
        report = export(model, tmp_path / "net.onnx", image_size=SIZE, head="embedding")
        assert report.network.features == 8
        found, own = answers(tmp_path / "net.onnx", inner[:4])
        np.testing.assert_allclose(found, own, rtol=0, atol=1e-5)


class TestSize:
    @pytest.mark.long
    @pytest.mark.parametrize(
        ("before", "behind"),
        [
            (lambda x: x[:, :, 1:-1, 1:-1], None),
            (None, lambda y, x: y / x.shape[2]),
        ],
        ids=["slice", "number"],
    )
    def test_what_a_tracer_freezes_is_found(self, before: Any, behind: Any, tmp_path: Path) -> None:
        model = Called(before, behind)
        assert export(model, tmp_path / "net.onnx", image_size=SIZE, verify=False).interface.dynamic_size is False
        with pytest.raises(UsageError, match="images of 16 x 16 only"):
            export(model, tmp_path / "other.onnx", image_size=SIZE, dynamic_size=True)

    def test_pooling_to_several_pixels(self, tmp_path: Path) -> None:
        """The output has the same shape at every size."""
        layers = (nn.Conv2d(3, 8, 3, stride=32, padding=1), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5))
        with pytest.raises(UsageError, match="images of 128 x 128 only"):
            export(nn.Sequential(*layers), tmp_path / "net.onnx", image_size=128, dynamic_size=True)

    def test_padding_of_keras_that_depends_on_the_size(self, tmp_path: Path) -> None:
        import keras

        layers = keras.layers
        for padding, size in (("same", 17), ("same", 16), ("valid", 17)):
            model = keras.Sequential(
                [
                    keras.Input((size, size, 3)),
                    layers.Conv2D(4, 3, strides=2, padding=padding),
                    layers.GlobalAveragePooling2D(),
                    layers.Dense(5),
                ]
            )
            path = tmp_path / f"{padding}{size}.onnx"
            if padding == "valid":
                assert export(model, path, dynamic_size=True).passed
            else:
                with pytest.raises(UsageError, match=f"images of {size} x {size} only"):
                    export(model, path, dynamic_size=True)

    def test_what_is_free_may_be_left_open(self, tmp_path: Path) -> None:
        assert export(Called(), tmp_path / "net.onnx", image_size=SIZE, dynamic_size=True).passed


class TestChannels:
    class Grey(nn.Module):
        """Nothing of it shows how many channels it takes."""

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(1, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.mean((2, 3)))

    def test_those_that_are_asked_for(self, tmp_path: Path) -> None:
        assert export(self.Grey(), tmp_path / "net.onnx", image_size=SIZE, in_channels=1).network.image == (1, 16, 16)

    def test_a_guess_that_fails_says_how_to_ask(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not run on images of 3 x 16 x 16") as caught:
            export(self.Grey(), tmp_path / "net.onnx", image_size=SIZE)
        assert caught.value.hint is not None
        assert caught.value.hint.endswith("3 channels are a guess: others are given with in_channels (--in-channels).")

    def test_they_go_before_those_of_the_first_convolution(self, tmp_path: Path) -> None:
        """Which takes what a layer made of the image."""
        model = Called(before=lambda x: x.repeat(1, 3, 1, 1))
        assert export(model, tmp_path / "net.onnx", image_size=SIZE, in_channels=1).network.image == (1, 16, 16)


class TestImageSize:
    def test_images_that_are_not_square(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        assert export(classifier(), path, image_size=(12, SIZE)).network.image == (3, 12, SIZE)
        assert verify(path, weights=classifier(), runtimes=["ort:cpu"]).passed
        assert export(path, tmp_path / "again.onnx", image_size=(12, SIZE)).network.image == (3, 12, SIZE)
        with pytest.raises(UsageError, match="takes 12 x 16 pixels, and not 16 x 12"):
            export(path, tmp_path / "turned.onnx", image_size=(SIZE, 12))

    def test_a_checkpoint_alone_has_square_ones(self, tmp_path: Path) -> None:
        torch.save(classifier().state_dict(), tmp_path / "net.pth")
        with pytest.raises(UsageError, match=r"holds tensors alone, and the network .* takes square images"):
            export(tmp_path / "net.pth", tmp_path / "net.onnx", image_size=(12, SIZE))

    @pytest.mark.parametrize("size", [0, (12,), (12, 0), "12x16"])
    def test_what_is_no_size(self, size: Any) -> None:
        with pytest.raises(UsageError, match="image_size is"):
            export(classifier(), image_size=size)


def test_a_module_called_input(tmp_path: Path) -> None:
    model = nn.Sequential()
    model.add_module("input", nn.Conv2d(3, 8, 3))
    for name, module in (("pool", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()), ("fc", nn.Linear(8, 5))):
        model.add_module(name, module)
    assert export(model, tmp_path / "net.onnx", image_size=SIZE).passed


def test_a_mask_of_minus_infinity_is_no_diverged_training(tmp_path: Path) -> None:
    mask = torch.tensor([0.0, 0.0, 0.0, 0.0, -torch.inf])
    with pytest.raises(CheckpointError, match="NaN or infinite") as caught:
        export(Called(behind=lambda y, x: y + mask), tmp_path / "net.onnx", image_size=SIZE)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("If it is a constant, such as a mask")


def test_a_network_that_overflows_is_said_to(tmp_path: Path) -> None:
    with pytest.raises(ParityError) as caught:
        export(Called(behind=lambda y, x: y / (y - y)), tmp_path / "net.onnx", image_size=SIZE)
    assert "the network itself gives values that are not finite" in caught.value.report.verification.failures[0]


def test_a_keras_model_of_bytes(tmp_path: Path) -> None:
    """Its file takes the same pixels as floating-point numbers."""
    import keras

    image = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    seen = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(seen)))
    report = export(model, tmp_path / "net.onnx")
    assert report.passed
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": pixels.transpose(0, 3, 1, 2).astype(np.float32)})
    np.testing.assert_allclose(found, model(pixels).numpy(), rtol=1e-4, atol=1e-6)


def test_a_keras_model_of_clips_is_refused(tmp_path: Path) -> None:
    import keras

    inner = keras.layers.TimeDistributed(keras.layers.Conv2D(4, 3))
    model = keras.Sequential([keras.Input((4, SIZE, SIZE, 3)), inner, keras.layers.Flatten(), keras.layers.Dense(5)])
    with pytest.raises(InputError, match="a batch of images has four axes") as caught:
        export(model, tmp_path / "net.onnx")
    assert caught.value.hint == "Pass the part of it that takes images."


def test_a_keras_model_of_rows_is_refused(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(InputError, match=r"takes \(None, 28, 28\), and a batch of images has four axes"):
        export(model, tmp_path / "net.onnx")
