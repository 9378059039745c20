from __future__ import annotations

import dataclasses
import re

import pytest

from resnet_export.report.compare import render
from tests.bench.examples import NOISE
from tests.report.comparisons import comparison


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("ratios", "told"),
    [
        ((1.0,), "Equivalent: the interval lies within 1 plus or minus 1.5 %."),
        ((0.8,), "B is faster: it takes 20 % less time than A."),
        ((1.2,), "B is slower: it takes 20 % more time than A."),
        ((1.997,), "B is slower: it takes 100 % more time than A."),
        ((2.0,), "B is slower: it takes 100 % more time than A."),
        ((2.134,), "B is slower: it takes 113 % more time than A."),
        ((13.34,), "B is slower: it takes 1230 % more time than A."),
        ((0.9, 1.12), "Inconclusive: the interval holds 1, and is not within 1 plus or minus 1.5 %."),
    ],
)
def test_the_verdict(ratios: tuple[float, ...], told: str) -> None:
    text = render(comparison(*ratios))
    assert told in words(text)
    assert max(map(len, text.splitlines())) <= 80


def test_the_time_that_it_would_take_is_an_option() -> None:
    seconds = re.search(r"--seconds (\d+)\.", render(comparison(0.97, 1.035)))
    assert seconds is not None
    assert int(seconds[1]) > 60


def test_what_ran() -> None:
    lines = render(comparison()).splitlines()
    assert "  A              net.onnx (46.8 MB), ort:cpu, batch 1, 2 threads" in lines
    assert "                 onnxruntime 1.31.1, CPUExecutionProvider, float32, CPU" in lines
    assert "                 FALLBACK: the CPU ran it" in lines
    assert "                 p50 20.00 ms, 60 runs" in lines
    assert "  from           12 launches, 57 s, seed 0" in lines


def test_what_disturbed_both() -> None:
    quiet, busy = (dataclasses.replace(NOISE, others_cpus=share * NOISE.cpus) for share in (0.001, 0.25))
    assert "Other processes" not in render(comparison(noise=quiet))
    told = render(comparison(noise=busy))
    assert f"Other processes used 0.5 of the {NOISE.cpus} CPUs meanwhile." in told.splitlines()


def test_too_few_launches_are_marked() -> None:
    text = render(comparison(count=2))
    assert "  B / A          1.0000 ?" in text.splitlines()
    assert "Inconclusive: there are too few launches for an interval." in words(text)
    assert "?: too few launches for an interval." in words(text)


def test_other_inputs_are_said_first() -> None:
    size = {f"b__case__model__images__{name}": 64 for name in ("height", "width")}
    assert words(render(comparison(**size))).startswith(
        "Different inputs: A takes 3 x 224 x 224, float32, NCHW, and B 3 x 64 x 64, float32, NCHW."
    )


def test_a_machine_that_is_too_busy_is_said() -> None:
    assert "This machine is too busy to tell them apart" in words(render(comparison(0.9, 1.12)))


def test_an_interruption() -> None:
    text = render(comparison(interrupted=True, seconds=20.4))
    assert "It was interrupted after 20 of 60 s; the interval holds unless" in words(text)
