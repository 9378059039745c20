"""The nodes of a file: what is written of a network's steps, and what stands around them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.errors import UsageError
from resnet_export.graph.interface import Interface
from resnet_export.graph.plan import Plan, plan_file
from resnet_export.images import Preprocessing
from resnet_export.network import IMAGE, Network, Step

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec

LOGITS = Interface()


def planned(network: Network, interface: Interface, outputs: tuple[str, ...] = ()) -> Plan:
    return plan_file(network, interface, outputs, Preprocessing.default(*network.image[:2]))


def network_of(*steps: Step, outputs: tuple[str, ...] = ()) -> Network:
    """Steps on an image of 4 x 6 x 6, then a classifier of three classes."""
    last = steps[-1].name
    head = (
        Step("pool", "GlobalAveragePool", (last,)),
        Step("flat", "Flatten", ("pool",), {"axis": 1}),
        Step("fc", "Gemm", ("flat",), {"transB": 1}, {"weight": (3, 4), "bias": (3,)}),
    )
    return Network((4, 6, 6), (*steps, *head), ("fc", *outputs))


def test_a_node_for_each_step(small: ResNetSpec) -> None:
    plan = planned(small.canonical, LOGITS)
    assert [(node.name, node.op) for node in plan.nodes] == [(step.name, step.op) for step in small.canonical.steps]
    for node, step in zip(plan.nodes, small.canonical.steps, strict=True):
        assert node.inputs == (*("input" if name == IMAGE else name for name in step.inputs), *step.names)
        assert node.output == ("logits" if step.name == "fc" else step.name)
        assert node.step == step
    assert (plan.constants, plan.outputs) == ({}, ("logits",))


def test_resnet18_has_49_nodes(small: ResNetSpec) -> None:
    plan = planned(small.canonical, LOGITS)
    assert Counter(node.op for node in plan.nodes) == {
        "Conv": 20,
        "Relu": 17,
        "Add": 8,
        "MaxPool": 1,
        "GlobalAveragePool": 1,
        "Flatten": 1,
        "Gemm": 1,
    }
    assert len(plan.nodes) == 49


def test_attributes_are_written_in_one_order_and_without_what_is_usual(small: ResNetSpec) -> None:
    nodes = {node.name: node for node in planned(small.canonical, LOGITS).nodes}
    assert list(nodes["conv1"].attributes.items()) == [
        ("dilations", (1, 1)),
        ("group", 1),
        ("kernel_shape", (7, 7)),
        ("pads", (3, 3, 3, 3)),
        ("strides", (2, 2)),
    ]
    assert list(nodes["maxpool"].attributes.items()) == [
        ("kernel_shape", (3, 3)),
        ("pads", (1, 1, 1, 1)),
        ("strides", (2, 2)),
    ]


WINDOW = {"kernel_shape": (2, 2), "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}


@pytest.mark.parametrize(
    ("op", "attributes", "more"),
    [
        ("MaxPool", {"ceil_mode": 1}, {"ceil_mode": 1}),
        ("MaxPool", {"ceil_mode": 0, "dilations": (2, 2)}, {"dilations": (2, 2)}),
        ("AveragePool", {"ceil_mode": 0, "count_include_pad": 1}, {"count_include_pad": 1}),
        ("AveragePool", {"ceil_mode": 0, "count_include_pad": 0}, {}),
    ],
)
def test_what_is_not_usual_is_written(op: str, attributes: dict[str, Any], more: dict[str, Any]) -> None:
    plan = planned(network_of(Step("pool1", op, (IMAGE,), {**WINDOW, **attributes})), LOGITS)
    usual = {name: value for name, value in WINDOW.items() if name != "dilations"}
    assert plan.nodes[0].attributes == {**usual, **more}


@pytest.mark.parametrize(
    ("step", "inputs", "constants"),
    [
        (Step("clip", "Clip", (IMAGE,), {"min": 0.0, "max": 6.0}), ("input", "clip.min", "clip.max"),
         {"clip.min": 0.0, "clip.max": 6.0}),
        (Step("clip", "Clip", (IMAGE,), {"min": None, "max": 6.0}), ("input", "", "clip.max"), {"clip.max": 6.0}),
        (Step("clip", "Clip", (IMAGE,), {"min": 1.0, "max": None}), ("input", "clip.min"), {"clip.min": 1.0}),
        (Step("cut", "Slice", (IMAGE,), {"starts": (5,), "ends": (-1,), "axes": (2,), "steps": (-2,)}),
         ("input", "cut.starts", "cut.ends", "cut.axes", "cut.steps"),
         {"cut.starts": [5], "cut.ends": [-(2**31)], "cut.axes": [2], "cut.steps": [-2]}),
        (Step("pad", "Pad", (IMAGE,), {"mode": "constant", "pads": (0,) * 7 + (1,), "value": 0.0}),
         ("input", "pad.pads", "pad.value"), {"pad.pads": [0, 0, 0, 0, 0, 0, 0, 1], "pad.value": 0.0}),
        (Step("mul", "Mul", (IMAGE,), {}, {"right": (4, 1, 1)}), ("input", "mul.right"), {}),
        (Step("sub", "Sub", (IMAGE,), {}, {"left": ()}), ("sub.left", "input"), {}),
        (Step("take", "Gather", (IMAGE,), {"axis": 1, "indices": (3, 2, 1, 0)}), ("input", "take.indices"),
         {"take.indices": [3, 2, 1, 0]}),
    ],
    ids=["clip", "no least", "no most", "slice", "pad", "right", "left", "gather"],
)  # fmt: skip
def test_inputs_beside_the_value(step: Step, inputs: tuple[str, ...], constants: dict[str, Any]) -> None:
    plan = planned(network_of(step), LOGITS)
    assert plan.nodes[0].inputs == inputs
    assert {name: array.tolist() for name, array in plan.constants.items()} == constants
    assert not plan.nodes[0].attributes.keys() & {"min", "max", "starts", "pads", "value", "indices"}


def test_a_pad_of_zeros_is_written_with_a_negative_zero() -> None:
    step = Step("pad", "Pad", (IMAGE,), {"mode": "constant", "pads": (0,) * 7 + (1,), "value": 0.0})
    assert np.signbit(planned(network_of(step), LOGITS).constants["pad.value"])


@pytest.mark.parametrize(("opset", "as_input"), [(13, False), (17, False), (18, True)])
def test_the_axes_of_a_mean_became_an_input(opset: int, as_input: bool) -> None:
    plan = planned(network_of(Step("mean", "ReduceMean", (IMAGE,), {"axes": (3,)})), Interface(opset=opset))
    assert ("mean.axes" in plan.nodes[0].inputs) is as_input is ("mean.axes" in plan.constants)
    assert ("axes" in plan.nodes[0].attributes) is not as_input
    assert plan.nodes[0].attributes["keepdims"] == 1


def test_an_operator_that_the_opset_does_not_have() -> None:
    step = Step("norm", "LayerNormalization", (IMAGE,), {"axis": 3, "epsilon": 1e-5}, {"weight": (6,)})
    with pytest.raises(UsageError) as caught:
        planned(network_of(step), Interface(opset=16))
    assert caught.value.message == "norm is LayerNormalization, which opset 16 does not have."
    assert caught.value.hint == "Give --opset 17."
    assert planned(network_of(step), LOGITS).nodes


@pytest.mark.parametrize(
    ("head", "last", "output"),
    [
        ("logits", ["fc"], "logits"),
        ("probabilities", ["fc", "softmax"], "probabilities"),
        ("sigmoid", ["fc", "sigmoid.neg", "sigmoid.exp", "sigmoid.add", "sigmoid"], "probabilities"),
        ("embedding", ["flat"], "embedding"),
    ],
)
def test_heads(head: Any, last: list[str], output: str) -> None:
    plan = planned(network_of(Step("relu", "Relu", (IMAGE,))), Interface(head=head))
    assert [node.name for node in plan.nodes][-len(last) :] == last
    assert plan.nodes[-1].output == output
    assert plan.outputs == (output,)
    assert len({node.output for node in plan.nodes}) == len(plan.nodes)


def test_an_embedding_needs_a_classifier() -> None:
    network = Network((4, 6, 6), (Step("relu", "Relu", (IMAGE,)),), ("relu",))
    with pytest.raises(UsageError, match="no classifier that could be left out: it ends with Relu") as caught:
        planned(network, Interface(head="embedding"))
    assert caught.value.hint == "Leave --head embedding out."


@pytest.mark.parametrize("head", ["logits", "probabilities", "embedding"])
def test_further_outputs_have_the_names_that_they_are_given(head: Any) -> None:
    plan = planned(network_of(Step("relu", "Relu", (IMAGE,)), outputs=("relu",)), Interface(head=head), ("features",))
    assert plan.outputs[1:] == ("features",)
    nodes = {node.name: node for node in plan.nodes}
    assert nodes["relu"].output == "features"
    assert nodes["pool"].inputs == ("features",)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_what_stands_before_the_network_is_its_image(layout: Any) -> None:
    plan = planned(network_of(Step("relu", "Relu", (IMAGE,))), Interface(layout, preprocess="uint8"))
    before = ["preprocess.cast", *(["preprocess.transpose"] * (layout == "nhwc")), "preprocess.scale",
              "preprocess.shift"]  # fmt: skip
    assert [node.name for node in plan.nodes][: len(before)] == before
    assert plan.nodes[0].inputs[0] == "input"
    assert plan.nodes[len(before)].inputs == ("preprocess.shift",)
