from __future__ import annotations

import pytest

from resnet_export.graph.pads import MergePads
from resnet_export.graph.access import attribute

from .rewrites import model_of, operators, rewritten

CONV = "(float[1,2,5,6] x, float[3,2,3,3] w) => (float[1,3,H,W] y)"
POOL = "(float[1,2,5,6] x) => (float[1,2,H,W] y)"


def test_a_pad_merges_into_a_convolution() -> None:
    body = """p = Constant<value_ints=[0,0,1,2,0,0,3,4]>() padded = Pad(x, p)
              y = Conv<pads=[1,1,1,1], strides=[2,2]>(padded, w)"""
    model = rewritten(model_of(CONV, body), MergePads(), changes=True)
    assert operators(model) == ["Conv"]
    assert attribute(model.graph[-1], "pads") == (2, 3, 4, 5)


def test_a_pad_with_an_explicit_zero_merges() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() zero = Constant<value_float=0.0>()
              padded = Pad<mode="constant">(x, p, zero) y = Conv(padded, w)"""
    assert operators(rewritten(model_of(CONV, body), MergePads(), changes=True)) == ["Conv"]


def test_a_pad_merges_into_one_user_and_stays_for_another() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p) y = Conv(padded, w) z = Relu(padded)"""
    signature = CONV.replace("y)", "y, float[1,2,H,W] z)")
    assert operators(rewritten(model_of(signature, body), MergePads(), changes=True)) == ["Pad", "Conv", "Relu"]


@pytest.mark.parametrize(
    "pad",
    [
        "p = Constant<value_ints=[0,1,1,1,0,0,1,1]>() padded = Pad(x, p)",  # a channel more
        "p = Constant<value_ints=[0,0,1,1,0,1,1,1]>() padded = Pad(x, p)",
        "p = Constant<value_ints=[0,0,-1,1,0,0,1,1]>() padded = Pad(x, p)",  # a crop
        'p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad<mode="reflect">(x, p)',
        'p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad<mode="edge">(x, p)',
        "p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() one = Constant<value_float=1.0>() padded = Pad(x, p, one)",
        "p = Constant<value_ints=[1,1,1,1]>() a = Constant<value_ints=[2,3]>() padded = Pad(x, p, , a)",
    ],
    ids=["channels before", "channels behind", "crop", "reflect", "edge", "ones", "axes"],
)
def test_other_pads_before_a_convolution_stay(pad: str) -> None:
    channels = 3 if "[0,1,1,1,0,0" in pad or "[0,0,1,1,0,1" in pad else 2
    signature = CONV.replace("float[3,2,3,3] w", f"float[3,{channels},3,3] w")
    model = rewritten(model_of(signature, f"{pad} y = Conv(padded, w)"), MergePads(), changes=False)
    assert operators(model) == ["Pad", "Conv"]


def test_zeros_after_a_relu_merge_into_a_max_pool() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() positive = Relu(x) padded = Pad(positive, p)
              y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    model = rewritten(model_of(POOL, body), MergePads(), changes=True)
    assert operators(model) == ["Relu", "MaxPool"]
    assert attribute(model.graph[-1], "pads") == (1, 1, 1, 1)


def test_minus_infinity_merges_into_a_max_pool_anywhere() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() low = Constant<value = float {-inf}>()
              padded = Pad(x, p, low) y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    model = rewritten(model_of(POOL, body), MergePads(), changes=True)
    assert operators(model) == ["MaxPool"]


@pytest.mark.parametrize("before", ["Identity", "Neg", "LeakyRelu", "Tanh"])
def test_zeros_after_anything_else_stay_before_a_max_pool(before: str) -> None:
    body = f"""p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() other = {before}(x) padded = Pad(other, p)
               y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(padded)"""
    assert operators(rewritten(model_of(POOL, body), MergePads(), changes=False)) == [before, "Pad", "MaxPool"]


def test_zeros_stay_before_an_average_pool() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p)
              y = AveragePool<kernel_shape=[3,3]>(padded)"""
    assert operators(rewritten(model_of(POOL, body), MergePads(), changes=False)) == ["Pad", "AveragePool"]


@pytest.mark.parametrize(
    ("mode", "kernel", "pads"),
    [
        ("SAME_UPPER", 3, (1, 1, 1, 1)),
        ("SAME_LOWER", 3, (1, 1, 1, 1)),
        ("SAME_UPPER", 4, (1, 1, 2, 2)),
        ("SAME_LOWER", 4, (2, 2, 1, 1)),
        ("SAME_UPPER", 1, (0, 0, 0, 0)),
        ("VALID", 3, None),
    ],
)
def test_auto_pad_at_stride_1_is_spelled_out(mode: str, kernel: int, pads: tuple[int, ...] | None) -> None:
    signature = f"(float[1,2,5,6] x, float[3,2,{kernel},{kernel}] w) => (float[1,3,H,W] y)"
    model = model_of(signature, f'y = Conv<auto_pad="{mode}", kernel_shape=[{kernel},{kernel}]>(x, w)')
    (conv,) = rewritten(model, MergePads(), changes=True).graph
    assert attribute(conv, "pads") == pads
    assert "auto_pad" not in conv.attributes


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_same_with_a_stride_stays(mode: str) -> None:
    model = model_of(CONV, f'y = Conv<auto_pad="{mode}", kernel_shape=[3,3], strides=[2,2]>(x, w)')
    (conv,) = rewritten(model, MergePads(), changes=False).graph
    assert attribute(conv, "auto_pad") == mode


def test_a_pad_before_same_with_a_stride_stays() -> None:
    body = """p = Constant<value_ints=[0,0,1,1,0,0,1,1]>() padded = Pad(x, p)
              y = Conv<auto_pad="SAME_UPPER", kernel_shape=[3,3], strides=[2,2]>(padded, w)"""
    assert operators(rewritten(model_of(CONV, body), MergePads(), changes=False)) == ["Pad", "Conv"]
