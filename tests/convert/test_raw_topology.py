"""The contract of every converter: structure without numbers, parameters as inputs."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from resnet_export.convert import CONVERTERS
from resnet_export.convert import keras as keras_converter
from resnet_export.convert import torch as torch_converter
from resnet_export.errors import InputError, MissingDependencyError, UnavailableError
from resnet_export.graph.canonical import canonicalise
from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.spec import ResNetSpec

every = [
    pytest.mark.parametrize("framework", CONVERTERS),
    pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"]),
]


@pytest.fixture
def raw(
    framework: str, network: str, request: pytest.FixtureRequest, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> tuple[ir.Model, ResNetSpec]:
    spec: ResNetSpec = request.getfixturevalue(network)
    return raw_topology(framework, spec), spec


def plain(shape: ir.Shape | None) -> tuple[Any, ...]:
    assert shape is not None
    return tuple(size if isinstance(size, int) else None for size in shape)


class TestRawTopology:
    pytestmark = every

    def test_the_first_input_is_the_image(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        model, spec = raw
        image = model.graph.inputs[0]
        assert image.name == "input"
        assert image.dtype == ir.DataType.FLOAT
        assert plain(image.shape) == (None, spec.in_channels, spec.image_size, spec.image_size)

    def test_every_parameter_is_an_input_in_its_canonical_layout(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        model, spec = raw
        parameters = model.graph.inputs[1:]
        assert {value.name: plain(value.shape) for value in parameters} == dict(spec.parameters)
        assert len(parameters) == len(spec.parameters)
        assert {value.dtype for value in parameters} == {ir.DataType.FLOAT}
        assert all(value.uses() for value in parameters), "each is used"

    def test_no_numbers_travel_but_eps_and_zeros(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        model, spec = raw
        constants = [value.const_value for value in model.graph.initializers.values()]
        constants += [node.attributes["value"].value for node in model.graph if "value" in node.attributes]
        floats = [array for item in constants if item is not None if (array := item.numpy()).dtype.kind == "f"]
        assert {float(number) for array in floats for number in array.ravel()} <= {float(np.float32(spec.eps)), 0.0}

    def test_one_output_for_a_batch_of_any_size(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        model, spec = raw
        assert len(model.graph.outputs) == 1
        assert plain(model.graph.outputs[0].shape) == (None, spec.num_classes)

    def test_opset(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        assert raw[0].opset_imports[""] == 18

    def test_it_is_a_valid_onnx_model(self, raw: tuple[ir.Model, ResNetSpec]) -> None:
        onnx.checker.check_model(ir.to_proto(raw[0]))


def test_the_converters_agree_on_their_function() -> None:
    for name, module in CONVERTERS.items():
        assert callable(importlib.import_module(module).to_onnx), name


def nodes(model: ir.Model) -> list[tuple[str | None, str, list[str | None]]]:
    return [(node.name, node.op_type, [value.name if value else None for value in node.inputs]) for node in model.graph]


def test_torch_leaves_every_module_in_its_mode(tiny: ResNetSpec) -> None:
    model = torch_definition.build(tiny).train()
    model.layer2.eval()
    modes = [module.training for module in model.modules()]
    raw = torch_converter.to_onnx(model, tiny)
    assert [module.training for module in model.modules()] == modes
    assert len(canonicalise(raw, tiny).graph) == 48, "it was traced in evaluation mode nevertheless"
    assert not model.bn1.num_batches_tracked


def test_torch_leaves_the_mode_when_the_trace_fails(tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the trace failed")

    monkeypatch.setattr(torch.onnx, "export", fail)
    model = torch_definition.build(tiny).train()
    with pytest.raises(InputError, match="the trace failed"):
        torch_converter.to_onnx(model, tiny)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_torch_takes_float32_only(dtype: torch.dtype, tiny: ResNetSpec) -> None:
    with pytest.raises(InputError) as caught:
        torch_converter.to_onnx(torch_definition.build(tiny).to(dtype), tiny)
    assert caught.value.message == f"The torch model is {dtype}."
    assert caught.value.hint == "Pass model.float(); its weights widen exactly."
    assert caught.value.exit_code == 3


def test_keras_layers_that_are_not_trained_change_nothing(
    small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    """Freezing moves variables from one list of Keras's to the other."""
    model = keras_definition.build(small)
    for layer in model.layers[: len(model.layers) // 2]:
        layer.trainable = False
    frozen = canonicalise(keras_converter.to_onnx(model, small), small)
    assert nodes(frozen) == nodes(canonicalise(raw_topology("keras", small), small))


def test_keras_on_another_backend(tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UnavailableError) as caught:
        keras_converter.to_onnx(None, tiny)
    assert caught.value.message == (
        "Keras runs on its jax backend here, and tf2onnx converts TensorFlow's graphs only."
    )
    assert caught.value.hint == "Set KERAS_BACKEND=tensorflow in the environment."
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    ("framework", "package", "extra"),
    [
        ("torch", "torch", "torch"),
        ("torch", "onnxscript", "torch"),
        ("keras", "keras", "keras"),
        ("keras", "tensorflow", "keras"),
        ("keras", "tf2onnx", "keras"),
    ],
)
def test_missing_packages(
    framework: str, package: str, extra: str, tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = importlib.import_module(CONVERTERS[framework])
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError) as caught:
        converter.to_onnx(None, tiny)
    assert f"{package} is not installed" in caught.value.message
    assert caught.value.hint == f'Install it with: pip install "resnet-export[{extra}]"'
