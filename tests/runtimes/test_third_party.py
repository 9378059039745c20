"""A runtime of someone else, installed as a package: it takes part without a change here."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "half-runtime"
version = "1.0"

[project.entry-points."resnet_export.runtimes"]
half = "half_runtime:RUNTIME"

[tool.setuptools]
py-modules = ["half_runtime"]
"""

RUNTIME = '''\
"""ONNX Runtime with the images in half precision: wrong on request."""

from dataclasses import dataclass

import numpy as np
import onnxruntime

from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session


@dataclass(frozen=True)
class Options:
    round: bool = False


class HalfSession(Session):
    def __init__(self, path, options):
        self.inner = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.round = options.round

    def run(self, images):
        images = images.astype(np.float16).astype(np.float32) if self.round else images
        return self.inner.run(None, {"input": images})[0]


RUNTIME = Runtime(Options, lambda: "half-runtime 1.0", HalfSession)
'''

VERIFY = """\
import json, sys
from resnet_export import verify
from resnet_export.runtimes import find, names
found = [verify(sys.argv[1], runtimes=[text]) for text in ("half", "half,round=true")]
print(json.dumps({
    "known": "half" in names(),
    "probe": find("half").probe(),
    "passed": [report.passed for report in found],
    "statuses": [[(one.runtime, one.status) for one in report.runtimes] for report in found],
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a virtual environment that has the third party's package, and sees all of this one's."""
    folder = tmp_path_factory.mktemp("third party")
    (folder / "package").mkdir()
    (folder / "package" / "pyproject.toml").write_text(PROJECT)
    (folder / "package" / "half_runtime.py").write_text(RUNTIME)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    executable = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    site = subprocess.run(
        [executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    ours = [sysconfig.get_path("purelib"), str(Path(__file__).parents[2])]
    (Path(site) / "ours.pth").write_text("\n".join(ours) + "\n")
    subprocess.run(
        [executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", str(folder / "package")],
        check=True,
    )  # fmt: skip
    return executable


def test_it_is_about_30_lines() -> None:
    assert len([line for line in RUNTIME.splitlines() if line.strip()]) <= 30


@pytest.mark.long
def test_it_takes_part_in_verify_with_its_options(python: Path, plain: Path) -> None:
    done = subprocess.run([python, "-c", VERIFY, plain], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "known": True,
        "probe": "half-runtime 1.0",
        "passed": [True, False],
        "statuses": [[["half", "passed"]], [["half,round=true", "failed"]]],
    }
