"""What `bench` prints, where the truth is known: `benchmarks/intervals.py` with fewer runs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[2] / "benchmarks"
KINDS = ("independent", "lag-1 correlation 0.9", "change of level")


@pytest.fixture
def intervals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("intervals")


def test_the_kinds(intervals: ModuleType) -> None:
    assert intervals.KINDS == KINDS


@pytest.mark.long
@pytest.mark.parametrize("samples", [200, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_an_interval_is_printed_and_holds_the_truth_as_often_as_it_says(
    intervals: ModuleType, kind: str, samples: int
) -> None:
    found = intervals.measure_coverage(kind, samples, 300)
    assert found["printed"] >= 0.95
    assert found["coverage"] >= 0.9
    assert found["coverage"] <= (1.0 if kind == "change of level" else 0.99)
