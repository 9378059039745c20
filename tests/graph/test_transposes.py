from __future__ import annotations

import itertools

import pytest

from resnet_export.graph.access import attribute
from resnet_export.graph.transposes import SinkTransposes

from .rewrites import model_of, operators, rewritten

SIGNATURE = "(float[2,3,4,5] x) => (float[A,B,C,D] y)"


@pytest.mark.parametrize("first", list(itertools.permutations(range(4)))[1:9])
def test_a_permutation_and_its_inverse_cancel(first: tuple[int, ...]) -> None:
    inverse = [first.index(axis) for axis in range(4)]
    body = f"t = Transpose<perm={list(first)}>(x) u = Transpose<perm={inverse}>(t) y = Relu(u)"
    assert operators(rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)) == ["Relu"]


@pytest.mark.parametrize("second", [[0, 2, 3, 1], [3, 2, 1, 0], [1, 0, 2, 3]])
def test_two_become_one(second: list[int]) -> None:
    body = f"t = Transpose<perm=[0,2,3,1]>(x) y = Transpose<perm={second}>(t)"
    model = rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)
    assert operators(model) == ["Transpose"]
    assert attribute(model.graph[-1], "perm") == tuple([0, 2, 3, 1][axis] for axis in second)


def test_one_that_does_nothing_goes() -> None:
    body = "t = Transpose<perm=[0,1,2,3]>(x) y = Relu(t)"
    assert operators(rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)) == ["Relu"]


def test_it_sinks_past_a_relu() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) y = Relu(t)"
    assert operators(rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)) == ["Relu", "Transpose"]


def test_a_chain_cancels_across_relus_and_sums() -> None:
    body = """a = Transpose<perm=[0,2,3,1]>(x) b = Relu(a) c = Add(b, a) d = Relu(c) y = Transpose<perm=[0,3,1,2]>(d)"""
    assert operators(rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)) == ["Relu", "Add", "Relu"]


def test_a_sum_of_differently_transposed_values_stays() -> None:
    signature = "(float[2,3,3,3] x) => (float[A,B,C,D] y)"
    body = "t = Transpose<perm=[0,2,3,1]>(x) u = Transpose<perm=[0,3,2,1]>(x) y = Add(t, u)"
    model = rewritten(model_of(signature, body), SinkTransposes(), changes=False)
    assert operators(model) == ["Transpose", "Transpose", "Add"]


def test_a_sum_with_one_transposed_value_stays() -> None:
    signature = "(float[2,3,3,3] x) => (float[A,B,C,D] y)"
    model = rewritten(
        model_of(signature, "t = Transpose<perm=[0,2,3,1]>(x) y = Add(t, x)"), SinkTransposes(), changes=False
    )
    assert operators(model) == ["Transpose", "Add"]


def test_a_transpose_with_two_users_serves_both() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) y = Relu(t) z = Sigmoid(t)"
    signature = SIGNATURE.replace("y)", "y, float[A,B,C,D] z)")
    model = rewritten(model_of(signature, body), SinkTransposes(), changes=True)
    assert sorted(operators(model)) == ["Relu", "Sigmoid", "Transpose", "Transpose"]


def test_a_pad_gets_its_amounts_in_the_order_of_the_axes() -> None:
    body = """t = Transpose<perm=[0,2,3,1]>(x) p = Constant<value_ints=[0,1,2,0,0,3,4,0]>() u = Pad(t, p)
              y = Transpose<perm=[0,3,1,2]>(u)"""
    model = rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)
    assert operators(model) == ["Pad"]


def test_a_pad_keeps_its_mode() -> None:
    body = (
        """t = Transpose<perm=[0,2,3,1]>(x) p = Constant<value_ints=[0,1,1,0,0,1,1,0]>() y = Pad<mode="edge">(t, p)"""
    )
    model = rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=True)
    assert operators(model) == ["Pad", "Transpose"]


def test_a_pad_with_a_value_stays() -> None:
    body = """t = Transpose<perm=[0,2,3,1]>(x) p = Constant<value_ints=[0,1,1,0,0,1,1,0]>()
              v = Constant<value_float=2.0>() y = Pad(t, p, v)"""
    model = rewritten(model_of(SIGNATURE, body), SinkTransposes(), changes=False)
    assert operators(model) == ["Transpose", "Pad"]


def test_a_mean_over_height_and_width_absorbs_it() -> None:
    body = "t = Transpose<perm=[0,2,3,1]>(x) a = Constant<value_ints=[1,2]>() y = ReduceMean<keepdims=0>(t, a)"
    signature = "(float[2,3,4,5] x) => (float[A,B] y)"
    assert operators(rewritten(model_of(signature, body), SinkTransposes(), changes=True)) == ["ReduceMean"]


@pytest.mark.parametrize(
    ("signature", "mean"),
    [
        (SIGNATURE, "a = Constant<value_ints=[1,2]>() y = ReduceMean<keepdims=1>(t, a)"),  # the axes are kept
        ("(float[2,3,4,5] x) => (float[A,B,C] y)", "a = Constant<value_ints=[1]>() y = ReduceMean<keepdims=0>(t, a)"),
        ("(float[2,3,4,5] x) => (float y)", "y = ReduceMean<keepdims=0>(t)"),
    ],
    ids=["kept axes", "the rest in another order", "all axes"],
)
def test_other_means_stay(signature: str, mean: str) -> None:
    model = model_of(signature, f"t = Transpose<perm=[0,2,3,1]>(x) {mean}")
    assert operators(rewritten(model, SinkTransposes(), changes=False)) == ["Transpose", "ReduceMean"]


@pytest.mark.parametrize("op", ["Softmax", "Flatten"])
def test_what_does_not_commute_stays(op: str) -> None:
    signature = SIGNATURE if op == "Softmax" else "(float[2,3,4,5] x) => (float[A,B] y)"
    model = rewritten(
        model_of(signature, f"t = Transpose<perm=[0,2,3,1]>(x) y = {op}(t)"), SinkTransposes(), changes=False
    )
    assert operators(model) == ["Transpose", op]
