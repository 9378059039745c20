from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.cli import export as command
from resnet_export.cli import root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.cli.conftest import Pipeline

OWN = {"weights", "output", "as_json", "report", "verbose", "debug", "no_verify"}
"""Options that do not go to the pipeline under their own name."""


def test_the_literals_are_those_of_the_tables() -> None:
    from resnet_export.graph import interface
    from resnet_export.images import ASPECTS, INTERPOLATIONS
    from resnet_export.live import packages
    from resnet_export.models import FRAMEWORKS
    from resnet_export.spec import STEMS, STRIDE_POSITIONS, VARIANTS
    from resnet_export.weights.published import RESIZE

    cli = importlib.import_module("resnet_export.cli.export")
    assert set(cli.FRAMEWORKS) == set(FRAMEWORKS)
    assert tuple(RESIZE) == cli.PUBLISHED
    assert tuple(VARIANTS) == cli.DEPTHS
    assert STEMS == cli.STEMS
    assert STRIDE_POSITIONS == cli.STRIDE_POSITIONS
    assert tuple(f"{name}:" for name in packages.PACKAGES) == cli.PACKAGES
    assert cli.LAYOUTS == interface.LAYOUTS
    assert cli.HEADS == interface.HEADS
    assert cli.EMBEDDED == interface.EMBEDDED
    assert cli.OPSETS == interface.OPSETS
    assert (cli.INTERPOLATIONS, cli.ASPECTS) == (INTERPOLATIONS, ASPECTS)


def test_every_parameter_of_the_pipeline_has_its_option() -> None:
    from resnet_export.pipeline import export

    parameters = set(inspect.signature(export).parameters)
    options = {option.name for option in command.params}
    assert options - OWN | {"source", "output", "verify", "progress"} == parameters


def test_defaults_are_the_pipelines() -> None:
    from resnet_export.pipeline import export

    parameters = inspect.signature(export).parameters
    with command.make_context("export", []) as context:
        defaults = {name: value for name, value in context.params.items() if name not in OWN}
    assert defaults == {name: parameters[name].default for name in defaults}


def test_defaults_reach_the_pipeline(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("export")
    assert done.exit_code == 0, done.output
    assert (pipeline.source, pipeline.output) == (None, None)
    given = {name: value for name, value in pipeline.options.items() if name != "progress"}
    assert given == {
        "model": None,
        "framework": None,
        "depth": None,
        "num_classes": None,
        "in_channels": None,
        "image_size": None,
        "stem": None,
        "width": None,
        "eps": None,
        "ema": False,
        "groups": None,
        "base_width": None,
        "stride_on": None,
        "layout": None,
        "batch": None,
        "dynamic_size": False,
        "opset": None,
        "head": None,
        "preprocess": "none",
        "mean": None,
        "std": None,
        "resize": None,
        "interpolation": None,
        "aspect": None,
        "labels": None,
        "images": None,
        "force": False,
        "seed": 0,
        "verify": True,
    }


@pytest.mark.parametrize("start", [[], ["export"]])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--framework", "keras"], {"framework": "keras"}),
        (["--depth", "50"], {"depth": 50}),
        (["--num-classes", "10"], {"num_classes": 10}),
        (["--in-channels", "1"], {"in_channels": 1}),
        (["--eps", "1e-3"], {"eps": 1e-3}),
        (["--ema"], {"ema": True}),
        (["--groups", "32"], {"groups": 32}),
        (["--base-width", "4"], {"base_width": 4}),
        (["--stride-on", "1x1"], {"stride_on": "1x1"}),
        (["--image-size", "96"], {"image_size": 96}),
        (["--image-size", "96x64"], {"image_size": (96, 64)}),
        (["--stem", "cifar"], {"stem": "cifar"}),
        (["--width", "8"], {"width": 8}),
        (["--seed", "3"], {"seed": 3}),
        (["--force"], {"force": True}),
        (["--layout", "nhwc"], {"layout": "nhwc"}),
        (["--batch", "4"], {"batch": 4}),
        (["--batch", "dynamic"], {"batch": None}),
        (["--dynamic-size"], {"dynamic_size": True}),
        (["--opset", "13"], {"opset": 13}),
        (["--opset", "26"], {"opset": 26}),
        (["--head", "embedding"], {"head": "embedding"}),
        (["--labels", "names.txt"], {"labels": "names.txt"}),
        (["--preprocess", "uint8"], {"preprocess": "uint8"}),
        (["--mean", "0.5,-1,1e-3"], {"mean": (0.5, -1.0, 0.001)}),
        (["--mean", "-0.5"], {"mean": (-0.5,)}),
        (["--std", "0.5, 1,2"], {"std": (0.5, 1.0, 2.0)}),
        (["--resize", "256"], {"resize": 256}),
        (["--interpolation", "bicubic"], {"interpolation": "bicubic"}),
        (["--aspect", "squashed"], {"aspect": "squashed"}),
        (["--images", "photos"], {"images": "photos"}),
        (["--no-verify"], {"verify": False}),
    ],
)
def test_options_reach_the_pipeline(
    start: list[str],
    arguments: list[str],
    expected: dict[str, Any],
    pipeline: Pipeline,
    invoke: Callable[..., Result],
) -> None:
    done = invoke(*start, *arguments)
    assert done.exit_code == 0, done.output
    assert pipeline.options | expected == pipeline.options


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_source_and_output(option: str, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    assert invoke("--weights", "my.pth", option, "my.onnx").exit_code == 0
    assert (pipeline.source, pipeline.output) == ("my.pth", "my.onnx")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--framework", "jax"], "'keras', 'torch'"),
        (["--depth", "20"], "18, 34, 50, 101, 152"),
        (["--depth", "x"], "18, 34, 50, 101, 152"),
        (["--opset", "12"], "13, 14, 15"),
        (["--opset", "27"], "25, 26"),
        (["--stem", "tiny"], "'imagenet', 'cifar'"),
        (["--layout", "chw"], "'nchw', 'nhwc'"),
        (["--head", "softmax"], "'logits', 'probabilities', 'sigmoid', 'embedding'"),
        (["--preprocess", "float"], "'none', 'uint8'"),
        (["--interpolation", "area"], "'bilinear', 'bicubic', 'nearest', 'lanczos'"),
        (["--batch", "0"], "is not `dynamic` or a whole number from 1"),
        (["--batch", "many"], "is not `dynamic` or a whole number from 1"),
        (["--num-classes", "0"], "not a whole number from 1"),
        (["--image-size", "1.5"], "not a whole number from 1"),
        (["--image-size", "96x"], "not a whole number from 1"),
        (["--seed", "-1"], "not a whole number from 0"),
        (["--mean", "0.5;0.5"], "0.485,0.456,0.406"),
        (["--mean", "0.5,,0.5"], "0.485,0.456,0.406"),
        (["--mean", ""], "0.485,0.456,0.406"),
        (["--mean", "nan"], "'nan' is not a finite number; give some with commas"),
        (["--std", "1,inf"], "'inf' is not a finite number above 0"),
        (["--std", "1,0"], "'0' is not a finite number above 0"),
        (["--no-such-option"], "No such option"),
        (["no-such-command"], "No such command"),
    ],
)
def test_bad_values_are_usage_errors(
    arguments: list[str], told: str, pipeline: Pipeline, invoke: Callable[..., Result]
) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert pipeline.calls == []


def test_options_before_a_command_are_not_lost_in_silence(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("--depth", "50", "export")
    assert done.exit_code == 2
    assert "--depth stands before the command; write: resnet-export export ... --depth ..." in done.stderr
    assert pipeline.calls == []


def test_a_commands_name_wins_over_a_files(tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    (tmp_path / "export").touch()
    assert invoke("export").exit_code == 0
    assert len(pipeline.calls) == 1


def test_the_root_has_the_options_of_export() -> None:
    options = [option.name for option in root.params if option.name != "version"]
    assert [option.name for option in command.params if option.name != "source"] == options


def test_results_go_to_stdout_alone(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke()
    assert done.stdout.startswith("ResNet-18 from torch\n")
    assert done.stderr == ""
