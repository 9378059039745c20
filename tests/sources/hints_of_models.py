"""Hints about live models, whole files and the user's own code: each with what provokes it, and what it says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from resnet_export import export, live, quantize
from resnet_export.models.torch import ResNet
from resnet_export.sources import load
from resnet_export.weights import Weights

from .hints import SPEC, case, hint_of, message_of, saved, small_builder, weights

if TYPE_CHECKING:
    from .hints import Step

SIZE = 16


def plain(channels: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()


class Grey(nn.Module):
    """Nothing of it shows how many channels it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.mean((2, 3)))


@case("channels are {known}: others are given with in_channels (--in-channels)")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(Grey(), image_size=SIZE), lambda: load(Grey(), image_size=SIZE, in_channels=1)


@case("Leave in_channels out")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(plain(), image_size=SIZE, in_channels=4), lambda: load(plain(), image_size=SIZE)


@case("Return the one logit of each image as (batch, 1)")
def _(folder: Path) -> tuple[Step, Step]:
    model = nn.Sequential(plain(), nn.Linear(5, 1))
    return lambda: load(nn.Sequential(model, nn.Flatten(0)), image_size=SIZE), lambda: load(model, image_size=SIZE)


class Turned(nn.Module):
    """Gives its features, and then its logits."""

    def __init__(self, order: slice) -> None:
        super().__init__()
        self.body, self.order = nn.Conv2d(3, 4, 3), order

    def forward(self, x: torch.Tensor) -> Any:
        features = self.body(x)
        return (features, features.mean((2, 3)))[self.order]


@case("outputs: let the model give its logits first")
def _(folder: Path) -> tuple[Step, Step]:
    models = [Turned(slice(None)), Turned(slice(None, None, -1))]
    return lambda: load(models[0], image_size=SIZE), lambda: load(models[1], image_size=SIZE)


@case("Give the model that takes others: --model file.py:function beside it, or a file of the whole model")
def _(folder: Path) -> tuple[Step, Step]:
    path = folder / "net.pth"
    torch.save(plain().state_dict(), path)
    code = folder / "made.py"
    code.write_text(f"from {__name__} import plain\n")
    size = (SIZE, SIZE + 2)
    return lambda: load(path, image_size=size), lambda: load(path, code=f"{code}:plain", image_size=size)


@case("Pass the model that ends with its classifier")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(nn.Conv2d(3, 4, 3), image_size=SIZE), lambda: load(plain(), image_size=SIZE)


@case("Pass the eager torch.nn.Module from before it was")
def _(folder: Path) -> tuple[Step, Step]:
    program = torch.export.export(plain(), (torch.zeros(1, 3, SIZE, SIZE),))
    return lambda: load(program), lambda: load(plain(), image_size=SIZE)


@case("Call the model once on a batch of images, then load its weights and pass it")
def _(folder: Path) -> tuple[Step, Step]:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(5)).eval()
    return lambda: load(model), lambda: (model(torch.zeros(2, 3, SIZE, SIZE)), load(model, image_size=SIZE))


def in_keras(*first: Any) -> Any:
    """A Keras model behind some layers."""
    from keras import Sequential, layers

    return Sequential([*first, layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(5)])


@case("Call it once on an example, model(numpy.zeros((1, height, width, channels), 'float32'))")
def _(folder: Path) -> tuple[Step, Step]:
    model = in_keras()
    return lambda: load(model), lambda: (model(np.zeros((1, SIZE, SIZE, 3), "float32")), load(model))


@case("Pass the float model that it was made of, and quantize the file that is written")
def _(folder: Path) -> tuple[Step, Step]:
    from torch.ao import quantization

    prepared = plain().train()
    prepared.qconfig = quantization.get_default_qat_qconfig("x86")  # type: ignore[assignment]
    quantization.prepare_qat(prepared, inplace=True)
    np.savez(folder / "images.npz", images=np.random.default_rng(0).integers(0, 256, (24, SIZE, SIZE, 3), np.uint8))

    def follow() -> None:
        for model in (prepared, quantization.quantize_dynamic(plain(), {nn.Linear})):
            assert "was quantised by PyTorch" in message_of(lambda model=model: load(model, image_size=SIZE))
        export(plain(), folder / "m.onnx", image_size=SIZE)
        quantize(folder / "m.onnx", folder / "int8.onnx", calibrate=folder / "images.npz", seconds=0.1, keep=True)

    return lambda: load(prepared, image_size=SIZE), follow


@case("Bring the model to a device with model.to_empty(device='cpu'), then load its weights and pass it")
def _(folder: Path) -> tuple[Step, Step]:
    with torch.device("meta"):
        model = plain()

    def follow() -> None:
        model.to_empty(device="cpu").load_state_dict(plain().state_dict())
        load(model, image_size=SIZE)

    return lambda: load(model), follow


@case("Put a layer in front that takes images: keras.Sequential([keras.Input((height, width, channels)), ")
def _(folder: Path) -> tuple[Step, Step]:
    """Of rows, and of all pixels in one axis."""
    import keras

    shapes = (SIZE, SIZE), (SIZE * SIZE,)
    models = [keras.Sequential([keras.Input(one), keras.layers.Flatten(), keras.layers.Dense(5)]) for one in shapes]

    def follow() -> None:
        for shape, model in zip(shapes, models, strict=True):
            assert f"keras.layers.Reshape({shape}), model])." in hint_of(lambda model=model: load(model))
            load(keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Reshape(shape), model]))

    return lambda: load(models[0]), follow


@case("Pass a model that takes the images alone")
def _(folder: Path) -> tuple[Step, Step]:
    import keras

    images, age = keras.Input((SIZE, SIZE, 3)), keras.Input((1,))
    seen = keras.layers.GlobalAveragePooling2D()(images)
    both = keras.layers.Dense(5)(keras.layers.Concatenate()([seen, age]))
    alone = keras.Model(images, keras.layers.Dense(5)(seen))
    return lambda: load(keras.Model([images, age], both)), lambda: load(alone)


@case("Build it under keras.config.set_dtype_policy('float32'), load its weights, and pass that")
def _(folder: Path) -> tuple[Step, Step]:
    import keras

    from tests.live.test_keras import subclassed

    def half() -> None:
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = subclassed()
        finally:
            keras.config.set_dtype_policy("float32")
        load(model, image_size=8)

    return half, lambda: load(subclassed(), image_size=8)


def with_code(folder: Path) -> Path:
    """A whole model with code of the user's in it."""
    import keras

    model = in_keras(keras.Input((SIZE, SIZE, 3)), keras.layers.Lambda(lambda x: x * 2))
    model.save(folder / "m.keras")
    return folder / "m.keras"


@case("If you trust it, load it where it was written and pass the live model, ")
def _(folder: Path) -> tuple[Step, Step]:
    import keras

    path = with_code(folder)
    (folder / "mine.py").write_text(
        f"import keras\n\ndef function():\n    return keras.saving.load_model({str(path)!r}, safe_mode=False)\n"
    )

    def follow() -> None:
        model = keras.saving.load_model(path, safe_mode=False)
        assert export(model, folder / "file.onnx").passed
        load(None, code=f"{folder / 'mine.py'}:function")

    return lambda: load(path), follow


@case("It is damaged, incomplete or of another format: copy it again, or save it again with Keras 3")
def _(folder: Path) -> tuple[Step, Step]:
    import keras

    model = in_keras(keras.Input((SIZE, SIZE, 3)))
    model.save(folder / "m.keras")
    content = (folder / "m.keras").read_bytes()
    (folder / "cut.keras").write_bytes(content[: len(content) // 2])

    def follow() -> None:
        load(shutil.copy(folder / "m.keras", folder / "copy.keras"))
        model.save(folder / "model.keras")
        load(folder / "model.keras")

    return lambda: load(folder / "cut.keras"), follow


@case("Save the model again with Keras 3: model.save('model.keras')")
def _(folder: Path) -> tuple[Step, Step]:
    """Of whoever has no Keras: the file is read as a checkpoint."""
    import zipfile

    from resnet_export.models import keras

    keras.save(weights(), folder / "m.keras")
    with zipfile.ZipFile(folder / "m.keras") as source, zipfile.ZipFile(folder / "n.keras", "w") as target:
        for name in source.namelist():
            target.writestr(name, b"{" if name == "config.json" else source.read(name))
    return lambda: Weights.load(folder / "n.keras"), lambda: (
        keras.build(SPEC).save(folder / "model.keras"),
        Weights.load(folder / "model.keras"),
    )


@case("Give what it was exported from, or export that without --preprocess image")
def _(folder: Path) -> tuple[Step, Step]:
    path = saved(folder / "m.pth")
    export(path, folder / "pictures.onnx", framework="keras", preprocess="image", verify=False)

    def follow() -> None:
        load(path)
        export(path, folder / "net.onnx", framework="keras", verify=False)
        load(folder / "net.onnx")

    return lambda: load(folder / "pictures.onnx"), follow


def code(folder: Path) -> str:
    """A file with several names."""
    place = small_builder(folder, 5).rpartition(":")[0]
    lines = ("number = 3", "model = build()", "def nothing(): return None", "def sized(size): return build()")
    with Path(place).open("a") as file:
        file.write("\n".join(("", *lines, "")))
    return place


def named(folder: Path, *names: str) -> Step:
    place = code(folder)
    return lambda: [load(None, code=f"{place}:{name}") for name in names]


@case("Write it as package.module:function or as file.py:function")
def _(folder: Path) -> tuple[Step, Step]:
    place = code(folder)
    package = "tests.sources.hints_of_models:plain"
    return lambda: load(None, code=place), lambda: [load(None, code=one) for one in (f"{place}:build", package)]


@case("Name a function, class or model of that module")
def _(folder: Path) -> tuple[Step, Step]:
    return named(folder, "biuld"), named(folder, "build", "model")


@case("Name a function or class that gives the model, or the model itself")
def _(folder: Path) -> tuple[Step, Step]:
    return named(folder, "number"), named(folder, "build", "model")


@case("Write a function without arguments that calls it and returns the model, and name that")
def _(folder: Path) -> tuple[Step, Step]:
    def follow() -> None:
        place = code(folder)
        with Path(place).open("a") as file:
            file.write("\n\ndef of_32():\n    return sized(32)\n")
        load(None, code=f"{place}:of_32")

    return named(folder, "sized"), follow


@case("Let it return a torch.nn.Module or a keras.Model")
def _(folder: Path) -> tuple[Step, Step]:
    return named(folder, "nothing"), named(folder, "build")


@case("Check the path. Write it as")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(None, code=f"{folder / 'yours.py'}:build"), named(folder, "build")


@case("Change into the folder that holds it")
def _(folder: Path) -> tuple[Step, Step]:
    Path(code(folder)).rename(folder / "my_networks.py")

    def follow() -> None:
        before = Path.cwd()
        os.chdir(folder)
        try:
            load(None, code="my_networks:build")
        finally:
            os.chdir(before)

    return lambda: load(None, code="my_networks:build"), follow


@case("Pass a torch.nn.Module or a keras.Model")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: live.of(3), lambda: live.of(ResNet(SPEC))
