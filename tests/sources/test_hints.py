"""Every hint of sources, weights and live models: what provokes it, and that what it says works, followed literally."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from resnet_export import export, live
from resnet_export.errors import ResNetExportError
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD
from resnet_export.models.torch import ResNet
from resnet_export.sources import load
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights, formats
from resnet_export.weights.initial import trained_like
from tests.corpus_networks import with_torchvision

from .test_packages_and_folders import hugging_face, of_timm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Step = Callable[[], Any]
    Case = Callable[[Path], tuple[Step, Step]]

PACKAGE = Path(__file__).parents[2] / "resnet_export"
SPEC = ResNetSpec(18, width=8, num_classes=10, image_size=32, stem="cifar")
DEEP = ResNetSpec(50, width=4, num_classes=5, image_size=32)
CASES: dict[str, Case] = {}
"""Words of a hint -> what gives, for an empty folder, (what provokes it, what it says)."""
NOT_FOLLOWED = {
    "Run it again; if that does not help": "tests/weights/test_published.py downloads again from a server",
    "Check the connection and run it again": "tests/weights/test_published.py goes on where a server stopped",
    "Free some space, or name another folder": "tests/weights/test_published.py names another folder",
    "a file with --weights FILE": "of published weights; the next one of this page gives a file",
    "Give yourself the permission to read it": "root, who runs the tests in containers, may read everything",
    "If it is a constant, such as a mask": "advice on the user's own code",
    "Mend that layer, or leave": "the second half is `Leave depth out`, which is followed here",
    "channels are a guess": "tests/sources/test_reading.py gives in_channels",
    "Install Keras, which reads networks": "installs a package",
    "Upgrade it with: pip install": "installs a package",
    "that fits your torch": "installs a package",
    "Give a checkpoint with --weights, or try again": "needs a hub that can't be reached; the first half is followed here",
    "Give all of them the same eps": "advice on the user's own code",
    "Build it under keras.config.set_dtype_policy": "tests/live/test_keras.py passes models of every policy",
    "Save it as model.save('model.h5')": "needs Keras 2, which is not installed beside Keras 3",
    "Put a layer in front that takes images": "tests/live/test_keras.py puts it there",
    "Call it once on an example, model(": "tests/live/test_keras.py calls it",
    "Pass a model that takes the images alone": "advice on the user's own model",
    "Make the model with the arguments that it was trained with, and call it once": "tests/live/test_loading.py does",
    "If you trust it, load it where it was written and pass the live model": "tests/live/test_files.py passes it",
    "cannot be read as the file of a Keras model": "tests/live/test_files.py saves it again",
    "It is damaged, incomplete or of another format: copy it again": "tests/live/test_files.py has the undamaged file",
    "Save the model again with Keras 3": "tests/weights/formats/test_keras_config.py has what Keras 3 saves",
    "Save the ResNet alone, not a model that holds several": "tests/weights/formats/test_keras.py saves it alone",
    "Write it with Keras 3: model.save_weights": "tests/weights/formats/test_keras.py writes it",
    "Call resnet_export.models.keras.save(weights, path)": "tests/models/test_keras.py calls it",
    "Try it alone with Python, and correct it there": "advice on the user's own code",
    "Give what it was exported from, or export that without": "tests/sources/test_onnx_file.py has both files",
    "Leave in_channels out": "tests/sources/test_reading.py leaves it out",
    "Pass the model that ends with its classifier": "tests/sources/test_reading.py passes models with classifiers",
    "Write it as package.module:function or as file.py:function": "tests/live/test_code.py writes both",
    "Check the path. ": "of --model: tests/live/test_code.py has the right path",
    "Change into the folder that holds it": "tests/live/test_code.py imports from the working directory",
    "Name a function, class or model of that module": "tests/live/test_code.py names all three",
    "Name a function or class that gives the model": "tests/live/test_code.py names both",
    "Write a function without arguments that calls it": "tests/live/test_code.py has such functions",
    "Let it return a torch.nn.Module or a keras.Model": "tests/live/test_code.py has such functions",
    "Pass the eager torch.nn.Module from before it was": "tests/live/test_torch.py passes the eager modules",
    "Call the model once on a batch of images, then load its weights": "tests/live/test_torch.py calls it",
}
"""Words of a hint -> why nothing here follows it."""


def case(says: str) -> Callable[[Case], Case]:
    def add(made: Case) -> Case:
        CASES[says] = made
        return made

    return add


def weights(spec: ResNetSpec = SPEC) -> Weights:
    return Weights(spec, trained_like(spec, 0))


def saved(path: Path, spec: ResNetSpec = SPEC) -> Path:
    weights(spec).save(path)
    return path


def state(spec: ResNetSpec = SPEC) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in weights(spec).items()}


def stored(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def builder(folder: Path, spec: ResNetSpec = SPEC) -> str:
    """The user's own code that gives a model."""
    fields = {**spec.as_dict()}
    (folder / "mine.py").write_text(
        "from resnet_export.models.torch import ResNet\nfrom resnet_export.spec import ResNetSpec\n\n"
        f"def build():\n    return ResNet(ResNetSpec(**{fields!r})).eval()\n"
    )
    return f"{folder / 'mine.py'}:build"


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


@case("--model timm:NAME --weights FILE, or export(model, 'file.onnx')")
def _(folder: Path) -> tuple[Step, Step]:
    model = of_timm("resnetv2_18" if "resnetv2_18" in _timm_models() else "resnetv2_50", num_classes=5)
    path = stored(folder / "m.pth", model.state_dict())
    name = type(model).__module__ and model.pretrained_cfg["architecture"]
    return lambda: load(path), lambda: (load(path, code=f"timm:{name}", image_size=64), load(model, image_size=64))


def _timm_models() -> list[str]:
    found: list[str] = importlib.import_module("timm").list_models()
    return found


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
    model = ResNet(SPEC).eval()
    return lambda: load(model, depth=34), lambda: load(model)


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


def _timm_folder(folder: Path, **prepared: Any) -> None:
    from safetensors.torch import save_file as save

    save(of_timm("resnetblur18", num_classes=5).state_dict(), folder / "model.safetensors")
    config = {"architecture": "resnetblur18", "num_classes": 5, "pretrained_cfg": {"crop_pct": 0.9, **prepared}}
    (folder / "config.json").write_text(json.dumps(config))


@case("Give the checkpoint without its folder, and the nearest preparation: --mean, --std, --resize and")
def _(folder: Path) -> tuple[Step, Step]:
    """Of timm, a crop that pads; of Hugging Face, a processor that isn't known."""
    for name in ("timm", "hf"):
        (folder / name).mkdir()
    _timm_folder(folder / "timm", crop_pct=1.1)
    hugging_face(folder / "hf", state(DEEP))
    (folder / "hf" / "preprocessor_config.json").write_text('{"image_processor_type": "OwnImageProcessor"}')
    given: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "resize": 64, "interpolation": "bicubic"}

    def follow() -> None:
        alone = folder / "hf" / "model.safetensors"
        export(alone, folder / "hf.onnx", image_size=32, verify=False, **given)
        alone = folder / "timm" / "model.safetensors"
        export(alone, folder / "t.onnx", model="timm:resnetblur18", image_size=64, verify=False, **given)

    def provoke() -> None:
        with pytest.raises(ResNetExportError, match="a crop_pct of 1.1, which pads"):
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
    model = ResNet(SPEC).eval()
    return lambda: load(folder / "m.pt2"), lambda: export(model, folder / "file.onnx", verify=False, image_size=32)


@case("Pass a torch.nn.Module or a keras.Model")
def _(folder: Path) -> tuple[Step, Step]:
    return lambda: live.of(3), lambda: live.of(ResNet(SPEC))


@case("Give the path of a checkpoint with the names of that model")
def _(folder: Path) -> tuple[Step, Step]:
    code, path = builder(folder), saved(folder / "m.pth")
    return lambda: load({"conv1.weight": 1}, code=code), lambda: load(path, code=code)


@case("Make the model with the arguments that it was trained with, or pass the checkpoint of this one")
def _(folder: Path) -> tuple[Step, Step]:
    code, path, other = builder(folder), saved(folder / "m.pth"), saved(folder / "deep.pth", DEEP)
    (folder / "deep").mkdir()
    right = builder(folder / "deep", DEEP)
    return lambda: load(other, code=code), lambda: (load(other, code=right), load(path, code=code))


@case("Name one of {package}'s models")
def _(folder: Path) -> tuple[Step, Step]:
    path = stored(folder / "m.pth", of_timm("resnet18", num_classes=5).state_dict())
    return lambda: load(path, code="timm:resnet18x"), lambda: load(path, code="timm:resnet18", image_size=64)


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
        line = SAVE.search(_hint(lambda: load(path)))
        assert line is not None
        before = Path.cwd()
        os.chdir(folder)
        exec(line[0], {"torch": torch, "model": model})
        os.chdir(before)
        load(folder / "m-state_dict.pth")

    return lambda: load(path), follow


SAVE = re.compile(r'torch\.save\(.*"\)')


def _hint(provoke: Step) -> str:
    with pytest.raises(ResNetExportError) as caught:
        provoke()
    return str(caught.value.hint)


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
        for name in ("flipped.pth", "model.safetensors.index.json"):
            assert "Copy or download it again" in _hint(lambda: load(folder / name))
        load(folder / "cut.pth")

    return provoke, lambda: load(shutil.copy(right, folder / "copy.pth"))


@case("The file is damaged, incomplete or of another format: copy or download it again")
def _(folder: Path) -> tuple[Step, Step]:
    right = saved(folder / "m.safetensors")
    (folder / "cut.safetensors").write_bytes(right.read_bytes()[:-100])
    return lambda: load(folder / "cut.safetensors"), lambda: load(shutil.copy(right, folder / "copy.safetensors"))


@case("Check the path: give a file that torch.save wrote")
def _(folder: Path) -> tuple[Step, Step]:
    (folder / "m.pth").write_text("version https://git-lfs.github.com/spec/v1")
    return lambda: load(folder / "m.pth"), lambda: load(saved(folder / "right.pth"))


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
        for key in re.findall(r"'(\w+)'", _hint(lambda: load(stored(path, {"epoch": 3})))):
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
        for suffix in re.findall(r"\.\w+", _hint(lambda: formats.write(folder / "m.txt", weights()))):
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


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("says", CASES)
def test_a_hint_followed_literally_works(says: str, tmp_path: Path) -> None:
    with_torchvision()
    provoke, follow = CASES[says](tmp_path)
    hint = _hint(provoke)
    assert all(part in hint for part in re.split(r"\{\w+\}", says))
    follow()


def hints() -> Iterator[tuple[str, str]]:
    """(where, text) of every hint in the three packages; what is filled in stands in braces."""
    for package in ("sources", "weights", "live"):
        for path in sorted((PACKAGE / package).rglob("*.py")):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    yield f"{path.name}:{node.value.lineno}", text_of(node.value, vars(importlib.import_module(name)))


def text_of(node: ast.expr, known: dict[str, Any]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return str(known.get(name, "{" + name + "}"))
        case ast.Attribute(value=ast.Name(id=name)):
            return f"{{{name}}}"
        case ast.JoinedStr(values=values):
            return "".join(text_of(value, known) for value in values)
        case ast.FormattedValue(value=value):
            return text_of(value, known)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format")):
            return str(known[name])
        case ast.IfExp(body=body):
            return text_of(body, known)
        case _:
            return "{}"


def test_every_hint_is_followed_or_listed_with_the_reason() -> None:
    found = dict(hints())
    assert len(found) > 50
    known = (*CASES, *NOT_FOLLOWED)
    assert {place: text for place, text in found.items() if not any(one in text for one in known)} == {}
    assert [one for one in known if not any(one in text for text in found.values()) and one not in _OF_OTHERS] == []


_OF_OTHERS = ("Give --head embedding for the features before it", "cannot be read as the file of a Keras model")
"""Words of hints of other packages, which these sources lead to."""
