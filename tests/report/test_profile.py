from __future__ import annotations

import dataclasses

import pytest

from resnet_export.report import profile as profile_text
from tests.report.bench.examples import LAYERS, profile

USUAL = profile()


def test_the_latency_the_operators_and_the_longest_layers() -> None:
    lines = profile_text.render(USUAL, top=3).splitlines()
    assert "net.onnx (46.8 MB) in ort:cpu, batch 1, 2 threads" in lines
    assert "  latency        17.03 [17.03 17.03] ms, 500 runs" in lines
    assert "  profiled       17.20 ms (+1.0%), 170 runs" in lines
    at = lines.index("By operator")
    assert [line.split()[:3] for line in lines[at + 1 : at + 6]] == [
        ["operator", "nodes", "ms"],
        ["Conv", "13", "8.650"],
        ["MaxPool", "1", "0.150"],
        ["ReorderOutput", "1", "0.0100"],
        ["Gemm", "1", "0.100"],
    ]
    assert [line.split() for line in lines[at + 6 : at + 9]] == [
        ["between", "the", "nodes", "0.0891", "1.0%"],
        ["around", "the", "run", "0.0891", "1.0%"],
        ["latency", "with", "the", "profiler", "9.088", "100.0%"],
    ]
    at = next(index for index, line in enumerate(lines) if line.startswith("By layer: the 3 longest of 16, "))
    assert lines[at + 1].split() == ["layer", "operator", "ms", "share", "GMAC/s"]
    assert lines[at + 2] == "  conv1 + relu    Conv      2.400  26.4%   49.17"
    assert lines[at + 5] == ""


def test_where_the_samples_support_no_interval() -> None:
    few = dataclasses.replace(USUAL.latency_ms, low=None, high=None)
    assert "latency        17.03 ? ms, 500 runs" in profile_text.render(profile(latency_ms=few))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settled": False}, "The warm-up did not settle"),
        ({"profiled_median_ms": 25.545}, "slowed the runs by 50%"),
        ({"profiled_median_ms": 13.624}, "took 20% less than those without it"),
        ({"profiled_ms": 0.02}, "whole microseconds, so that about 40% of so short a run"),
        ({"ran__device": "GPU 0"}, "handing the work over"),
        ({}, "belong to no layer of the file: 1 ReorderOutput (0.1%)."),
    ],
)
def test_remarks(changes: dict[str, object], words: str) -> None:
    shown = " ".join(profile_text.render(profile(**changes)).split())
    assert words in shown
    assert not changes or words not in " ".join(profile_text.render(USUAL).split())


def test_providers_are_named_where_there_are_several() -> None:
    layers = (dataclasses.replace(USUAL.layers[0], provider="CUDAExecutionProvider"), *USUAL.layers[1:])
    assert any(line.endswith("  CUDA") for line in profile_text.render(profile(layers=layers)).splitlines())
    assert "CPU" not in profile_text.render(USUAL).partition("By layer")[2]


@pytest.mark.parametrize("name", ["a" * 300, "model/" * 20 + "conv", "evil\x1b[31m\n"])
def test_fits_100_columns(name: str) -> None:
    layer = dataclasses.replace(
        USUAL.layers[0],
        layer=name,
        layers=(name, f"{name}2"),
        op="NhwcFusedConv" * 2,
        provider="TensorrtExecutionProvider",
    )
    text = profile_text.render(profile(layers=(layer, *USUAL.layers[1:])))
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_fused_names_lose_their_block() -> None:
    assert profile_text.fused("layer1.0.conv2", ("layer1.0.conv2", "layer1.0.add", "layer1.0.relu2")) == (
        "layer1.0.conv2 + add + relu2"
    )
    assert profile_text.fused("conv1", ("conv1", "relu")) == "conv1 + relu"
    assert profile_text.fused("ReorderOutput", ()) == "ReorderOutput"
    assert len(LAYERS) == len(USUAL.layers)
