from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.report.kit.svg import Axis, Chart, Frame, categorical, linear, logarithmic

NUMBERS = st.floats(1e-30, 1e30)


@given(st.lists(NUMBERS, min_size=1))
def test_a_linear_axis_holds_its_values_and_has_few_ticks(values: list[float]) -> None:
    axis = linear(values, "ms")
    assert axis.place(0.0) == 0
    assert axis.place(max(values)) < 1
    assert 2 <= len(axis.ticks) <= 7
    assert all(axis.low <= value <= axis.high for value, _ in axis.ticks)


@given(st.lists(NUMBERS, min_size=1))
def test_equal_factors_are_equally_far_on_a_logarithmic_axis(values: list[float]) -> None:
    axis = logarithmic(values, "error")
    assert all(0 < axis.place(value) <= 1 for value in values)
    places = [axis.place(min(values) * factor) for factor in (1.0, 1.5, 2.25)]
    if places[-1] < 1:
        assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert len(axis.ticks) <= 14


def test_zero_and_infinity_have_strips() -> None:
    axis = logarithmic([0.0, 1e-7, 0.03, math.inf], "error")
    assert 0 < axis.place(0.0) < axis.place(1e-7) < axis.place(0.03) < axis.place(math.inf) < 1
    assert [label for _, label in axis.ticks] == [
        "0",
        *(f"10{power}" for power in ("⁻⁷", "⁻⁶", "⁻⁵", "⁻⁴", "⁻³", "⁻²", "⁻¹")),
        "infinite",
    ]
    assert "infinite" not in [label for _, label in logarithmic([1.0], "").ticks]
    assert logarithmic([0.0], "").place(0.0) > 0


def test_categories_are_evenly_spaced() -> None:
    axis = categorical(["a", "b", "c", "d"])
    assert [axis.place(value) for value, _ in axis.ticks] == [0.125, 0.375, 0.625, 0.875]
    categorical([])


def test_what_lies_beyond_is_drawn_at_the_end() -> None:
    assert (Axis(0, 10, "").place(11), Axis(0, 10, "").place(-1)) == (1, 0)


def test_everything_is_drawn_and_escaped() -> None:
    chart = Chart("<Title>", "a & b", categorical(["<x>", "y"], upright=True), linear([8.0], "ms"), Frame(200, 100))
    chart.label_kinds = {1: "wrong"}
    chart.line([(0, 1.0), (1, 8.0)], "curve")
    chart.mark(1, 8.0, "s0", "cross", "<tip>")
    chart.upright(1, 7.0, 9.0, "s0")
    chart.label(0, 8.0, "<label>")
    chart.bound(8.0, "p99 <= 8")
    chart.column(0, "target", "<tip>")
    svg = ET.fromstring(chart.svg())
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "<Title>. a & b")
    assert [mark.tag for mark in svg if mark.get("class") not in ("grid", "tick")] == [
        "text", "text", "text", "polyline", "path", "path", "text", "line", "text", "rect",
    ]  # fmt: skip
    assert [(one.text, one.get("class")) for one in svg.iter("text") if one.get("transform")] == [
        ("<x>", "name"), ("y", "wrong"),
    ]  # fmt: skip
    assert [title.text for title in svg.iter("title")] == ["<tip>", "<tip>"]
