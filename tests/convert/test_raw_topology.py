"""The contract of every converter: structure without numbers, parameters as inputs."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from resnet_export.convert import keras as keras_converter
from resnet_export.convert import torch as torch_converter
from resnet_export.errors import InputError, MissingDependencyError, UnavailableError
from resnet_export.graph.reading import read
from resnet_export.models import FRAMEWORKS
from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.convert import Topology
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

every = [
    pytest.mark.parametrize("framework", FRAMEWORKS),
    pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"]),
]


@pytest.fixture
def topology(
    framework: str, network: str, request: pytest.FixtureRequest, raw_topology: Callable[[str, ResNetSpec], Topology]
) -> Topology:
    spec: ResNetSpec = request.getfixturevalue(network)
    return raw_topology(framework, spec)


@pytest.fixture
def raw(topology: Topology, network: str, request: pytest.FixtureRequest) -> tuple[ir.Model, ResNetSpec]:
    return topology.graph, request.getfixturevalue(network)


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

    def test_every_parameter_is_an_input_in_onnxs_layout(
        self, topology: Topology, network: str, request: pytest.FixtureRequest
    ) -> None:
        spec: ResNetSpec = request.getfixturevalue(network)
        parameters = topology.graph.graph.inputs[1:]
        shapes = {value.name: plain(value.shape) for value in parameters}
        assert shapes == {name: array.shape for name, array in topology.parameters.items()}
        assert sorted(shapes.values()) == sorted(spec.parameters.values())
        assert len(parameters) == len(spec.parameters)
        assert {value.dtype for value in parameters} == {ir.DataType.FLOAT}
        assert all(value.uses() for value in parameters), "each is used"

    def test_the_numbers_are_those_of_the_model(
        self,
        topology: Topology,
        framework: str,
        network: str,
        request: pytest.FixtureRequest,
        trained: Callable[..., Weights],
    ) -> None:
        """Under the names that the model itself gives them."""
        spec: ResNetSpec = request.getfixturevalue(network)
        names = {name: name for name in spec.parameters}
        if framework == "keras":
            variables = keras_definition.variables(keras_definition.build(spec))
            names = {variable.path: name for name, variable in variables.items()}
        assert set(topology.parameters) == set(names)
        for name, array in topology.parameters.items():
            assert array.tobytes() == trained(spec)[names[name]].tobytes(), name

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
    for name in FRAMEWORKS:
        assert callable(importlib.import_module(f"resnet_export.convert.{name}").trace), name


def operators(topology: Topology) -> list[str]:
    """Of the network that is read off it."""
    channels, *size = plain(topology.graph.graph.inputs[0].shape)[1:]
    return [step.op for step in read(topology.graph, (channels, *size), topology.parameters).network.steps]


def test_torch_leaves_every_module_in_its_mode(tiny: ResNetSpec) -> None:
    model = torch_definition.build(tiny).train()
    model.layer2.eval()
    modes = [module.training for module in model.modules()]
    topology = torch_converter.trace(model, tiny.network.image)
    assert [module.training for module in model.modules()] == modes
    assert Counter(operators(topology)) == Counter(step.op for step in tiny.network.steps), (
        "it was traced in evaluation mode nevertheless"
    )
    assert not model.bn1.num_batches_tracked


def test_torch_leaves_the_mode_when_the_trace_fails(tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the trace failed")

    monkeypatch.setattr(torch.onnx, "export", fail)
    model = torch_definition.build(tiny).train()
    with pytest.raises(InputError, match="the trace failed"):
        torch_converter.trace(model, tiny.network.image)
    assert all(module.training for module in model.modules())


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_torch_in_other_types_is_traced_in_float32(
    dtype: torch.dtype, tiny: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], Topology]
) -> None:
    """Its numbers are widened exactly, or stay float64."""
    model = torch_definition.build(tiny).to(dtype)
    topology = torch_converter.trace(model, tiny.network.image)
    assert model.conv1.weight.dtype == dtype
    assert operators(topology) == operators(raw_topology("torch", tiny))
    assert {value.dtype for value in topology.graph.graph.inputs} == {ir.DataType.FLOAT}
    wide = np.float64 if dtype == torch.float64 else np.float32
    assert {array.dtype for array in topology.parameters.values()} == {np.dtype(wide)}
    expected = model.conv1.weight.detach().to(torch.float64).numpy()
    np.testing.assert_array_equal(topology.parameters["conv1.weight"], expected)


def test_keras_layers_that_are_not_trained_change_nothing(
    small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], Topology]
) -> None:
    """Freezing moves variables from one list of Keras's to the other."""
    model = keras_definition.build(small)
    for layer in model.layers[: len(model.layers) // 2]:
        layer.trainable = False
    frozen = keras_converter.trace(model, small.network.image)
    assert operators(frozen) == operators(raw_topology("keras", small))
    assert set(frozen.parameters) == set(raw_topology("keras", small).parameters)


def test_keras_on_another_backend(tiny: ResNetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UnavailableError) as caught:
        keras_converter.trace(None, tiny.network.image)
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
    converter = importlib.import_module(f"resnet_export.convert.{framework}")
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError) as caught:
        converter.trace(None, tiny.network.image)
    assert f"{package} is not installed" in caught.value.message
    assert caught.value.hint == f'Install it with: pip install "resnet-export[{extra}]"'
