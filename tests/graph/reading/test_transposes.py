"""A value is seen through a permutation of its axes: transposes cancel, and what commutes with them is upright."""

from __future__ import annotations

import itertools

import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError

from .graphs import feeds_of, model_of, network_of, operators

SIGNATURE = "(float[N,3,4,5] x) => (float[A,B,C,D] y)"
FLAT = "(float[N,3,4,5] x) => (float[A,B] y)"
SQUARE = "(float[N,3,3,3] x) => (float[A,B,C,D] y)"
BACK = "y = Transpose<perm=[0,3,1,2]>"


@pytest.mark.parametrize("first", list(itertools.permutations(range(4)))[1:9])
def test_a_permutation_and_its_inverse_cancel(first: tuple[int, ...]) -> None:
    inverse = [first.index(axis) for axis in range(4)]
    body = f"t = Transpose<perm={list(first)}>(x) u = Transpose<perm={inverse}>(t) y = Relu(u)"
    assert operators(network_of(SIGNATURE, body)) == ["Relu"]


@pytest.mark.parametrize("second", [[0, 2, 3, 1], [0, 1, 3, 2], [0, 3, 2, 1]])
def test_two_become_one(second: list[int]) -> None:
    network = network_of(SIGNATURE, f"t = Transpose<perm=[0,2,3,1]>(x) y = Transpose<perm={second}>(t)")
    assert operators(network) == ["Transpose"]
    assert network.steps[-1].attributes["perm"] == tuple([0, 2, 3, 1][axis] for axis in second)


def test_one_that_does_nothing_goes() -> None:
    assert operators(network_of(SIGNATURE, "t = Transpose<perm=[0,1,2,3]>(x) y = Relu(t)")) == ["Relu"]


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "HardSwish", "Neg"])
def test_it_sinks_past_what_works_element_by_element(op: str) -> None:
    assert operators(network_of(SIGNATURE, f"t = Transpose<perm=[0,2,3,1]>(x) y = {op}(t)")) == [op, "Transpose"]


def test_a_chain_cancels_across_relus_and_sums() -> None:
    body = f"a = Transpose<perm=[0,2,3,1]>(x) b = Relu(a) c = Add(b, a) d = Relu(c) {BACK}(d)"
    assert operators(network_of(SIGNATURE, body)) == ["Relu", "Add", "Relu"]


def test_a_sum_of_differently_transposed_values() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) u = Transpose<perm=[0,3,2,1]>(x) y = Add(t, u)"
    assert operators(network_of(SQUARE, body)).count("Add") == 1


def test_a_sum_with_one_transposed_value() -> None:
    assert operators(network_of(SQUARE, "t = Transpose<perm=[0,2,3,1]>(x) y = Add(t, x)")).count("Add") == 1


def test_a_gate_for_each_channel_is_turned_and_not_the_image() -> None:
    """As in a squeeze-and-excitation block that comes out of TensorFlow."""
    body = f"""s = Constant<value_ints=[-1,1,1,3]>() t = Transpose<perm=[0,2,3,1]>(x)
               p = GlobalAveragePool(x) g = Reshape(p, s) z = Mul(t, g) {BACK}(z)"""
    network = network_of(SIGNATURE, body)
    assert operators(network) == ["GlobalAveragePool", "Reshape", "Transpose", "Mul"]
    assert network.steps[2].inputs == (network.steps[1].name,)
    means = f"""a = Constant<value_ints=[1,2]>() t = Transpose<perm=[0,2,3,1]>(x) p = ReduceMean(t, a) z = Mul(p, t)
                {BACK}(z)"""
    assert operators(network_of(SIGNATURE, means)) == ["GlobalAveragePool", "Mul"]


def test_a_transpose_with_two_users_serves_both() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) y = Relu(t) z = Sigmoid(t)"
    network = network_of(SIGNATURE.replace("y)", "y, float[A,B,C,D] z)"), body)
    assert sorted(operators(network)) == ["Relu", "Sigmoid", "Transpose", "Transpose"]


def test_a_pad_gets_its_amounts_in_the_order_of_the_axes() -> None:
    body = f"t = Transpose<perm=[0,2,3,1]>(x) p = Constant<value_ints=[0,1,2,0,0,3,4,0]>() u = Pad(t, p) {BACK}(u)"
    network = network_of(SIGNATURE, body)
    assert operators(network) == ["Pad"]
    assert network.steps[0].attributes["pads"] == (0, 0, 1, 2, 0, 0, 3, 4)


@pytest.mark.parametrize("pad", ['Pad<mode="edge">(t, p)', "Pad(t, p, v)"])
def test_a_pad_keeps_its_mode_and_value(pad: str) -> None:
    body = f"""t = Transpose<perm=[0,2,3,1]>(x) p = Constant<value_ints=[0,1,1,0,0,1,1,0]>()
              v = Constant<value_float=2.0>() y = {pad}"""
    assert operators(network_of(SIGNATURE, body)) == ["Pad", "Transpose"]


def test_a_window_takes_its_input_upright() -> None:
    signature = "(float[N,4,5,3] x, float[2,3,1,1] w) => (float[A,B,C,D] y)"
    body = "t = Transpose<perm=[0,3,1,2]>(x) y = Conv(t, w)"
    assert operators(network_of(signature, body)) == ["Transpose", "Conv"]


@pytest.mark.parametrize("shape", ["[3]", "[1,1,1,3]", "[5,3]", "[4,1,1]"])
@pytest.mark.parametrize("op", ["Add", "Mul", "Sub", "Div"])
def test_a_number_is_turned_with_the_value(op: str, shape: str) -> None:
    signature = SIGNATURE.replace("x)", f"x, float{shape} b)")
    body = f"t = Transpose<perm=[0,2,3,1]>(x) z = {op}(t, b) {BACK}(z)"
    assert operators(network_of(signature, body)) == [op]


def test_a_mean_over_height_and_width_absorbs_it() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) a = Constant<value_ints=[1,2]>() y = ReduceMean<keepdims=0>(t, a)"
    assert operators(network_of(FLAT, body)) == ["GlobalAveragePool", "Flatten"]


def test_kept_axes_cancel_later() -> None:
    body = f"t = Transpose<perm=[0,2,3,1]>(x) a = Constant<value_ints=[1,2]>() m = ReduceMean(t, a) {BACK}(m)"
    assert operators(network_of(SIGNATURE, body)) == ["GlobalAveragePool"]


def test_a_mean_whose_rest_is_in_another_order() -> None:
    signature = "(float[N,3,4,5] x) => (float[A,B,C] y)"
    body = "t = Transpose<perm=[0,2,3,1]>(x) a = Constant<value_ints=[1]>() y = ReduceMean<keepdims=0>(t, a)"
    assert operators(network_of(signature, body)).count("ReduceMean") == 1


def test_softmax_goes_along_the_axis_that_was_meant() -> None:
    network = network_of(SIGNATURE, f"t = Transpose<perm=[0,2,3,1]>(x) s = Softmax<axis=-1>(t) {BACK}(s)")
    assert operators(network) == ["Softmax"]
    assert network.steps[0].attributes == {"axis": 1}


@pytest.mark.parametrize(
    "body",
    [
        "t = Transpose<perm=[0,2,3,1]>(x) c = Concat<axis=-1>(t, t)",
        "t = Transpose<perm=[0,2,3,1]>(x) i = Constant<value_ints=[2,0]>() c = Gather<axis=3>(t, i)",
        """t = Transpose<perm=[0,2,3,1]>(x) f = Constant<value_ints=[1]>() e = Constant<value_ints=[3]>()
           a = Constant<value_ints=[3]>() c = Slice(t, f, e, a)""",
        "t = Transpose<perm=[0,2,3,1]>(x) c, other = Split<axis=3, num_outputs=2>(t)",
    ],
    ids=["concat", "gather", "slice", "split"],
)
def test_channels_that_come_last_are_moved_where_they_are(body: str) -> None:
    found = operators(network_of(SIGNATURE, f"{body} {BACK}(c)"))
    assert len(found) == 1
    assert found[0] in ("Concat", "Gather", "Slice")


def test_a_flattening_in_another_order_keeps_its_transpose() -> None:
    assert operators(network_of(FLAT, "t = Transpose<perm=[0,2,3,1]>(x) y = Flatten(t)")) == ["Transpose", "Flatten"]
    pooled = "p = GlobalAveragePool(x) t = Transpose<perm=[0,2,3,1]>(p) y = Flatten(t)"
    assert operators(network_of(FLAT, pooled)) == ["GlobalAveragePool", "Flatten"]


@pytest.mark.parametrize("perm", [[1, 0, 2, 3], [3, 2, 1, 0]])
def test_images_that_are_no_longer_the_first_axis(perm: list[int]) -> None:
    """They may come back before the output; an output without them at its beginning is refused."""
    inverse = [perm.index(axis) for axis in range(4)]
    body = f"t = Transpose<perm={perm}>(x) r = Relu(t) y = Transpose<perm={inverse}>(r)"
    assert operators(network_of(SIGNATURE, body)) == ["Relu"]
    model = model_of(FLAT, f"t = Transpose<perm={perm}>(x) y = Flatten(t)")
    with pytest.raises(UnreadableError, match="its first axis is not that of the images"):
        read(model, feeds_of(model)["x"].shape[1:])


@pytest.mark.parametrize("end", [10**9, 2**31 - 1, 2**63 - 1])
def test_a_slice_that_leaves_the_images_as_they_are(end: int) -> None:
    """TensorFlow's x[..., ::-1] names every axis."""
    body = f"""t = Transpose<perm=[0,2,3,1]>(x) s = Constant<value_ints=[0,1000000000]>()
               e = Constant<value_ints=[{end},-1000000000]>() a = Constant<value_ints=[0,3]>()
               d = Constant<value_ints=[1,-1]>() r = Slice(t, s, e, a, d) {BACK}(r)"""
    network = network_of(SIGNATURE, body)
    assert operators(network) == ["Slice"]
    assert network.steps[0].attributes == {"starts": (2,), "ends": (-1,), "axes": (1,), "steps": (-1,)}
