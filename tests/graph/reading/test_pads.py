"""Pads before a window, and windows that pad by themselves."""

from __future__ import annotations

import pytest

from resnet_export.graph.reading import read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.network import BATCH

from .graphs import model_of, network_of, operators

CONV = "(float[N,2,5,6] x, float[3,2,3,3] w) => (float[N,3,H,W] y)"
POOL = "(float[N,2,5,6] x) => (float[N,2,H,W] y)"


def test_a_pad_merges_into_a_convolution() -> None:
    body = """p = Constant<value_ints=[0,0,1,2,0,0,3,4]>() padded = Pad(x, p)
              y = Conv<pads=[1,1,1,1], strides=[2,2]>(padded, w)"""
    network = network_of(CONV, body)
    assert operators(network) == ["Conv"]
    assert network.steps[0].attributes["pads"] == (2, 3, 4, 5)


def test_a_pad_with_an_explicit_zero_merges() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() zero = Constant<value_float=0.0>()
              padded = Pad<mode="constant">(x, p, zero) y = Conv(padded, w)"""
    assert operators(network_of(CONV, body)) == ["Conv"]


def test_a_pad_of_some_axes_merges() -> None:
    body = """p = Constant<value_ints=[1,2]>() a = Constant<value_ints=[3]>() padded = Pad(x, p, , a)
              y = Conv(padded, w)"""
    network = network_of(CONV, body)
    assert operators(network) == ["Conv"]
    assert network.steps[0].attributes["pads"] == (0, 1, 0, 2)


def test_a_pad_merges_into_one_user_and_stays_for_another() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p) y = Conv(padded, w) z = Relu(padded)"""
    assert operators(network_of(CONV.replace("y)", "y, float[N,2,H,W] z)"), body)) == ["Conv", "Pad", "Relu"]


def test_a_pad_of_nothing_goes() -> None:
    body = "p = Constant<value_ints=[0,0,0,0,0,0,0,0]>() padded = Pad(x, p) y = Conv(padded, w)"
    network = network_of(CONV, body)
    assert operators(network) == ["Conv"]
    assert network.steps[0].attributes["pads"] == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "pad",
    [
        "p = Constant<value_ints=[0,1,1,1,0,0,1,1]>() padded = Pad(x, p)",  # a channel more
        "p = Constant<value_ints=[0,0,1,1,0,1,1,1]>() padded = Pad(x, p)",
        'p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad<mode="reflect">(x, p)',
        'p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad<mode="edge">(x, p)',
        "p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() one = Constant<value_float=1.0>() padded = Pad(x, p, one)",
    ],
    ids=["channels before", "channels behind", "reflect", "edge", "ones"],
)
def test_other_pads_before_a_convolution_stay(pad: str) -> None:
    channels = 3 if "[0,1,1,1,0,0" in pad or "[0,0,1,1,0,1" in pad else 2
    signature = CONV.replace("float[3,2,3,3] w", f"float[3,{channels},3,3] w")
    assert operators(network_of(signature, f"{pad} y = Conv(padded, w)")) == ["Pad", "Conv"]


@pytest.mark.parametrize("amounts", ["[1,0,1,1,0,0,1,1]", "[-1,0,1,1,0,0,1,1]"])
def test_what_is_no_pad_of_an_image_is_not_read(amounts: str) -> None:
    model = model_of(POOL, f"p = Constant<value_ints={amounts}>() padded = Pad(x, p) y = Relu(padded)")
    with pytest.raises(UnreadableError, match="it goes over the images"):
        read(model, (2, 5, 6))


def test_a_pad_of_less_than_nothing_cuts() -> None:
    body = "p = Constant<value_ints=[0,0,-1,1,0,0,1,-2]>() padded = Pad(x, p) y = Relu(padded)"
    network = network_of(POOL, body)
    assert operators(network) == ["Slice", "Pad", "Relu"]
    assert network.shapes[network.output] == (BATCH, 2, 5, 5)


def test_zeros_after_a_relu_merge_into_a_max_pool() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() positive = Relu(x) padded = Pad(positive, p)
              y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    network = network_of(POOL, body)
    assert operators(network) == ["Relu", "MaxPool"]
    assert network.steps[-1].attributes["pads"] == (1, 1, 1, 1)


@pytest.mark.parametrize("amount", [1, 3])
def test_minus_infinity_merges_into_a_max_pool_anywhere(amount: int) -> None:
    """As far as a window sees something else too: ONNX Runtime refuses larger pads."""
    body = f"""p = Constant<value_ints=[0,0,{amount},1,0,0,1,1]>() low = Constant<value = float {{-inf}}>()
              padded = Pad(x, p, low) y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    assert operators(network_of(POOL, body)) == (["MaxPool"] if amount == 1 else ["Pad", "MaxPool"])


@pytest.mark.parametrize("amount", [2, 3, 4])
def test_a_window_that_sees_nothing_but_zeros_keeps_them(amount: int) -> None:
    body = f"""p = Constant<value_ints=[0,0,0,{amount},0,0,0,0]>() positive = Relu(x) padded = Pad(positive, p)
              y = MaxPool<kernel_shape=[2,2], strides=[1,1]>(padded)"""
    assert operators(network_of(POOL, body)) == ["Relu", "Pad", "MaxPool"]


def test_zeros_stay_where_the_last_window_may_begin_in_them() -> None:
    """With `ceil_mode`, a window of its own pads would be left out."""
    body = """p = Constant<value_ints=[0,0,0,0,0,0,2,2]>() positive = Relu(x) padded = Pad(positive, p)
              y = MaxPool<kernel_shape=[3,3], strides=[3,3], ceil_mode=1>(padded)"""
    assert operators(network_of(POOL, body)) == ["Relu", "Pad", "MaxPool"]


@pytest.mark.parametrize("before", ["Identity", "Neg", "LeakyRelu", "Tanh"])
def test_zeros_after_anything_else_stay_before_a_max_pool(before: str) -> None:
    body = f"""p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() other = {before}(x) padded = Pad(other, p)
               y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    expected = [op for op in (before, "Pad", "MaxPool") if op != "Identity"]
    assert operators(network_of(POOL, body)) == expected


@pytest.mark.parametrize("value", ["-inf", "0"])
def test_pads_of_another_kind_stay_before_the_other_window(value: str) -> None:
    body = f"""p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() v = Constant<value = float {{{value}}}>()
               padded = Pad(x, p, v) y = Exp(padded)"""
    network = network_of(POOL, body)
    assert operators(network) == ["Pad", "Exp"]
    assert network.steps[0].attributes["value"] == float(value)


def test_zeros_stay_before_an_average_pool() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p)
              y = AveragePool<kernel_shape=[3,3]>(padded)"""
    assert operators(network_of(POOL, body)) == ["Pad", "AveragePool"]


@pytest.mark.parametrize(
    ("mode", "kernel", "stride", "pads"),
    [
        ("SAME_UPPER", 3, 1, (1, 1, 1, 1)),
        ("SAME_LOWER", 3, 1, (1, 1, 1, 1)),
        ("SAME_UPPER", 4, 1, (1, 1, 2, 2)),
        ("SAME_LOWER", 4, 1, (2, 2, 1, 1)),
        ("SAME_UPPER", 1, 1, (0, 0, 0, 0)),
        ("VALID", 3, 1, (0, 0, 0, 0)),
        ("SAME_UPPER", 3, 2, (1, 0, 1, 1)),  # of 5 rows and 6 columns
        ("SAME_LOWER", 3, 2, (1, 1, 1, 0)),
        ("SAME_UPPER", 1, 2, (0, 0, 0, 0)),
        ("VALID", 3, 2, (0, 0, 0, 0)),
    ],
)
def test_auto_pad_is_spelled_out(mode: str, kernel: int, stride: int, pads: tuple[int, ...]) -> None:
    signature = f"(float[N,2,5,6] x, float[3,2,{kernel},{kernel}] w) => (float[N,3,H,W] y)"
    options = f'auto_pad="{mode}", kernel_shape=[{kernel},{kernel}], strides=[{stride},{stride}]'
    (conv,) = network_of(signature, f"y = Conv<{options}>(x, w)").steps
    assert conv.attributes["pads"] == pads
    assert "auto_pad" not in conv.attributes
    if stride <= kernel:  # ONNX Runtime refuses a SAME pooling that skips values
        (pool,) = network_of(POOL, f"y = MaxPool<{options}>(x)").steps
        assert pool.attributes["pads"] == pads


def test_same_of_a_dilated_window() -> None:
    """Which ONNX Runtime does not run."""
    model = model_of(POOL, 'y = MaxPool<auto_pad="SAME_UPPER", kernel_shape=[3,3], dilations=[2,2]>(x)')
    (pool,) = read(model, (2, 5, 6)).network.steps
    assert pool.attributes["pads"] == (2, 2, 2, 2)


def test_a_pad_before_same_with_a_stride_counts_as_part_of_the_image() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p)
              y = Conv<auto_pad="SAME_UPPER", kernel_shape=[3,3], strides=[2,2]>(padded, w)"""
    (conv,) = network_of(CONV, body).steps
    assert conv.attributes["pads"] == (2, 1, 2, 2)
