from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from resnet_export.errors import CheckpointError
from resnet_export.models.keras import build, load, read, save
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def bits(weights: Weights) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in weights.items()}


def test_one_step_of_training_changes_every_weight(spec: ResNetSpec, weights: Weights) -> None:
    model = build(spec)
    load(model, weights)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, run_eagerly=True)
    images = np.random.default_rng(0).standard_normal((4, 32, 32, 3)).astype(np.float32)
    history = model.fit(images, np.arange(4), batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = read(model, spec)
    assert [name for name in weights if after[name].tobytes() == weights[name].tobytes()] == []


def test_batch_norms_have_kerass_conventions(spec: ResNetSpec) -> None:
    norms = [layer for layer in build(spec).layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == sum(step.op == "Conv" for step in spec.canonical.steps)
    for norm in norms:
        assert (norm.epsilon, norm.momentum, norm.center, norm.scale) == (1e-5, 0.9, True, True)


def test_convolutions_have_no_bias_and_symmetric_padding(spec: ResNetSpec) -> None:
    for layer in build(spec).layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert not layer.use_bias
            assert layer.padding == ("same" if layer.strides == (1, 1) else "valid"), layer.name
        if isinstance(layer, keras.layers.ZeroPadding2D):
            (top, bottom), (left, right) = layer.padding
            assert top == bottom == left == right


def test_interface(spec: ResNetSpec) -> None:
    model = build(spec)
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_shape == (None, 10)
    assert [tensor.name for tensor in model.inputs] == ["input"]
    assert model.name == f"resnet{spec.depth}"


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "clone_model"])
def test_copies_are_equal_bit_for_bit(how: str, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model = build(tiny)
    load(model, trained(tiny))
    if how == "deepcopy":
        twin = copy.deepcopy(model)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(model))
    else:
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
    assert twin is not model
    assert bits(read(twin, tiny)) == bits(trained(tiny))
    load(twin, trained(tiny, 1))
    assert bits(read(model, tiny)) == bits(trained(tiny))


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_saved_files_read_back_bit_for_bit(suffix: str, weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    save(weights, path)
    loaded = Weights.load(path, image_size=32)
    assert loaded.spec == weights.spec
    assert bits(loaded) == bits(weights)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_keras_itself_loads_the_saved_model(tiny: ResNetSpec, trained: Callable[..., Weights], tmp_path: Path) -> None:
    save(trained(tiny), tmp_path / "model.keras")
    assert bits(read(keras.models.load_model(tmp_path / "model.keras"), tiny)) == bits(trained(tiny))


def test_a_saved_file_is_replaced(tiny: ResNetSpec, trained: Callable[..., Weights], tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"old")
    save(trained(tiny), path)
    assert bits(Weights.load(path, image_size=32)) == bits(trained(tiny))


def test_other_suffixes_are_refused(tiny: ResNetSpec, trained: Callable[..., Weights], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        save(trained(tiny), tmp_path / "model.h5")
    assert caught.value.message == f"Keras does not save {tmp_path / 'model.h5'}."
    assert caught.value.hint == "Give a name that ends in .keras or .weights.h5."
    assert list(tmp_path.iterdir()) == []


def test_a_nested_model_is_read(tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    inner = build(tiny)
    load(inner, trained(tiny))
    image = keras.layers.Input((32, 32, 3))
    outer = keras.Model(image, inner(image), name="outer")
    assert bits(read(outer, tiny)) == bits(trained(tiny))


def test_another_network_is_refused() -> None:
    image = keras.layers.Input((8, 8, 3))
    other = keras.Model(image, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(image)), name="other")
    with pytest.raises(CheckpointError) as caught:
        read(other, ResNetSpec())
    assert caught.value.message.startswith("the Keras model other does not hold the 102 tensors of ResNet-18")
