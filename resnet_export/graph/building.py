"""A plan and its numbers become a graph."""

import onnx
import onnx_ir as ir

from resnet_export.errors import UsageError
from resnet_export.graph.interface import Interface, normalising_constants
from resnet_export.graph.plan import plan_file
from resnet_export.graph.resizing import CROP
from resnet_export.images import MODES, Preprocessing
from resnet_export.network import IMAGE, Network

OPEN = ("height", "width")
"""What the sides of pictures of any size are called."""


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
    channels, *size = network.image
    if interface.takes_pictures and (channels not in MODES or size != [preprocessing.crop] * 2):
        raise UsageError(
            f"The network takes {channels} x {size[0]} x {size[1]}, and pictures have {', '.join(map(str, MODES))} "
            f"channels and are cropped to {preprocessing.crop} x {preprocessing.crop}.",
            hint="Leave --preprocess image out.",
        )
    plan = plan_file(network, interface, outputs, preprocessing)
    values = {IMAGE: ir.Value(name=IMAGE)}
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

    def typed(name: str, dtype: ir.DataType, *sizes: int | str) -> ir.Value:
        """A value with its type, and its shape behind the batch."""
        batch = "batch" if interface.batch is None else interface.batch
        values[name].type, values[name].shape = ir.TensorType(dtype), ir.Shape([batch, *sizes])
        return values[name]

    sides = OPEN if interface.dynamic_size or interface.takes_pictures else size
    axes = (channels, *sides) if interface.layout == "nchw" else (*sides, channels)
    image = typed(IMAGE, ir.DataType.UINT8 if interface.takes_pixels else ir.DataType.FLOAT, *axes)
    if interface.takes_pictures:  # which no shape inference finds out
        typed(CROP, ir.DataType.UINT8, channels, *size)
    steps = {node.output: node.step.name for node in plan.nodes if node.step is not None}
    # An activation leaves the shape as it is. The batch is axis 0 of a classifier's output, and of no other axis.
    shapes = {output: network.shapes[steps.get(output, network.output)] for output in plan.outputs}
    given = [
        typed(output, ir.DataType.FLOAT, *(size for size in shape[1:] if isinstance(size, int)))
        for output, shape in shapes.items()
    ]
    graph = ir.Graph(
        [image], given, nodes=nodes, initializers=tuple(initializers.values()),
        opset_imports={"": interface.opset}, name=name,
    )  # fmt: skip
    # The lowest that allows the opset: the most runtimes read it.
    version = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", interface.opset)])
    return ir.Model(graph, ir_version=version)
