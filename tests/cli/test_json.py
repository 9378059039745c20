from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.launching import launch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.cli.conftest import Pipeline

NOISE = {
    "descriptor": "import os\nos.write(1, b'noise')",
    "print": "print('noise')",
    "C": "import ctypes\nctypes.CDLL(None).printf(b'noise')",
    "child": "import subprocess\nsubprocess.run(['echo', 'noise'], check=True)",
}


@pytest.mark.parametrize("work", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("arguments", [[], ["--verbose"]], ids=["quiet", "verbose"])
def test_stdout_is_one_object_and_nothing_else(work: str, arguments: list[str], tmp_path: Path) -> None:
    done = launch(work, "--json", *arguments, folder=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"passed": True}
    assert ("noise" in done.stderr) == bool(arguments)


def test_has_the_report(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(pipeline.report.as_dict()))
    assert done.stderr == ""


def test_the_report_file_has_the_same(tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("--json", "--report", "report.json")
    assert (tmp_path / "report.json").read_text() == done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_report_file_beside_a_summary(tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    assert invoke("--report", "report.json").stdout.startswith("ResNet-18")
    assert json.loads((tmp_path / "report.json").read_text())["schema_version"] == 3


@pytest.mark.long
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_a_real_export_is_quiet(framework: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    network = ["--width", "8", "--image-size", "32", "--num-classes", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "resnet_export", "--framework", framework, *network, "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert report["size"] == (tmp_path / "resnet18.onnx").stat().st_size
