"""Raw topologies of both frameworks become one graph, or are refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import onnx_ir as ir
import pytest

from resnet_export.convert import CONVERTERS
from resnet_export.errors import StructureError
from resnet_export.graph.canonical import REWRITES, canonicalise
from resnet_export.graph.access import attribute
from resnet_export.graph.walk import canonical_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.spec import ResNetSpec

frameworks = pytest.mark.parametrize("framework", CONVERTERS)
networks = pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"])


@frameworks
@networks
def test_the_graph_is_the_specifications_step_by_step(
    framework: str, network: str, request: pytest.FixtureRequest, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    spec: ResNetSpec = request.getfixturevalue(network)
    model = canonicalise(raw_topology(framework, spec), spec)
    assert len(model.graph) == len(spec.steps)
    for node, step in zip(model.graph, spec.steps, strict=True):
        assert (node.name, node.op_type, node.domain) == (step.name, step.op, "")
        inputs = [value.name for value in node.inputs if value]
        parameters = [f"{step.name}.{part}" for part in ("weight", "bias")] if step.op in ("Conv", "Gemm") else []
        assert inputs == [*step.inputs, *parameters]
        assert [value.name for value in node.outputs] == [step.name]
        assert {name: attribute(node, name) for name in node.attributes} == canonical_attributes(step)
    assert [value.name for value in model.graph.inputs] == ["input"]
    assert [value.name for value in model.graph.outputs] == ["fc"]


@frameworks
def test_resnet18_has_49_nodes(
    framework: str, small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    model = canonicalise(raw_topology(framework, small), small)
    assert Counter(node.op_type for node in model.graph) == {
        "Conv": 20,
        "Relu": 17,
        "Add": 8,
        "MaxPool": 1,
        "GlobalAveragePool": 1,
        "Flatten": 1,
        "Gemm": 1,
    }
    assert len(model.graph) == 49
    assert len(model.graph.initializers) == 42


@frameworks
def test_nothing_of_the_framework_is_left(
    framework: str, small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    model = canonicalise(raw_topology(framework, small), small)
    assert not model.graph.doc_string
    assert not model.metadata_props
    for node in model.graph:
        assert not node.metadata_props
        assert not node.doc_string
        for value in (*node.inputs, *node.outputs):
            assert value is not None
            assert value.shape is value.type is None
            assert not value.metadata_props


@frameworks
def test_every_pass_is_at_rest_after_one_run(
    framework: str, small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    model = canonicalise(raw_topology(framework, small), small)
    assert [rewrite.__name__ for rewrite in REWRITES if rewrite()(model).modified] == []


# Mistakes in a raw topology of PyTorch, each with what the error must name.


def node_of(model: ir.Model, op: str, parameter: str) -> ir.Node:
    return next(node for node in model.graph if node.op_type == op and parameter in [v.name for v in node.inputs if v])


def swap_biases(model: ir.Model) -> None:
    first, second = (node_of(model, "BatchNormalization", f"layer2.0.bn{index}.bias") for index in (1, 2))
    one, other = first.inputs[2], second.inputs[2]
    first.replace_input_with(2, other)
    second.replace_input_with(2, one)


def another_eps(model: ir.Model) -> None:
    node_of(model, "BatchNormalization", "layer1.1.bn2.bias").attributes["epsilon"] = ir.AttrFloat32("epsilon", 1e-3)


def another_stride(model: ir.Model) -> None:
    conv = node_of(model, "Conv", "layer3.0.conv1.weight")
    conv.attributes["strides"] = ir.AttrInt64s("strides", [1, 1])


def same_padding(model: ir.Model) -> None:
    conv = node_of(model, "Conv", "layer3.0.conv1.weight")
    conv.attributes["pads"] = ir.AttrInt64s("pads", [0, 0, 1, 1])


def same_padding_of_the_pool(model: ir.Model) -> None:
    pool = next(node for node in model.graph if node.op_type == "MaxPool")
    pool.attributes["pads"] = ir.AttrInt64s("pads", [0, 0, 1, 1])


def missing_relu(model: ir.Model) -> None:
    norm = node_of(model, "BatchNormalization", "layer1.0.bn1.bias")
    relu = norm.outputs[0].uses()[0].node
    ir.convenience.replace_all_uses_with(relu.outputs[0], norm.outputs[0])


def missing_batch_norm(model: ir.Model) -> None:
    norm = node_of(model, "BatchNormalization", "bn1.bias")
    assert norm.inputs[0] is not None
    ir.convenience.replace_all_uses_with(norm.outputs[0], norm.inputs[0])


def another_output(model: ir.Model) -> None:
    gemm = node_of(model, "Gemm", "fc.weight")
    softmax = ir.node("Softmax", gemm.outputs)
    model.graph.append(softmax)
    model.graph.outputs[:] = softmax.outputs


def swapped_convolutions(model: ir.Model) -> None:
    first, second = (node_of(model, "Conv", f"layer1.{index}.conv1.weight") for index in (0, 1))
    one, other = first.inputs[1], second.inputs[1]
    first.replace_input_with(1, other)
    second.replace_input_with(1, one)


@pytest.mark.parametrize(
    ("mistake", "layer", "says", "cause"),
    [
        (swap_biases, "layer2.0.conv1", "takes layer2.0.bn2.bias where", "a pair of biases has changed places"),
        (another_eps, "layer1.1.conv2", "the eps of layer1.1.bn2 is 0.001", "batch norm with eps 0.001"),
        (another_stride, "layer3.0.conv1", "strides is (1, 1)", "the stride stands on another convolution"),
        (same_padding, "layer3.0.conv1", "pads is (0, 0, 1, 1)", "SAME padding of the convolution"),
        (same_padding_of_the_pool, "maxpool", "pads is (0, 0, 1, 1)", "SAME padding of the max pool"),
        (missing_relu, "layer1.0.relu1", "the graph has Conv", "a ReLU is missing"),
        (missing_batch_norm, "conv1", "no batch norm bn1", "the batch norm was left out"),
        (another_output, "fc", "the graph has more than the specification: Softmax", None),
        (
            swapped_convolutions,
            "layer1.0.conv1",
            "its weight is layer1.1.conv1.weight",
            "parameters have changed places",
        ),
    ],
)
def test_the_first_wrong_node_is_named(
    mistake: Callable[[ir.Model], None],
    layer: str,
    says: str,
    cause: str | None,
    small: ResNetSpec,
    raw_topology: Callable[[str, ResNetSpec], ir.Model],
) -> None:
    raw = raw_topology("torch", small)
    mistake(raw)
    with pytest.raises(StructureError) as caught:
        canonicalise(raw, small)
    assert caught.value.layer == layer
    assert caught.value.message.startswith(f"{layer}: ")
    assert says in caught.value.message
    assert (caught.value.cause is None) if cause is None else cause in (caught.value.cause or "")
    assert caught.value.exit_code == 1


def test_the_topology_of_another_network(
    tiny: ResNetSpec, small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    with pytest.raises(StructureError) as caught:
        canonicalise(raw_topology("torch", tiny), small)
    assert caught.value.layer == "conv1"


def test_no_two_users_of_a_value_are_confused(
    bottlenecks: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], ir.Model]
) -> None:
    """A block's input feeds its first convolution and its projection, both 1x1 at stride 1 in the first stage."""
    model = canonicalise(raw_topology("keras", bottlenecks), bottlenecks)
    found = {node.name: [value.name for value in node.inputs if value] for node in model.graph}
    assert found["layer1.0.conv1"] == ["maxpool", "layer1.0.conv1.weight", "layer1.0.conv1.bias"]
    assert found["layer1.0.downsample.0"] == ["maxpool", "layer1.0.downsample.0.weight", "layer1.0.downsample.0.bias"]
    assert found["layer1.0.add"] == ["layer1.0.conv3", "layer1.0.downsample.0"]
