"""A plan and its numbers become a graph."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from resnet_export.errors import UsageError
from resnet_export.graph.interface import Interface, normalising_constants
from resnet_export.graph.plan import Plan, plan_file
from resnet_export.graph.resizing import CROP
from resnet_export.images import MODES, Preprocessing
from resnet_export.network import IMAGE, Network, Size
from resnet_export.network.sizes import Batch

AXES = ("height", "width")


def build_graph(
    network: Network,
    interface: Interface,
    preprocessing: Preprocessing,
    *,
    name: str,
    outputs: tuple[str, ...] = (),
) -> ir.Model:
    """The graph of a file; its weights are initializers without numbers, see `graph.file.bind`.

    Raises:
        UsageError: the head, the opset or the preprocessing does not fit the network.
    """
    if interface.takes_pictures:
        _refuse_no_pictures(network, preprocessing)
    plan = plan_file(network, interface, outputs, preprocessing)
    values = {IMAGE: _image(network, interface)}
    constants = normalising_constants(interface, preprocessing) | plan.constants
    initializers: dict[str, ir.Value] = {}
    nodes = []
    for node in plan.nodes:
        for taken in node.inputs:
            if taken and taken not in values:
                tensor = ir.Tensor(constants[taken], name=taken) if taken in constants else None
                values[taken] = initializers[taken] = ir.Value(name=taken, const_value=tensor)
        made = ir.node(node.op, [values.get(taken) for taken in node.inputs], dict(node.attributes), name=node.name)
        made.outputs[0].name = node.output
        values[node.output] = made.outputs[0]
        nodes.append(made)
    if interface.takes_pictures:  # which no shape inference finds out
        channels, *size = network.image
        values[CROP].shape = ir.Shape([_batch(interface), channels, *size])
        values[CROP].type = ir.TensorType(ir.DataType.UINT8)
    given = [_output(values[value], shape, interface) for value, shape in _outputs(plan, network)]
    graph = ir.Graph(
        [values[IMAGE]], given, nodes=nodes, initializers=tuple(initializers.values()),
        opset_imports={"": interface.opset}, name=name,
    )  # fmt: skip
    # The lowest that allows the opset: the most runtimes read it.
    version = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", interface.opset)])
    return ir.Model(graph, ir_version=version)


def _refuse_no_pictures(network: Network, preprocessing: Preprocessing) -> None:
    channels, *size = network.image
    if channels not in MODES or size != [preprocessing.crop] * 2:
        raise UsageError(
            f"The network takes {channels} x {size[0]} x {size[1]}, and pictures have {', '.join(map(str, MODES))} "
            f"channels and are cropped to {preprocessing.crop} x {preprocessing.crop}.",
            hint="Leave --preprocess image out.",
        )


def _image(network: Network, interface: Interface) -> ir.Value:
    channels, *size = network.image
    sides: list[int | str] = list(AXES) if interface.dynamic_size or interface.takes_pictures else list(size)
    axes = [channels, *sides] if interface.layout == "nchw" else [*sides, channels]
    return ir.Value(
        name=IMAGE,
        type=ir.TensorType(ir.DataType.UINT8 if interface.takes_pixels else ir.DataType.FLOAT),
        shape=ir.Shape([_batch(interface), *axes]),
    )


def _outputs(plan: Plan, network: Network) -> list[tuple[str, tuple[Size, ...]]]:
    """(name, shape) of each output; an activation leaves the shape as it is."""
    steps = {node.output: node.step.name for node in plan.nodes if node.step is not None}
    return [(name, network.shapes[steps.get(name, network.output)]) for name in plan.outputs]


def _output(value: ir.Value, shape: tuple[Size, ...], interface: Interface) -> ir.Value:
    value.type = ir.TensorType(ir.DataType.FLOAT)
    first, *others = shape
    assert isinstance(first, Batch), "the batch is axis 0 of a classifier's output"
    value.shape = ir.Shape([_batch(interface), *(size for size in others if isinstance(size, int))])
    return value


def _batch(interface: Interface) -> int | str:
    return "batch" if interface.batch is None else interface.batch
