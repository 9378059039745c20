from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnet_export.assumptions import Assumption
from resnet_export.data import to_json as render
from resnet_export.parity.results import PreparationDistance
from tests.report import verified
from tests.report.examples import FAILED, PASSED, example

DOCS = Path(__file__).parents[3] / "docs"


def test_is_the_report_as_data() -> None:
    report = example()
    expected = json.loads(json.dumps(report.as_dict()))
    assert json.loads(render(report)) == expected
    assert list(json.loads(render(report))) == list(report.as_dict())


@pytest.mark.parametrize("error", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_a_string(error: float) -> None:
    comparison = replace(FAILED.comparisons[0], error=error)
    report = example(verification=replace(FAILED, comparisons=(comparison,)))
    found = json.loads(render(report), parse_constant=pytest.fail)
    assert found["verification"]["comparisons"][0]["error"] == str(error)


def test_floats_keep_their_value() -> None:
    error = 0.1 + 0.2
    report = example(verification=replace(PASSED, comparisons=(replace(PASSED.comparisons[0], error=error),)))
    assert json.loads(render(report))["verification"]["comparisons"][0]["error"] == error


def test_any_path_is_ascii() -> None:
    text = render(example(path="modèle\udcff.onnx"))
    assert text.isascii()
    assert json.loads(text)["path"] == "modèle\udcff.onnx"


def documented(page: str) -> set[str]:
    """The keys in the tables of a page."""
    return set(re.findall(r"^\| `([^`]+)`", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_key_is_documented() -> None:
    assumed = (Assumption("network", "eps", "eps 1e-05", "--eps"),)
    found = keys(example(verification=FAILED, assumptions=assumed).as_dict())
    assert documented("report.md") == {key for key in found if not key.startswith("verification.")}


def test_every_key_of_verify_is_documented() -> None:
    distance = PreparationDistance("ort:cpu", "random", 1, 0.99, 1)
    report = replace(verified.FAILED, runtimes=(verified.ORT,), preparation=(distance,))
    section = (DOCS / "verify.md").read_text(encoding="utf-8").partition("\n## JSON\n")[2]
    assert set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)) == set(keys(report.as_dict()))


def keys(data: dict[str, Any], prefix: str = "") -> list[str]:
    """Every key with those above it; the free ones of `nodes`, `stages` and `versions` are not listed."""
    found = []
    for key, value in data.items():
        found.append(prefix + key)
        if prefix + key in ("nodes", "stages", "versions", "runtimes[].placement.nodes"):
            continue
        if isinstance(value, dict):
            found += keys(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            found += keys(value[0], f"{prefix}{key}[].")
    return found
