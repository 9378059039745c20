from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import h5py
import keras
import numpy as np
import pytest

from resnet_export.errors import CheckpointError
from resnet_export.models import keras as definition
from resnet_export.weights import Weights
from resnet_export.weights.formats import read_contents

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.spec import ResNetSpec

# Keras 3.15 reads TensorFlow variables through an __array__ that lacks NumPy 2's `copy`.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras\.src\.backend\.tensorflow"
)

SUFFIXES = [".keras", ".weights.h5"]


def save(model: keras.Model, path: Path) -> Path:
    (model.save if path.suffix == ".keras" else model.save_weights)(path)
    return path


@pytest.fixture(scope="module")
def trained(tiny: ResNetSpec) -> keras.Model:
    """A model with an optimizer that has variables of its own."""
    model = definition.build(tiny)
    model.compile(optimizer="adam", loss="mse")
    model.train_on_batch(np.zeros((2, 32, 32, 3), np.float32), np.zeros((2, 10), np.float32))
    return model


@pytest.mark.long
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_trained_model_is_read_without_its_optimizer(
    tmp_path: Path, trained: keras.Model, tiny: ResNetSpec, suffix: str
) -> None:
    loaded = Weights.load(save(trained, tmp_path / f"m{suffix}"))
    assert loaded.digest == definition.read(trained, tiny).digest


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_model_inside_a_model(tmp_path: Path, trained: keras.Model, tiny: ResNetSpec, suffix: str) -> None:
    augmented = [keras.Input((32, 32, 3)), keras.layers.RandomFlip(), keras.layers.Dropout(0.1)]
    outer = keras.Sequential([*augmented, keras.Sequential([keras.Input((32, 32, 3)), trained])])
    loaded = Weights.load(save(outer, tmp_path / f"m{suffix}"))
    assert loaded.digest == definition.read(trained, tiny).digest


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_neither_keras_nor_tensorflow_is_imported(tmp_path: Path, trained: keras.Model, suffix: str) -> None:
    path = save(trained, tmp_path / f"m{suffix}")
    code = (
        "import sys\n"
        "from resnet_export.weights import Weights\n"
        "Weights.load(sys.argv[1])\n"
        "assert not {'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_half_precision_is_widened_exactly(tmp_path: Path, suffix: str) -> None:
    layer = keras.layers.Dense(3, name="fc", dtype="bfloat16")
    model = keras.Sequential([keras.Input((4,)), layer])
    found = read_contents(save(model, tmp_path / f"m{suffix}")).tensors
    np.testing.assert_array_equal(found["fc.weight"], np.asarray(layer.kernel.value).astype(np.float32).T)


def test_layers_of_other_kinds_are_named(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="biased"),
            keras.layers.BatchNormalization(scale=False, name="scaleless"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, use_bias=False, name="biasless"),
        ]
    )
    shapes = {
        name: array.shape for name, array in read_contents(save(model, tmp_path / "m.weights.h5")).tensors.items()
    }
    assert shapes == {
        "biased.weight": (4, 3, 3, 3),
        "biased.bias": (4,),
        "scaleless.vars.0": (4,),
        "scaleless.vars.1": (4,),
        "scaleless.vars.2": (4,),
        "biasless.weight": (5, 144),
    }
    with pytest.raises(CheckpointError, match=r"6 are surplus \('scaleless\.vars\.0', .* and 3 more\)"):
        Weights.load(tmp_path / "m.weights.h5")


def test_two_layers_of_one_name_are_refused(tmp_path: Path) -> None:
    image = keras.Input((4,))
    branches = [
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")], name=name)(image) for name in "ab"
    ]
    model = keras.Model(image, branches)
    with pytest.raises(CheckpointError, match=r"holds 'fc\.weight' twice"):
        read_contents(save(model, tmp_path / "m.weights.h5"))


def test_hdf5_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["conv1/kernel"] = np.zeros(3)
    with pytest.raises(CheckpointError, match="holds no layer with variables as Keras 3 writes them"):
        read_contents(tmp_path / "m.weights.h5")


def test_zip_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(CheckpointError, match=r"is a zip archive, and no checkpoint: it holds 'config\.json'"):
        read_contents(tmp_path / "m.keras")


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        group = file.create_group("vars")
        group.attrs["name"] = "fc"
        group["0"] = np.zeros(3)
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["layers/dense"] = h5py.ExternalLink(tmp_path / "other.h5", "/")
    with pytest.raises(CheckpointError, match="holds no layer"):
        read_contents(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_writing_says_who_writes_it(tmp_path: Path, weights: Weights, suffix: str) -> None:
    with pytest.raises(CheckpointError, match=r"resnet_export\.models\.keras\.save\(weights, path\)") as caught:
        weights.save(tmp_path / f"m{suffix}")
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []
