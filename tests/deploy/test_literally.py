"""The README of a bundle works to the letter where nothing else is installed, and the wheel brings the clients."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resnet_export import quantize
from resnet_export.deploy import deploy
from resnet_export.targets import write
from tests.deploy.running import multiply_first_scale, multiply_weights_in
from tests.deploy.test_targets import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Exported

ROOT = Path(__file__).parents[2]
OF_MNN = ("The device supports", "MNN use")
"""What MNN itself prints beside the answers."""
pytestmark = pytest.mark.long


def commands(bundle: Path) -> list[str]:
    """What the README tells its reader to type, and the self-test that it names below."""
    text = (bundle / "README.md").read_text(encoding="utf-8")
    (self_test,) = re.findall(r"^`(.*)` answers the golden pictures", text, re.MULTILINE)
    typed = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(typed) <= 2
    return [*typed, self_test]


@pytest.mark.parametrize(
    "name", ["ort", "node", "openvino", "openvino-cpp", "ncnn", "litert", "mnn", "tract", "opencv"]
)
def test_the_readme_works_as_it_stands(name: str, exported: Exported, tmp_path: Path) -> None:
    run = typed_in(name, exported.path, tmp_path)
    for network in json.loads((tmp_path / "bundle" / "deploy.json").read_text())["artefacts"]:
        if "float16" not in network and not network.endswith(".ort"):
            multiply_weights_in(tmp_path / "bundle" / network, exported.path)
    assert run(commands(tmp_path / "bundle")[-1]).returncode == 1


@pytest.fixture(scope="module")
def int8(exported: Exported, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in int8, which was measured."""
    net = tmp_path_factory.mktemp("int8") / "net.onnx"
    quantize(exported.path, net, calibrate=photos, keep=True, force=True)
    return net


@pytest.mark.parametrize("name", ["ort", "node", "openvino", "openvino-cpp"])
def test_it_works_in_int8(name: str, int8: Path, tmp_path: Path) -> None:
    net = Path(shutil.copy(int8, tmp_path))
    run = typed_in(name, net, tmp_path)
    made = tmp_path / "bundle" / "net.onnx"
    if made.exists():
        multiply_first_scale(made)
    else:
        multiply_first_scale(net)
        write("openvino", net, tmp_path / "bundle")
    assert run(commands(tmp_path / "bundle")[-1]).returncode == 1


def typed_in(name: str, net: Path, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Follows the README of a bundle, self-test included; gives what runs a command of it."""
    needs(name)
    bundle = tmp_path / "bundle"
    (made,) = deploy(net, name, bundle).bundles
    if made.status == "missing":
        pytest.skip(made.reason or "")
    assert (made.status, made.reason) == ("proven", None)
    assert not (bundle / "build").exists()
    venv.create(tmp_path / "fresh", with_pip=True)
    path = f"{tmp_path / 'fresh' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PATH": path}

    def typed(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=True, cwd=bundle, env=environment, capture_output=True, text=True, check=False
        )

    install, run, self_test = commands(bundle)
    done = typed(install)
    assert done.returncode == 0, done.stderr
    done = typed(run)
    answers = [line for line in done.stdout.splitlines() if not line.startswith(OF_MNN)]
    assert (done.returncode, len(answers)) == (0, 5), done.stdout + done.stderr
    assert typed(self_test).returncode == 0
    return typed


def test_the_wheel_brings_the_clients(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    clients = ROOT / "resnet_export" / "deploy" / "clients"
    wanted = {str(file.relative_to(ROOT)) for file in clients.rglob("*.*") if "__pycache__" not in file.parts}
    assert len(wanted) > 10
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())
