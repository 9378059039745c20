"""A comparison as it could have been measured."""

from __future__ import annotations

import dataclasses
from typing import Any

from resnet_export.bench.compare.results import Comparison, Launch, Measured, Pair
from tests.bench.examples import CASE, NOISE, RAN
from tests.report.bench.examples import MACHINE, replaced

A = Measured(dataclasses.replace(replaced(CASE, model__path="models/net.onnx"), threads=2), 2, RAN, 20.0, 60)
B = dataclasses.replace(A, ran=dataclasses.replace(RAN, fallback="the CPU ran it"))


def launches(*ratios: float, count: int = 12) -> tuple[Launch, ...]:
    """Launches with these ratios in turns."""
    turns = (ratios[at % len(ratios)] for at in range(count))
    return tuple(Launch("a", (Pair("a", (20_000_000,) * 5, (round(2e7 * one),) * 5),)) for one in turns)


def comparison(*ratios: float, count: int = 12, **changes: Any) -> Comparison:
    """One with these ratios of the launches."""
    usual = Comparison(A, B, launches(*ratios or (1.0,), count=count), 0.015, 60.0, 57.3, 0, MACHINE, NOISE)
    return replaced(usual, **changes)  # type: ignore[no-any-return]
