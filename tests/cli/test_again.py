from __future__ import annotations

import pytest

from resnet_export.cli.again import again
from resnet_export.cli.bench_run import run


def pasted(options: str, *words: str) -> str:
    with run.make_context("run", list(words)) as ctx:
        return again(ctx, options)


@pytest.mark.parametrize(
    ("words", "options", "command"),
    [
        (["a.onnx"], "--threads 1", "a.onnx --threads 1"),
        (["a.onnx", "--quick"], "--seconds 60", "a.onnx --seconds 60"),
        (["--threads=1,2", "a b.onnx", "c.onnx"], "--threads 2", "'a b.onnx' c.onnx --threads 2"),
        (["a.onnx", "--threads", "1,2"], "", "a.onnx --threads 1,2"),
        (["a.onnx", "--runtime", "ort:cpu", "--runtime", "torch", "-v"], "",
         "a.onnx --runtime ort:cpu --runtime torch --verbose"),
        (["a.onnx", "--runtime", "openvino,threads=9"], "--threads 2", "a.onnx --runtime openvino,threads=2"),
        (["a.onnx", "--slo-p99", "50ms", "-o", "out.json", "--output", "p.html", "--force"], "--seconds 60",
         "a.onnx --slo-p99 50ms --seconds 60"),
        (["--plan", "p.toml"], "--seconds 180", "--plan p.toml --seconds 180"),
        (["--plan", "p.toml"], "--threads 2 --seconds 180",
         "--plan p.toml --seconds 180  # with threads = [2] in p.toml"),
    ],
)  # fmt: skip
def test_the_command_with_other_options(words: list[str], options: str, command: str) -> None:
    assert pasted(options, *words) == f"resnet-export bench {command}"
