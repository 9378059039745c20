"""Hints about checkpoints: each with what provokes it, and what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from resnet_export import export
from resnet_export.errors import ResNetExportError
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD
from resnet_export.models.torch import ResNet
from resnet_export.sources import load
from resnet_export.weights import formats

from .hints import DEEP, SPEC, builder, case, hint_of, saved, small, small_builder, state, stored, weights
from .test_packages_and_folders import hugging_face, of_timm

if TYPE_CHECKING:
    from .hints import Step

SAVE = re.compile(r'torch\.save\(.*"\)')
"""The line of Python in a hint."""


@case("A checkpoint of another network needs the model itself: --model module:callable --weights FILE")
def _(folder: Path) -> tuple[Step, Step]:
    """A tensor is missing; the user's model has it not either."""
    tensors = {name: one for name, one in state().items() if not name.startswith("layer4.1.bn2")}
    path = stored(folder / "m.pth", tensors)
    code = builder(folder)
    (folder / "mine.py").write_text(
        (folder / "mine.py").read_text().replace("    return ", "    model = ").rstrip()
        + "\n    model.layer4[1].bn2 = __import__('torch').nn.Identity()\n    return model\n"
    )
    return lambda: load(path), lambda: load(path, code=code)


@case("If only the training needs them, save the checkpoint without them")
def _(folder: Path) -> tuple[Step, Step]:
    """A layer behind the network: in the user's own model, and away."""
    behind = {"1.weight": torch.ones(3, SPEC.num_classes), "1.bias": torch.zeros(3)}
    path = stored(folder / "m.pth", {**{f"0.{name}": one for name, one in state().items()}, **behind})
    code = builder(folder)
    mine = folder / "mine.py"
    whole = f"nn.Sequential(ResNet(ResNetSpec(**{SPEC.as_dict()!r})), nn.Linear({SPEC.num_classes}, 3)).eval()"
    lines = mine.read_text().splitlines()
    mine.write_text("\n".join(["from torch import nn", *lines[:-1], f"    return {whole}"]))

    def follow() -> None:
        assert load(path, code=code).network.classes == 3
        assert load(stored(folder / "plain.pth", state())).network.classes == SPEC.num_classes

    return lambda: load(path), follow


@case("--model timm:NAME --weights FILE, or export(model, 'file.onnx')")
def _(folder: Path) -> tuple[Step, Step]:
    model = of_timm("test_efficientnet", num_classes=5)
    path = stored(folder / "m.pth", model.state_dict())
    name = model.pretrained_cfg["architecture"]
    return lambda: load(path), lambda: (load(path, code=f"timm:{name}", image_size=64), load(model, image_size=64))


@case("Give --head embedding for the features before it")
def _(folder: Path) -> tuple[Step, Step]:
    tensors = {name: one for name, one in state().items() if not name.startswith("fc.")}
    path, out = stored(folder / "m.pth", tensors), folder / "m.onnx"
    return lambda: export(path, out), lambda: export(path, out, head="embedding")


@case("Leave {name} out, or pass another source")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(weights(), depth=50), lambda: (load(weights()), load(weights(DEEP), depth=50))


@case("Leave {name} out")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(small(5), image_size=8, num_classes=3), lambda: load(small(5), image_size=8)


@case("Leave these options out, or give the checkpoint they describe")
def _(folder: Path) -> tuple[Step, Step]:
    path, other = saved(folder / "m.pth"), saved(folder / "deep.pth", DEEP)
    return lambda: load(path, depth=50), lambda: (load(path), load(other, depth=50))


@case("Leave that option out, or give the checkpoint without its folder")
def _(folder: Path) -> tuple[Step, Step]:
    hugging_face(folder, state(DEEP))
    alone = folder / "model.safetensors"
    return lambda: load(folder, stride_on="1x1"), lambda: (load(folder), load(alone, stride_on="1x1"))


@case("Leave that name out, or give the checkpoint without its folder")
def _(folder: Path) -> tuple[Step, Step]:
    _timm_folder(folder)
    alone, options = folder / "model.safetensors", {"code": "timm:resnet18", "image_size": 64}
    return (
        lambda: load(folder, **options),
        lambda: (load(folder, image_size=64), load(alone, **options)),
    )


def _timm_folder(folder: Path, name: str = "resnetblur18", **prepared: Any) -> None:
    from safetensors.torch import save_file as save

    save(of_timm(name, num_classes=5).state_dict(), folder / "model.safetensors")
    config = {"architecture": name, "num_classes": 5, "pretrained_cfg": {"crop_pct": 0.9, **prepared}}
    (folder / "config.json").write_text(json.dumps(config))


@case("Give the checkpoint without its folder, and the nearest preparation: --mean, --std, --resize and")
def _(folder: Path) -> tuple[Step, Step]:
    """Of timm, a crop that pads; of Hugging Face, a processor that isn't known."""
    for name in ("timm", "hf"):
        (folder / name).mkdir()
    _timm_folder(folder / "timm", "test_resnet", crop_pct=1.1)
    hugging_face(folder / "hf", state(DEEP))
    (folder / "hf" / "preprocessor_config.json").write_text('{"image_processor_type": "OwnImageProcessor"}')
    given: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "resize": 64, "interpolation": "bicubic"}

    def follow() -> None:
        alone = folder / "hf" / "model.safetensors"
        export(alone, folder / "hf.onnx", framework="keras", image_size=32, verify=False, **given)
        alone = folder / "timm" / "model.safetensors"
        export(alone, folder / "t.onnx", model="timm:test_resnet", image_size=64, verify=False, **given)

    def provoke() -> None:
        with pytest.raises(ResNetExportError, match=r"a crop_pct of 1\.1, which pads"):
            load(folder / "timm")
        load(folder / "hf")

    return provoke, follow


@case("Copy or download the folder again")
def _(folder: Path) -> tuple[Step, Step]:
    (folder / "damaged").mkdir()
    shutil.copytree(
        hugging_face(folder, state(DEEP)), folder / "copy", ignore=shutil.ignore_patterns("damaged", "copy")
    )
    (folder / "config.json").write_text("{")
    return lambda: load(folder), lambda: load(folder / "copy")


@case("Pass the torch.nn.Module from before it was exported: resnet_export.export(model, 'file.onnx')")
def _(folder: Path) -> tuple[Step, Step]:
    file = folder / "file.onnx"
    return lambda: load(folder / "m.pt2"), lambda: export(small(5), file, verify=False, image_size=8)


@case("Give the path of a checkpoint with the names of that model")
def _(folder: Path) -> tuple[Step, Step]:
    code, path = small_builder(folder, 5), stored(folder / "m.pth", small(5).state_dict())
    return lambda: load({"0.weight": 1}, code=code, image_size=8), lambda: load(path, code=code, image_size=8)


@case("Make the model with the arguments that it was trained with, or pass the checkpoint of this one")
def _(folder: Path) -> tuple[Step, Step]:
    code = {classes: small_builder(folder, classes) for classes in (5, 7)}
    path = {classes: stored(folder / f"{classes}.pth", small(classes).state_dict()) for classes in (5, 7)}
    return lambda: load(path[7], code=code[5]), lambda: [
        load(path[classes], code=code[classes], image_size=8) for classes in (5, 7)
    ]


@case("Name one of {package}'s models")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", of_timm("test_resnet", num_classes=5).state_dict())
    return lambda: load(path, code="timm:resnet18x"), lambda: load(path, code="timm:test_resnet", image_size=64)


@case("The training has diverged")
def _(folder: Path) -> tuple[Step, Step]:
    earlier = saved(folder / "earlier.pth")
    path = stored(folder / "m.pth", {**state(), "bn1.bias": torch.full((8,), torch.nan)})
    return lambda: load(path), lambda: load(earlier)


@case("The file is damaged, or its tensors are mislabelled")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", {**state(), "bn1.running_var": torch.full((8,), -1.0)})
    return lambda: load(path), lambda: load(saved(folder / "right.pth"))


@case("Give the checkpoint of the float network; reduce precision after the export")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", {**state(), "bn1.bias": torch.zeros(8, dtype=torch.int8)})
    return lambda: load(path), lambda: load(saved(folder / "float.pth"))


@case("Give the checkpoint of the float network that it was made of")
def _(folder: Path) -> tuple[Step, Step]:
    tensors = state()
    tensors["fc.weight"] = torch.quantize_per_tensor(tensors["fc.weight"], 0.1, 0, torch.qint8)
    return lambda: load(stored(folder / "m.pth", tensors)), lambda: load(saved(folder / "float.pth"))


@case("If you trust it, load it where it was written and save the tensors alone, in a new file")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", ResNet(SPEC))

    def follow() -> None:
        model = torch.load(path, weights_only=False)
        line = SAVE.search(hint_of(lambda: load(path)))
        assert line is not None
        before = Path.cwd()
        os.chdir(folder)
        exec(line[0], {"torch": torch, "model": model})
        os.chdir(before)
        load(folder / "m-state_dict.pth")

    return lambda: load(path), follow


@case("Copy or download it again")
def _(folder: Path) -> tuple[Step, Step]:
    """A file that was cut off, one with another byte in it, and an index without its table."""
    right = saved(folder / "m.pth")
    content = right.read_bytes()
    (folder / "cut.pth").write_bytes(content[:-100])
    (folder / "model.safetensors.index.json").write_text("{}")
    at = content.index(weights()["layer4.1.conv2.weight"].tobytes()[:64])
    (folder / "flipped.pth").write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])

    def provoke() -> None:
        assert "Copy or download it again" in hint_of(lambda: load(folder / "flipped.pth"))
        assert "Copy or download it again" in hint_of(lambda: load(folder / "model.safetensors.index.json"))
        load(folder / "cut.pth")

    return provoke, lambda: load(shutil.copy(right, folder / "copy.pth"))


@case("The file is damaged, incomplete or of another format: copy or download it again")
def _(folder: Path) -> tuple[Step, Step]:
    right = saved(folder / "m.safetensors")
    (folder / "cut.safetensors").write_bytes(right.read_bytes()[:-100])
    return lambda: load(folder / "cut.safetensors"), lambda: load(shutil.copy(right, folder / "copy.safetensors"))


@case("Check the path: give a file that torch.save wrote")
def _(folder: Path) -> tuple[Step, Step]:
    (folder / "m.pth").write_text("nothing")
    return lambda: load(folder / "m.pth"), lambda: load(saved(folder / "right.pth"))


@case("Unpack it first: unzip FILE")
def _(folder: Path) -> tuple[Step, Step]:
    path = saved(folder / "m.npz")
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.write(path, "best.npz")
        archive.writestr("README.txt", "of a run")
    (folder / "out").mkdir()
    return lambda: load(folder / "m.zip"), lambda: (
        shutil.unpack_archive(folder / "m.zip", folder / "out"),
        load(folder / "out" / "best.npz"),
    )


@case("Fetch the file: git lfs pull")
def _(folder: Path) -> tuple[Step, Step]:
    path = folder / "model.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    return lambda: load(path), lambda: load(saved(path))


@case("Give a file that torch.save, safetensors, Keras (model.save('model.keras')) or numpy.savez wrote")
def _(folder: Path) -> tuple[Step, Step]:
    (folder / "m.bin").write_text("nothing")
    files = [saved(folder / f"right{suffix}") for suffix in (".pth", ".safetensors", ".npz")]
    return lambda: load(folder / "m.bin"), lambda: [load(file) for file in files]


@case("Save model.state_dict() bare or under one of")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", {"epoch": 3})

    def follow() -> None:
        load(stored(path, state()))
        for key in re.findall(r"'(\w+)'", hint_of(lambda: load(stored(path, {"epoch": 3})))):
            load(stored(path, {key: state()}))

    return lambda: load(path), follow


@case("Save one model only: that of the wrapper's `.module`")
def _(folder: Path) -> tuple[Step, Step]:
    wrapped = {f"module.{name}": one for name, one in state().items()}
    path = stored(folder / "m.pth", {**state(), **wrapped})
    return lambda: load(path), lambda: load(stored(folder / "one.pth", state()))


@case("Name it by its format")
def _(folder: Path) -> tuple[Step, Step]:
    def follow() -> None:
        for suffix in re.findall(r"\.\w+", hint_of(lambda: formats.write(folder / "m.txt", weights()))):
            if suffix not in (".keras", ".weights", ".h5"):  # which Keras writes, as the next hint says
                load(saved(folder / f"m{suffix}"))

    return lambda: formats.write(folder / "m.txt", weights()), follow


@case("Write all arrays by name: numpy.savez(path, **arrays)")
def _(folder: Path) -> tuple[Step, Step]:
    np.save(folder / "m.npy", np.zeros(3))
    (folder / "m.npy").rename(folder / "m.npz")
    arrays: dict[str, Any] = dict(weights())
    return lambda: load(folder / "m.npz"), lambda: (np.savez(folder / "a.npz", **arrays), load(folder / "a.npz"))


@case("Check the path.")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load(folder / "n.pth"), lambda: load(saved(folder / "m.pth"))


@case("Save the model where it was made: model.save('model.keras'), and give that file")
def _(folder: Path) -> tuple[Step, Step]:
    from resnet_export.models import keras

    (folder / "saved_model.pb").touch()
    return lambda: load(folder), lambda: (keras.save(weights(), folder / "model.keras"), load(folder / "model.keras"))


@case("Give the checkpoint itself")
def _(folder: Path) -> tuple[Step, Step]:
    path = saved(folder / "m.pth")
    (folder / "empty").mkdir()
    return lambda: load(folder / "empty"), lambda: load(path)


@case("Give the file itself")
def _(folder: Path) -> tuple[Step, Step]:
    files = [saved(folder / name) for name in ("a.pth", "b.pth")]
    return lambda: load(folder), lambda: [load(file) for file in files]


def _sharded(folder: Path, places: dict[str, Path]) -> Path:
    """An index, and two files."""
    tensors = dict(weights())
    names = {"model-00001-of-00002.safetensors": [*tensors][:60], "model-00002-of-00002.safetensors": [*tensors][60:]}
    for name, held in names.items():
        save_file({one: tensors[one] for one in held}, places.get(name, folder) / name)
    where = {one: name for name, held in names.items() for one in held}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder / "model.safetensors.index.json"


@case("Copy all of them into one folder")
def _(folder: Path) -> tuple[Step, Step]:
    (folder / "elsewhere").mkdir()
    second = "model-00002-of-00002.safetensors"
    index = _sharded(folder, {second: folder / "elsewhere"})
    return lambda: load(index), lambda: (shutil.copy(folder / "elsewhere" / second, folder), load(index))


@case("Put all files into one folder")
def _(folder: Path) -> tuple[Step, Step]:
    index = _sharded(folder, {})
    right = index.read_text()
    index.write_text(right.replace("model-00002", "../model-00002"))
    return lambda: load(index), lambda: (index.write_text(right), load(index))


@case("a file with --weights FILE")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: load("IMAGENET1K_V2", depth=34), lambda: load(saved(folder / "m.pth"))


@case("Call resnet_export.models.keras.save(weights, path), or choose .safetensors, .pth or .npz")
def _(folder: Path) -> tuple[Step, Step]:
    from resnet_export.models import keras

    def follow() -> None:
        keras.save(weights(), folder / "m.keras")
        for name in ("m.keras", *(saved(folder / f"m{one}").name for one in (".safetensors", ".pth", ".npz"))):
            load(folder / name)

    return lambda: weights().save(folder / "m.keras"), follow


@case("Write it with Keras 3: model.save_weights('model.weights.h5') or model.save('model.keras')")
def _(folder: Path) -> tuple[Step, Step]:
    import h5py

    from resnet_export.models import keras

    with h5py.File(folder / "m.weights.h5", "w") as file:
        file["numbers"] = np.zeros(3)

    def follow() -> None:
        model = keras.build(SPEC)
        model.save_weights(folder / "model.weights.h5")
        model.save(folder / "model.keras")
        load(folder / "model.weights.h5")
        load(folder / "model.keras")

    return lambda: load(folder / "m.weights.h5"), follow


@case("Save the ResNet alone, not a model that holds several")
def _(folder: Path) -> tuple[Step, Step]:
    import keras

    from resnet_export.models import keras as ours

    image = keras.Input((32, 32, 3))
    parts = [ours.build(SPEC), ours.build(SPEC)]
    for part, name in zip(parts, "ab", strict=True):
        part.name = name
    keras.Model(image, [part(image) for part in parts]).save_weights(folder / "m.weights.h5")
    return lambda: load(folder / "m.weights.h5"), lambda: (
        parts[0].save_weights(folder / "one.weights.h5"),
        load(folder / "one.weights.h5"),
    )
