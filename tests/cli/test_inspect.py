from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_help import ALLOWED, DUMP, HEAVY
from tests.inspect.graphs import model_of, zeros

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two files that differ, and one that claims to be ours and is not."""
    for name, operator in (("a", "Relu"), ("b", "Sigmoid"), ("false", "Relu")):
        proto = model_of(
            "(float[N,3,8,8] x) => (float[N,6,8,8] y)", f"c = Conv(x, w) y = {operator}(c)", **zeros(w=(6, 3, 1, 1))
        )
        if name == "false":
            proto.metadata_props.add(key="resnet_export.format", value="1")
        (tmp_path / f"{name}.onnx").write_bytes(proto.SerializeToString())
    return tmp_path


def test_a_file(files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", "a.onnx")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("a.onnx\n  file ")
    assert "1 Conv, 1 Relu" in done.stdout


def test_json(files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", "a.onnx", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["multiply_adds"] == 6 * 64 * 3


def test_a_failed_check_is_1_and_shown(files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", "false.onnx")
    assert (done.exit_code, done.stderr) == (1, "")
    assert "FAILED" in done.stdout
    done = invoke("inspect", "false.onnx", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["passed"] is False


def test_diff(files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", "a.onnx", "--diff", "b.onnx")
    assert (done.exit_code, done.stderr) == (1, "")
    assert "node1 operator: Relu -> Sigmoid" in done.stdout
    assert invoke("inspect", "a.onnx", "--diff", "a.onnx").exit_code == 0


def test_diff_as_json(files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", "a.onnx", "--diff", "b.onnx", "--json")
    assert done.exit_code == 1
    data = json.loads(done.stdout)
    assert data["same"] is False
    assert data["structure"] == [{"where": "node1", "what": "operator", "first": "Relu", "second": "Sigmoid"}]


@pytest.mark.parametrize("arguments", [["no.onnx"], ["a.onnx", "--diff", "no.onnx"], ["no.onnx", "--json"]])
def test_a_missing_file_is_3(arguments: list[str], files: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("inspect", *arguments)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == "error: There is no file no.onnx.\nGive the path of an .onnx file.\n"


def test_no_argument_is_usage(invoke: Callable[..., Result]) -> None:
    done = invoke("inspect")
    assert done.exit_code == 2
    assert "Missing argument 'FILE'" in done.stderr


def test_help_is_readable_and_light(invoke: Callable[..., Result]) -> None:
    text = invoke("inspect", "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "--diff OTHER" in text
    assert "Usage: resnet-export inspect [OPTIONS] FILE" in text
    assert "\n  FILE" not in text, "the usage line has it"
    assert "  inspect " in invoke("--help").stdout
    done = subprocess.run(
        [sys.executable, "-c", DUMP, "inspect", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    imported = set(json.loads(done.stderr.splitlines()[-1]))
    assert not imported & HEAVY
    third_parties = {name for name in imported if name.lstrip("_") not in sys.stdlib_module_names | {"colorama"}}
    assert third_parties - sys.stdlib_module_names == ALLOWED
