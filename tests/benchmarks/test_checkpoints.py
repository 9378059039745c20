"""The table of checkpoints: what the page says is what the results hold."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_page_shows_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint was read as another network without a word."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = importlib.import_module("checkpoints")
    rows = json.loads((BENCHMARKS / "results" / "checkpoints.json").read_text())["checkpoints"]
    page = (BENCHMARKS.parent / "docs" / "networks.md").read_text()
    assert "\n".join(script.markdown(rows)) in page
    assert [row["checkpoint"] for row in rows if row["outcome"] not in ("equal", "named", "refused")] == []
    for name in ("checkpoints", "readme", "zoo.checkpoints"):
        sys.modules.pop(name, None)
