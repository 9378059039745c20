from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import pytest

from resnet_export.errors import StructureError
from resnet_export.graph.check import check_canonical
from resnet_export.graph.interface import EMBEDDED, HEADS, LAYOUTS, Interface
from resnet_export.images import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.spec import ResNetSpec

    from .conftest import Maker

VARIANTS = [
    {"layout": layout, "batch": batch, "dynamic_size": dynamic, "head": head, "preprocess": preprocess}
    for layout, batch, dynamic, head, preprocess in itertools.product(
        LAYOUTS, (None, 3), (False, True), HEADS, EMBEDDED
    )
    if preprocess != "image" or (layout == "nhwc" and not dynamic)
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(map(str, variant.values())))
def test_every_variant_is_accepted_and_no_other_passes_for_it(
    variant: dict[str, Any], make: Maker, tiny: ResNetSpec
) -> None:
    interface, preprocessing = Interface(**variant, opset=18), Preprocessing.default(3, tiny.image_size)
    model, _ = make.model(tiny, interface)
    check_canonical(model, tiny.canonical, interface, preprocessing)
    for other in (one for one in VARIANTS if sum(one[name] != variant[name] for name in variant) == 1):
        if all(other[name] == variant[name] for name in ("batch", "dynamic_size")):
            with pytest.raises(StructureError):
                check_canonical(model, tiny.canonical, Interface(**other, opset=18), preprocessing)


def rename(model: ir.Model) -> None:
    node(model, "layer2.0.conv1").name = "renamed"


def edit_attribute(model: ir.Model) -> None:
    node(model, "layer2.0.conv1").attributes["strides"] = ir.AttrInt64s("strides", [1, 1])


def add_attribute(model: ir.Model) -> None:
    node(model, "layer2.0.relu1").attributes["alpha"] = ir.AttrFloat32("alpha", 0.5)


def exchange_operator(model: ir.Model) -> None:
    node(model, "layer2.0.relu1").op_type = "Sigmoid"


def reroute(model: ir.Model) -> None:
    node(model, "layer2.0.downsample.0").replace_input_with(0, node(model, "layer1.0.relu2").outputs[0])


def exchange_weight(model: ir.Model) -> None:
    node(model, "layer2.0.conv2").replace_input_with(1, node(model, "layer2.1.conv1").inputs[1])


def append(model: ir.Model) -> None:
    model.graph.append(ir.node("Identity", node(model, "fc").outputs))


def cut_off(model: ir.Model) -> None:
    model.graph.outputs.clear()
    model.graph.remove(node(model, "fc"))


def node(model: ir.Model, name: str) -> ir.Node:
    return next(node for node in model.graph if node.name == name)


@pytest.mark.parametrize(
    ("edit", "layer"),
    [
        (rename, "layer2.0.conv1"),
        (edit_attribute, "layer2.0.conv1"),
        (add_attribute, "layer2.0.relu1"),
        (exchange_operator, "layer2.0.relu1"),
        (reroute, "layer2.0.downsample.0"),
        (exchange_weight, "layer2.0.conv2"),
        (append, "fc"),
        (cut_off, "fc"),
    ],
)
def test_an_edited_graph_is_refused_at_the_edited_node(
    edit: Callable[[ir.Model], None], layer: str, make: Maker, tiny: ResNetSpec
) -> None:
    model, _ = make.model(tiny)
    edit(model)
    with pytest.raises(StructureError) as caught:
        check_canonical(model, tiny.canonical, Interface(), Preprocessing.default(3, 32))
    assert caught.value.layer == layer


def test_another_opset_is_refused(make: Maker, tiny: ResNetSpec) -> None:
    model, _ = make.model(tiny)
    model.opset_imports[""] = 18
    with pytest.raises(StructureError, match="the file has opset 18, its metadata says 17"):
        check_canonical(model, tiny.canonical, Interface(), Preprocessing.default(3, 32))


def test_another_specification_is_refused(make: Maker, tiny: ResNetSpec, small: ResNetSpec) -> None:
    model, _ = make.model(tiny)
    with pytest.raises(StructureError) as caught:
        check_canonical(model, small.canonical, Interface(), Preprocessing.default(3, 32))
    assert caught.value.layer == "conv1"
