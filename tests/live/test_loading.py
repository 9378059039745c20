"""A checkpoint's numbers in a model of the user's own code: all of them under the model's names, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from resnet_export.errors import CheckpointError
from resnet_export.live.loading import load_file, load_strictly

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 5))


def tensors(prefix: str = "") -> dict[str, NDArray[Any]]:
    torch.manual_seed(1)
    return {prefix + name: tensor.numpy() for name, tensor in net().state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("counted", [True, False])
def test_every_tensor_finds_its_place(prefix: str, counted: bool) -> None:
    given = {name: array for name, array in tensors(prefix).items() if counted or not name.endswith("tracked")}
    for array in given.values():
        array.flags.writeable = False
    model = net()
    load_strictly(model, given)
    state = model.state_dict()
    assert all(np.array_equal(state[name.removeprefix(prefix)].numpy(), array) for name, array in given.items())


def test_a_loss_beside_a_model_of_lightning() -> None:
    with pytest.raises(CheckpointError, match=r"does not fit the model Sequential: 1 surplus \('loss\.weight'\)\."):
        load_strictly(net(), tensors("model.") | {"loss.weight": np.ones(5)})


def test_a_prefix_that_belongs_to_the_names_stays() -> None:
    model = nn.Module()
    model.model = net()
    load_strictly(model, tensors("model."))
    assert np.array_equal(model.state_dict()["model.3.bias"].numpy(), tensors()["3.bias"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.pop("3.bias"), "1 missing ('3.bias')"),
        (lambda t: t.update(extra=np.zeros(1)), "1 surplus ('extra')"),
        (lambda t: t.update({"3.bias": np.zeros(7)}), "1 misshapen ('3.bias: (7,), expected (5,)')"),
        (lambda t: [t.pop(name) for name in list(t)[:5]], "5 missing ('0.weight', '0.bias', '1.weight' and 2 more)"),
        (
            lambda t: t.update({name: np.zeros(9) for name in list(t)[:5]}),
            "'1.weight: (9,), expected (4,)' and 2 more)",
        ),
        (
            lambda t: t.update({f"model.{name}": t.pop(name) for name in list(t)[:-1]}),
            "1 missing ('model.3.bias'); 1 surplus ('3.bias')",
        ),
    ],
)
def test_what_does_not_fit(change: Any, fault: str) -> None:
    given = tensors()
    change(given)
    model = net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_strictly(model, given)
    assert caught.value.message.startswith("The checkpoint does not fit the model Sequential: ")
    assert fault in caught.value.message
    assert caught.value.exit_code == 3
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()), "it is left alone"


def classifier(classes: int = 5) -> keras.Model:
    return keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(classes)])


def test_a_file_of_keras(tmp_path: Path) -> None:
    source, target = classifier(), classifier()
    source.save_weights(tmp_path / "net.weights.h5")
    load_file(target, tmp_path / "net.weights.h5")
    assert np.array_equal(source.weights[0].numpy(), target.weights[0].numpy())


def test_a_file_of_another_model(tmp_path: Path) -> None:
    classifier(7).save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(CheckpointError, match=r"net\.weights\.h5 does not fit the model Sequential: ValueError: "):
        load_file(classifier(), tmp_path / "net.weights.h5")
