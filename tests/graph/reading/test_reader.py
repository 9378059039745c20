"""Networks of both frameworks are read off their raw topologies, and what can't be read is refused by its node."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from resnet_export.graph.interface import Interface
from resnet_export.graph.reading import read
from resnet_export.graph.reading.reader import HINT
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.models import FRAMEWORKS
from resnet_export.network import BATCH
from resnet_export.network.evaluation import outputs_of
from resnet_export.network.match import match

from .graphs import model_of, network_of, operators, reading_of, structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_export.convert import Topology
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights
    from tests.graph.conftest import Maker

frameworks = pytest.mark.parametrize("framework", FRAMEWORKS)
networks = pytest.mark.parametrize("network", ["tiny", "small", "bottlenecks"])


@frameworks
@networks
def test_the_network_is_the_specifications_step_by_step(
    framework: str,
    network: str,
    request: pytest.FixtureRequest,
    raw_topology: Callable[[str, ResNetSpec], Topology],
    trained: Callable[..., Weights],
) -> None:
    spec: ResNetSpec = request.getfixturevalue(network)
    topology = raw_topology(framework, spec)
    reading = read(topology.graph, spec.network.image, topology.parameters)
    names = match(reading.network, spec.network)
    assert Counter(operators(reading.network)) == Counter(operators(spec.network))
    for step in spec.network.steps:
        for role in step.parameters:
            found = reading.numbers[f"{names[step.name]}.{role}"]
            assert found.tobytes() == trained(spec)[step.parameter(role)].tobytes(), step.name
    assert reading.outputs == (topology.graph.graph.outputs[0].name,)


@networks
def test_both_frameworks_give_one_network(
    network: str, request: pytest.FixtureRequest, raw_topology: Callable[[str, ResNetSpec], Topology]
) -> None:
    """In one order, and with one order of the operands of every sum; their names are those of the layers."""
    spec: ResNetSpec = request.getfixturevalue(network)
    found = []
    for framework in FRAMEWORKS:
        topology = raw_topology(framework, spec)
        found.append(read(topology.graph, spec.network.image, topology.parameters))
    assert structure(found[0].network) == structure(found[1].network)
    for one, other in zip(*(reading.numbers.values() for reading in found), strict=True):
        assert one.tobytes() == other.tobytes()


@frameworks
def test_what_was_read_is_a_copy_without_anything_of_the_framework(
    framework: str, small: ResNetSpec, raw_topology: Callable[[str, ResNetSpec], Topology]
) -> None:
    topology = raw_topology(framework, small)
    reading = read(topology.graph, small.network.image, topology.parameters)
    assert {array.dtype for array in reading.numbers.values()} == {np.dtype(np.float32)}
    text = repr(reading.network)
    for word in ("torch", "keras", "tensorflow", "p0", "val_"):
        assert word not in text


def test_a_file_of_ours_is_read_back(make: Maker, small: ResNetSpec, trained: Callable[..., Weights]) -> None:
    """Its initializers are its parameters, and steps have the names of the specification."""
    model, _ = make.model(small)
    reading = read(model, small.network.image)
    names = match(reading.network, small.canonical)
    assert all(name == found for name, found in names.items() if small.canonical.step[name].parameters)
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32))
    (found,) = outputs_of(reading.network, reading.numbers, images, reading.network.outputs)
    (wanted,) = outputs_of(small.network, trained(small), images, ["fc"])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("variant", ["nhwc", "uint8", "probabilities"])
def test_what_a_file_does_around_the_network_is_a_part_of_it(variant: str, make: Maker, small: ResNetSpec) -> None:
    options = {"nhwc": {"layout": "nhwc"}, "uint8": {"preprocess": "uint8"}, "probabilities": {"head": "probabilities"}}
    model, _ = make.model(small, Interface(**options[variant]))  # type: ignore[arg-type]
    reading = read(model, small.network.image, layout="nhwc" if variant == "nhwc" else "nchw")
    found, plain = operators(reading.network), operators(small.canonical)
    expected = {"nhwc": plain, "uint8": ["Mul", "Add", *plain], "probabilities": [*plain, "Softmax"]}
    assert Counter(found) == Counter(expected[variant])


def test_the_order_does_not_depend_on_that_of_the_nodes() -> None:
    signature = "(float[N,2,4,4] x, float[2,2,1,1] w) => (float[A,B,C,D] y)"
    one = network_of(signature, "a = Conv(x, w) b = Relu(x) c = Add(b, a) d = Sigmoid(c) e = Tanh(b) y = Mul(e, d)")
    other = network_of(signature, "b = Relu(x) e = Tanh(b) a = Conv(x, w) c = Add(a, b) d = Sigmoid(c) y = Mul(d, e)")
    assert one == other
    assert one.steps[-1].inputs[0] == one.steps[-2].name or one.step[one.steps[-1].inputs[0]].op == "Sigmoid"


def test_a_sum_of_equal_branches_is_ordered_by_their_numbers() -> None:
    signature = "(float[N,2,4,4] x, float[2,2,1,1] v, float[2,2,1,1] w) => (float[A,B,C,D] y)"
    numbers = {name: np.random.default_rng(seed).standard_normal((2, 2, 1, 1)) for name, seed in (("v", 0), ("w", 1))}
    readings = [
        read(model_of(signature, f"a = Conv(x, v) b = Conv(x, w) y = Add({operands})"), (2, 4, 4), numbers)
        for operands in ("a, b", "b, a")
    ]
    assert readings[0].network == readings[1].network
    for name, array in readings[0].numbers.items():
        assert array.tobytes() == readings[1].numbers[name].tobytes()


@pytest.mark.parametrize(
    ("parameter", "step"),
    [
        ("layer1.0.conv1.weight", "layer1.0.conv1"),
        ("model/stem/conv/kernel", "stem.conv"),
        ("functional_3/stem/conv/kernel", "stem.conv"),
        ("conv.parametrizations.weight.original1", "conv"),
        ("stem_weight", "stem"),
        ("sequential_1/conv2d_7/kernel", "conv2d_0"),
        ("block/conv2d_7/kernel", "conv2d_0"),
        ("w", "conv_0"),
    ],
)
def test_a_step_is_called_after_the_owner_of_its_parameters(parameter: str, step: str) -> None:
    """Names that Keras numbered as the layers were made are numbered anew."""
    model = model_of("(float[N,2,4,4] x, float[2,2,1,1] w) => (float[A,B,C,D] y)", "y = Conv(x, w)")
    model.graph.inputs[1].name = parameter
    (found,) = reading_of(model).network.steps
    assert found.name == step


def test_names_that_would_collide_are_numbered() -> None:
    model = model_of(
        "(float[N,2,4,4] x, float[2,2,1,1] v, float[2] b) => (float[A,B,C,D] y)",
        "c = Conv(x, v) r = Relu(c) s = Relu(r) u = Unsqueeze(b, a) z = Mul(s, u) d = Conv(z, v) y = Relu(d)"
        .replace("c = Conv", "a = Constant<value_ints=[1,2]>() c = Conv", 1),
    )  # fmt: skip
    model.graph.inputs[1].name, model.graph.inputs[2].name = "block.weight", "block.bias"
    names = [step.name for step in reading_of(model).network.steps]
    assert names == ["block", "relu_0", "relu_1", "block.1", "block.2", "relu_2"]


def test_parameters_that_are_shared_are_numbers_of_each_step() -> None:
    signature = "(float[N,2,4,4] x, float[2,2,1,1] w) => (float[A,B,C,D] y)"
    reading = reading_of(model_of(signature, "a = Conv(x, w) r = Relu(a) y = Conv(r, w)"))
    assert list(reading.network.parameters) == ["conv_0.weight", "conv_1.weight"]
    first, second = reading.numbers.values()
    assert first.tobytes() == second.tobytes()


def test_numbers_that_are_computed_are_computed_in_float64() -> None:
    """Such as those of a weight norm: w = g v / |v|."""
    signature = "(float[N,2,4,4] x, float[3,1,1,1] g, float[3,2,1,1] v) => (float[A,B,C,D] y)"
    body = "a = Constant<value_ints=[1,2,3]>() n = ReduceL2(v, a) q = Div(v, n) w = Mul(q, g) y = Conv(x, w)"
    reading = reading_of(model_of(signature, body))
    assert operators(reading.network) == ["Conv"]
    (found,) = reading.numbers.values()
    assert found.dtype == np.float64


def test_half_precision_is_widened_exactly() -> None:
    body = "y = Conv(x, w)"
    weight = np.random.default_rng(0).standard_normal((2, 2, 1, 1)).astype(np.float16)
    model = model_of("(float[N,2,4,4] x) => (float[A,B,C,D] y)", body, w=weight)
    (found,) = read(model, (2, 4, 4)).numbers.values()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, weight.astype(np.float32))


def test_several_outputs() -> None:
    body = "p = GlobalAveragePool(x) features = Flatten(p) y = Gemm<transB=1>(features, w)"
    signature = "(float[N,3,4,4] x, float[5,3] w) => (float[A,B] y, float[A,C] features)"
    reading = reading_of(model_of(signature, body))
    assert reading.outputs == ("y", "features")
    assert [reading.network.shapes[name] for name in reading.network.outputs] == [(BATCH, 5), (BATCH, 3)]


def test_outputs_that_do_not_depend_on_the_image_are_left_out() -> None:
    signature = "(float[N,3,4,4] x, float[5] w) => (float[A,B,C,D] y, float[E] z)"
    model = model_of(signature, "y = Relu(x) z = Neg(w)")
    reading = read(model, (3, 4, 4), {"w": np.ones(5, np.float32)})
    assert reading.outputs == ("y",)
    with pytest.raises(UnreadableError, match="No output depends on the image"):
        read(model_of("(float[N,3,4,4] x, float[5] w) => (float[E] z)", "z = Neg(w)"), (3, 4, 4), {"w": np.ones(5)})


def test_steps_that_nothing_takes_are_left_out() -> None:
    assert operators(network_of("(float[N,3,4,4] x) => (float[A,B,C,D] y)", "z = Exp(x) y = Relu(x)")) == ["Relu"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("i = Identity(x) y = Dropout(i)", []),
        ("o = Constant<value_float=1.0>() m = Mul(x, o) z = Constant<value_float=0.0>() y = Add(m, z)", []),
        ("o = Constant<value_float=2.0>() y = Mul(x, o)", ["Mul"]),
        ("c = Cast<to=10>(x) y = Cast<to=1>(c)", []),
        ("z = Constant<value_float=0.0>() y = Max(x, z)", ["Max"]),
        ("z = Constant<value_float=0.0>() y = Clip(x, z)", ["Relu"]),
        ("z = Constant<value_float=0.0>() s = Constant<value_float=6.0>() y = Clip(x, z, s)", ["Clip"]),
        ("y = Clip(x)", ["Clip"]),
        ("y = TopK(x)", None),
        ("y = Sum(x, x)", ["Add"]),
        ("y = Max(x)", []),
        ("r = Relu(x) s = Sigmoid(x) t = Tanh(x) y = Min(r, s, t)", ["Min", "Min", "Relu", "Sigmoid", "Tanh"]),
        ("s = Constant<value_floats=[0.1]>() y = PRelu(x, s)", ["Add", "Max", "Min", "Mul"]),
    ],
)
def test_what_computes_nothing_goes_and_what_has_parts_is_written_in_them(body: str, found: list[str] | None) -> None:
    signature = "(float[N,3,4,4] x) => (float[A,B,C,D] y)"
    if found is None:
        with pytest.raises(UnreadableError, match=r"Node TopK y: this operator is not read\."):
            read(model_of(signature, body), (3, 4, 4))
    elif found:
        assert sorted(operators(network_of(signature, body))) == found
    else:
        signature, body = signature.replace("y)", "out)"), f"{body} out = Relu(y)"
        assert operators(read(model_of(signature, body), (3, 4, 4)).network) == ["Relu"]


def test_functions_are_inlined() -> None:
    text = """<ir_version: 8, opset_import: ["" : 18, "mine" : 1]>
    agraph (float[N,3,4,4] x) => (float[A,B,C,D] y) { y = mine.twice(x) }
    <domain: "mine", opset_import: ["" : 18]> twice (v) => (w) { r = Relu(v) w = Neg(r) }"""
    assert operators(read(ir.from_proto(onnx.parser.parse_model(text)), (3, 4, 4)).network) == ["Relu", "Neg"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("y = Sinh(x)", r"^Node Sinh y: this operator is not read\."),
        ("b = Shape(x) y = Reshape(x, w)", r"^Node Reshape y: "),
        ("y = Conv(x, x)", r"^Node Conv y: it takes a value of the image where a number is expected\."),
        ("c = Cast<to=7>(x) y = Cast<to=1>(c)", r"^Node Cast c: it casts to a type that is not floating\."),
        ("t = Constant<value = bool {1}>() r = Constant<value_float=0.5>() y = Dropout(x, r, t)",
         r"^Node Dropout y: it was exported in training mode, and drops values at random\."),
        ("y = BatchNormalization<training_mode=1>(x, g, g, g, g)", r"^Node BatchNormalization y: it was exported in "),
        ("f = Constant<value_ints=[0]>() e = Constant<value_ints=[1]>() y = Slice(x, f, e, f)",
         r"^Node Slice y: it cuts the batch\."),
        ("y = Concat<axis=0>(x, x)", r"^Node Concat y: it joins batches\."),
        ("y = Conv(x, v)", r"^Node Conv y: a convolution with weights"),
        ("i = Constant<value_ints=[0]>() y = Gather(x, i)", r"^Node Gather y: it takes from the batch"),
        ("y = Softmax<axis=0>(x)", r"^Node Softmax y: it goes over the images of the batch\."),
    ],
    ids=lambda value: value.split(" = ")[-1].split("(")[0] if "=" in value else "",
)  # fmt: skip
def test_what_is_not_read_is_named(body: str, says: str) -> None:
    signature = "(float[N,3,4,4] x, float[3] w, float[2,5,1,1] v, float[3] g) => (float[A,B,C,D] y)"
    numbers = {"w": np.ones(3, np.float32), "v": np.ones((2, 5, 1, 1), np.float32), "g": np.ones(3, np.float32)}
    with pytest.raises(UnreadableError, match=says) as caught:
        read(model_of(signature, body), (3, 4, 4), numbers)
    assert (caught.value.exit_code, caught.value.hint) == (3, HINT)
    assert caught.value.partial is not None


def test_operators_of_others_are_named_with_their_domain() -> None:
    text = """<ir_version: 8, opset_import: ["" : 18, "com.microsoft" : 1]>
    agraph (float[N,3,4,4] x) => (float[A,B,C,D] y) { y = com.microsoft.Nothing(x) }"""
    with pytest.raises(UnreadableError, match=r"Node com\.microsoft\.Nothing y: this operator is not read"):
        read(ir.from_proto(onnx.parser.parse_model(text)), (3, 4, 4))


def test_what_was_read_before_the_node_is_kept() -> None:
    signature = "(float[N,2,4,4] x, float[2,2,1,1] w) => (float[A,B,C,D] y)"
    with pytest.raises(UnreadableError) as caught:
        read(model_of(signature, "c = Conv(x, w) r = Relu(c) y = Sinh(r)"), (2, 4, 4), {"w": np.ones((2, 2, 1, 1))})
    assert caught.value.partial is not None
    assert operators(caught.value.partial) == ["Conv", "Relu"]
    assert caught.value.partial.outputs == ()


def test_a_second_input_is_refused() -> None:
    model = model_of("(float[N,3,4,4] x, float[N,3,4,4] z) => (float[A,B,C,D] y)", "y = Add(x, z)")
    with pytest.raises(UnreadableError, match="The graph takes z beside its image") as caught:
        read(model, (3, 4, 4))
    assert caught.value.hint == "Give a graph of one image."


def test_an_image_whose_channels_come_last() -> None:
    model = model_of("(float[N,4,5,3] x) => (float[A,B,C,D] y)", "t = Transpose<perm=[0,3,1,2]>(x) y = Relu(t)")
    network = read(model, (3, 4, 5), layout="nhwc").network
    assert operators(network) == ["Relu"]
    assert network.shapes["relu_0"] == (BATCH, 3, 4, 5)


@pytest.mark.parametrize("opset", [9, 12, 13, 17, 18, 21])
def test_other_opsets(opset: int) -> None:
    """Where arguments moved from attributes to inputs, and a softmax from a matrix to an axis."""
    late = opset >= 13
    pieces = [
        "c = Conv(x, w)",
        "r = Clip<min=0.0, max=6.0>(c)"
        if opset < 11
        else "z = Constant<value = float {0}>() s = Constant<value = float {6}>() r = Clip(c, z, s)",
        "m = ReduceMean<axes=[2,3], keepdims=1>(r)"
        if opset < 18
        else "a = Constant<value = int64[2] {2, 3}>() m = ReduceMean(r, a)",
        "q = Squeeze<axes=[2,3]>(m)" if not late else "b = Constant<value = int64[2] {2, 3}>() q = Squeeze(m, b)",
        "y = Softmax<axis=1>(q)",
    ]
    signature = "(float[N,3,6,6] x, float[4,3,3,3] w) => (float[A,B] y)"
    model = model_of(signature, " ".join(pieces), opset)
    assert operators(reading_of(model).network) == ["Conv", "Clip", "GlobalAveragePool", "Flatten", "Softmax"]


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_softmax_of_old_takes_its_input_for_a_matrix(axis: int) -> None:
    network = network_of("(float[N,3,4,5] x) => (float[A,B,C,D] y)", f"y = Softmax<axis={axis}>(x)", opset=11)
    assert "Softmax" in operators(network)
