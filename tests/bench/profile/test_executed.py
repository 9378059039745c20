"""Names of nodes as ONNX Runtime gives them, back to the layers of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper

from resnet_export.bench.profile.executed import Executed, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def graph(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, None)
    return helper.make_graph(list(nodes), "net", [image], [])


def node(op: str, inputs: str, output: str, name: str | None = None) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], name=output if name is None else name)


def layers(file: onnx.GraphProto, *executed: Executed) -> list[tuple[str, tuple[str, ...]]]:
    return [(found.layer, found.layers) for found in place(file, executed)]


BLOCK = (
    node("Conv", "image w", "conv1"),
    node("Relu", "conv1", "relu1"),
    node("Conv", "relu1 w", "conv2"),
    node("Add", "conv2 image2", "add"),
    node("Relu", "add", "relu2"),
    node("Conv", "relu2 w", "conv3"),
    node("Relu", "conv3", "relu3"),
)


def test_blocked_layout() -> None:
    """A convolution takes the name of the value that it gave, and with a sum that of the convolution alone."""
    found = layers(
        graph(*BLOCK),
        Executed("ReorderInput", "ReorderInput", ("reorder_token_1",)),
        Executed("relu1_nchwc", "Conv", ("reorder_token_3",)),
        Executed("conv2_nchwc", "Conv", ("reorder_token_5",)),
        Executed("relu3_nchwc", "Conv", ("reorder_token_7",)),
        Executed("ReorderOutput_token_12", "ReorderOutput", ("relu3",)),
    )
    assert found == [
        ("ReorderInput", ()),
        ("conv1", ("conv1", "relu1")),
        ("conv2", ("conv2", "add", "relu2")),
        ("conv3", ("conv3", "relu3")),
        ("ReorderOutput_token_12", ()),
    ]


def test_fused_under_their_own_names() -> None:
    found = layers(
        graph(*BLOCK),
        Executed("conv1", "FusedConv", ("relu1",)),
        Executed("conv2", "Conv", ("conv2",)),
        Executed("add", "Add", ("add",)),
        Executed("relu2", "Relu", ("relu2",)),
        Executed("conv3", "FusedConv", ("relu3",)),
    )
    assert [name for name, _ in found] == ["conv1", "conv2", "add", "relu2", "conv3"]
    assert [own for _, own in found] == [("conv1", "relu1"), ("conv2",), ("add",), ("relu2",), ("conv3", "relu3")]


def test_without_names_the_values_tell() -> None:
    file = graph(*(helper.make_node(one.op_type, one.input, one.output) for one in BLOCK))
    found = layers(file, Executed("", "FusedConv", ("relu1",)), Executed("", "Conv", ("conv2",)))
    assert found[0] == ("conv1", ("conv1", "relu1"))
    assert layers(file, Executed("", "Conv"))[0] == ("Conv", ()), "neither a name nor a value"


def test_names_that_are_not_the_only_ones_tell_nothing() -> None:
    file = graph(node("Conv", "image w", "a", "conv"), node("Conv", "a w", "b", "conv"))
    found = layers(file, Executed("conv", "Conv", ("a",)), Executed("conv", "Conv", ("b",)))
    assert found == [("conv", ("conv",)), ("conv", ("conv",))]
    assert layers(file, Executed("conv", "Conv")) == [("conv", ())]


def test_quantised() -> None:
    """What converts between types is no layer; what stands for a layer has its name with a number behind it."""
    file = graph(
        node("QuantizeLinear", "image s z", "image_q"),
        node("DequantizeLinear", "image_q s z", "image_d"),
        node("DequantizeLinear", "w s z", "w_d"),
        node("Conv", "image_d w_d", "conv1"),
        node("Relu", "conv1", "relu1"),
        node("QuantizeLinear", "relu1 s z", "relu1_q"),
        node("DequantizeLinear", "relu1_q s z", "relu1_d"),
        node("Flatten", "relu1_d", "flatten"),
    )
    found = layers(
        file,
        Executed("image_q", "QuantizeLinear", ("image_q",)),
        Executed("Transpose", "Transpose", ("Transpose_out0",)),
        Executed("conv1_token_1", "QLinearConv", ("conv1",)),
        Executed("Transpose_token_9", "Transpose", ("relu1_q",)),
        Executed("flatten", "Flatten", ("flatten",)),
    )
    assert found == [
        ("image_q", ("image_q", "image_d")),
        ("Transpose", ()),
        ("conv1", ("conv1", "relu1")),
        ("Transpose_token_9", ()),
        ("flatten", ("flatten",)),
    ]


@pytest.mark.parametrize("name", ["bn_bn_nchwc", "bn_mul_nchwc_token_3"])
def test_a_batch_norm_that_became_a_convolution(name: str) -> None:
    file = graph(node("Conv", "image w", "conv"), node("BatchNormalization", "conv a b c d", "bn", "norm"))
    found = layers(file, Executed("conv_nchwc", "Conv"), Executed(name, "Conv"))
    assert found == [("conv", ("conv",)), ("norm", ("norm",))]


def test_a_product_with_its_bias() -> None:
    file = graph(node("MatMul", "image w", "product"), node("Add", "product b", "logits"))
    assert layers(file, Executed("product/MatMulAddFusion", "Gemm", ("logits",))) == [
        ("product", ("product", "logits"))
    ]


def test_what_a_provider_compiled_is_itself() -> None:
    found = layers(graph(*BLOCK), Executed("TensorrtExecutionProvider_TRTKernel_graph_net_1_0", "TRTKernel", ("out",)))
    assert found == [("TensorrtExecutionProvider_TRTKernel_graph_net_1_0", ())]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2)])
def test_every_layer_has_one_place(order: Sequence[int]) -> None:
    executed = [Executed(f"{name}_nchwc", "Conv") for name in ("relu1", "conv2", "relu3")]
    found = [name for _, own in layers(graph(*BLOCK), *(executed[at] for at in order)) for name in own]
    assert sorted(found) == sorted(one.name for one in BLOCK)
