"""Pass: a `Pad` with zeros merges into the convolution or max pool behind it; `auto_pad` is spelled out."""

import numpy as np
import onnx_ir as ir

from resnet_export.graph.rewriting import NodePass, attribute, constant, integers, producer

Pads = tuple[int, ...]
"""(top, left, bottom, right), as ONNX orders them."""


class MergePads(NodePass):
    """Leaves no pad but the `pads` of convolutions and max pools."""

    def rewrite(self, node: ir.Node) -> bool:
        """See `NodePass`."""
        return node.op_type in ("Conv", "MaxPool") and _spell_out(node) | _merge(node)


def _spell_out(node: ir.Node) -> bool:
    """`auto_pad` as explicit pads, where they do not depend on the size of the image: at stride 1."""
    mode = attribute(node, "auto_pad", "NOTSET")
    kernel: Pads = attribute(node, "kernel_shape", ())
    strides = attribute(node, "strides", (1,) * len(kernel))
    if mode in ("SAME_UPPER", "SAME_LOWER") and any(stride != 1 for stride in strides):
        return False  # asymmetric for some sizes of the image: left for the walk to refuse
    changed = node.attributes.pop("auto_pad", None) is not None
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        small, large = (tuple((size - 1 + extra) // 2 for size in kernel) for extra in (0, 1))
        pads = small + large if mode == "SAME_UPPER" else large + small
        node.attributes["pads"] = ir.AttrInt64s("pads", pads)
    return changed


def _merge(node: ir.Node) -> bool:
    pad = producer(node.inputs[0], "Pad")
    if pad is None or attribute(pad, "mode", "constant") != "constant" or "auto_pad" in node.attributes:
        return False
    amounts = integers(pad.inputs[1])
    if amounts is None or len(amounts) != 8 or amounts[0:2] != (0, 0) or amounts[4:6] != (0, 0) or min(amounts) < 0:
        return False
    if not _neutral(node, pad):
        return False
    own: Pads = attribute(node, "pads", (0, 0, 0, 0))
    merged = np.add(own, amounts[2:4] + amounts[6:8])
    node.attributes["pads"] = ir.AttrInt64s("pads", [int(item) for item in merged])
    node.replace_input_with(0, pad.inputs[0])
    return True


def _neutral(node: ir.Node, pad: ir.Node) -> bool:
    """Whether what `pad` adds is what `node` pads with itself: 0 before a convolution.

    A max pool pads with minus infinity; zeros are the same to it where its input is never negative.
    """
    value = constant(pad.inputs[2]) if len(pad.inputs) > 2 and pad.inputs[2] is not None else np.zeros(())
    if value is None or value.size != 1:
        return False
    if node.op_type == "Conv":
        return bool(value == 0)
    return bool(value == -np.inf) or (bool(value == 0) and producer(pad.inputs[0], "Relu") is not None)
