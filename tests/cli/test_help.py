from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from resnet_export import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

HEAVY = {
    "PIL",
    "cpuinfo",
    "h5py",
    "keras",
    "ml_dtypes",
    "numpy",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "requests",
    "psutil",
    "pyarrow",
    "rich",
    "safetensors",
    "tensorflow",
    "tf2onnx",
    "torch",
}
ALLOWED = {"click", "resnet_export"}
COMMANDS = (
    "export", "verify", "predict", "evaluate", "quantize", "bench", "deploy", "score", "doctor", "inspect",
    "completion",
)  # fmt: skip

DUMP = """
import atexit, json, sys
before = set(sys.modules)
atexit.register(lambda: print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})),
                              file=sys.stderr))
sys.argv = ["resnet-export", *sys.argv[1:]]
from resnet_export.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([command, "--help"] for command in COMMANDS),
        ["--version"],
        ["--depth", "20"],
        ["verify", "net.onnx", "--output", "page.txt"],
    ],
)
def test_imports_click_and_nothing_heavier(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DUMP, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    imported = set(json.loads(done.stderr.splitlines()[-1]))
    assert not imported & HEAVY
    third_parties = {name for name in imported if name.lstrip("_") not in sys.stdlib_module_names | {"colorama"}}
    third_parties -= sys.stdlib_module_names
    assert third_parties == ALLOWED


def test_the_root_shows_usage_examples_options_and_commands(invoke: Callable[..., Result]) -> None:
    text = invoke("--help").stdout
    assert text.startswith("Usage: resnet-export [OPTIONS] [COMMAND]")
    assert text.count("\n    resnet-export ") == 7
    assert "resnet-export best.ckpt --labels labels.txt --output resnet.onnx\n" in text
    assert "\nCommands:\n  export " in text
    assert "  completion " in text
    assert "--opset" in text


@pytest.mark.parametrize("arguments", [[], ["export"]])
def test_options_stand_under_headings(arguments: list[str], invoke: Callable[..., Result]) -> None:
    lines = invoke(*arguments, "--help").stdout.splitlines()
    headings = ["Network:", "File:", "Preprocessing:", "Check:", "Output:", "Other:"]
    positions = [lines.index(heading) for heading in headings]
    assert positions == sorted(positions)
    assert "  --depth N" in " ".join(lines[positions[0] : positions[1]])
    assert "--opset" in " ".join(lines[positions[1] : positions[2]])
    assert "--mean" in " ".join(lines[positions[2] : positions[3]])
    assert "--images" in " ".join(lines[positions[3] : positions[4]])
    assert "--json" in " ".join(lines[positions[4] : positions[5]])
    assert "--help" in " ".join(lines[positions[5] :])


@pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS if command != "bench")])
def test_is_readable_at_80_columns(arguments: list[str], invoke: Callable[..., Result]) -> None:
    done = invoke(*arguments, "--help")
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_every_option_has_help() -> None:
    from resnet_export.cli import export

    assert [one.name for one in export.params if isinstance(one, click.Option) and not one.help] == []


def test_version(invoke: Callable[..., Result]) -> None:
    done = invoke("--version")
    assert (done.exit_code, done.stdout) == (0, f"resnet-export, version {__version__}\n")


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resnet_export", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"resnet-export, version {__version__}\n"
