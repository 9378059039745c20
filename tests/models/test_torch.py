from __future__ import annotations

import copy
import pickle
import re
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from resnet_export.errors import CheckpointError
from resnet_export.models.torch import ResNet, build, load, read
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.weights import Weights


def bits(weights: Weights) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in weights.items()}


def test_state_dict_has_the_specifications_names_in_its_order(spec: ResNetSpec) -> None:
    state = build(spec).state_dict()
    counters = [name for name in state if name.endswith(".num_batches_tracked")]
    assert len(counters) == sum(step.op == "Conv" for step in spec.canonical.steps)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if name not in counters}
    if not spec.variant.bottleneck:
        assert list(shapes.items()) == list(spec.parameters.items())
    assert shapes == dict(spec.parameters)


def test_gradients_flow_to_every_parameter(spec: ResNetSpec) -> None:
    model = build(spec).train()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, spec.in_channels, spec.image_size, spec.image_size, generator=generator)
    loss = nn.functional.cross_entropy(model(images), torch.arange(4))
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    parameters = dict(model.named_parameters())
    assert set(parameters) == {name for name in spec.parameters if ".running_" not in name}
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_batch_norms_have_torchs_conventions(spec: ResNetSpec) -> None:
    norms = [module for module in build(spec).modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == sum(step.op == "Conv" for step in spec.canonical.steps)
    for norm in norms:
        assert (norm.eps, norm.momentum, norm.affine, norm.track_running_stats) == (1e-5, 0.1, True, True)


def test_convolutions_have_no_bias(spec: ResNetSpec) -> None:
    assert all(module.bias is None for module in build(spec).modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save"])
def test_copies_are_equal_bit_for_bit(how: str, weights: Weights, tmp_path: Path) -> None:
    model = build(weights.spec)
    load(model, weights)
    if how == "deepcopy":
        twin = copy.deepcopy(model)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(model))
    else:
        torch.save(model, tmp_path / "model.pt")
        twin = torch.load(tmp_path / "model.pt", weights_only=False)
    assert isinstance(twin, ResNet)
    assert twin.spec == weights.spec
    assert bits(read(twin, twin.spec)) == bits(weights)
    with torch.no_grad():
        twin.fc.bias += 1
    assert bits(read(model, model.spec)) == bits(weights)


def test_read_takes_other_classes_with_the_same_names(tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    class Other(nn.Module):
        """As torchvision's own, which knows no specification."""

        def __init__(self, inner: ResNet) -> None:
            super().__init__()
            for name, module in inner.named_children():
                self.add_module(name, module)

    inner = build(tiny)
    load(inner, trained(tiny))
    found = read(Other(inner), tiny)
    assert bits(found) == bits(trained(tiny))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_widens_exactly(dtype: torch.dtype, tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model = build(tiny)
    load(model, trained(tiny))
    half = {name: tensor.to(dtype).float() for name, tensor in model.state_dict().items() if "tracked" not in name}
    found = read(model.to(dtype), tiny)
    assert {n: a.tobytes() for n, a in found.items()} == {n: t.numpy().tobytes() for n, t in half.items()}


def test_double_precision_is_rounded_with_a_warning(tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    model = build(tiny)
    load(model, trained(tiny))
    with pytest.warns(UserWarning, match="rounded to float32"):
        found = read(model.double(), tiny)
    assert bits(found) == bits(trained(tiny))


def test_reading_warns_of_nothing_and_keeps_the_mode(tiny: ResNetSpec) -> None:
    model = build(tiny).train()
    model.layer1.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(model, tiny)
    assert model.training
    assert not model.layer1.training
    assert model.layer2.training


def test_another_network_is_refused() -> None:
    with pytest.raises(CheckpointError) as caught:
        read(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten()), ResNetSpec())
    assert caught.value.message.startswith("the torch model Sequential does not hold the 102 tensors of ResNet-18")


@pytest.mark.parametrize(
    "change", [{"stem": "imagenet"}, {"in_channels": 1}, {"num_classes": 1}, {"depth": 34}], ids=str
)
def test_weights_of_another_network_are_not_loaded(
    change: dict[str, Any], tiny: ResNetSpec, trained: Callable[..., Weights]
) -> None:
    model = build(tiny)
    before = read(model, tiny)
    other = trained(replace(tiny, **change))
    with pytest.raises(ValueError, match=re.escape(f"the model's parameters are not those of {other.spec}")):
        load(model, other)
    assert bits(read(model, tiny)) == bits(before)


def test_training_goes_on_where_it_was(tiny: ResNetSpec, trained: Callable[..., Weights]) -> None:
    """The counters of batches start at 0 again: they were not part of the weights."""
    model = build(tiny)
    model.train()(torch.zeros(2, 3, 32, 32))
    assert model.bn1.num_batches_tracked == 1
    load(model, trained(tiny))
    assert model.bn1.num_batches_tracked == 0
