"""The README of a bundle works to the letter where nothing else is installed, and the wheel brings the clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from resnet_export.deploy import deploy
from tests.classify.files import LABELS, ours
from tests.deploy.running import multiply_first_weights
from tests.deploy.test_targets import needs

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.long


def commands(bundle: Path) -> list[str]:
    """What the README tells its reader to type, and the self-test that it names below."""
    text = (bundle / "README.md").read_text(encoding="utf-8")
    (self_test,) = re.findall(r"^`(.*)` answers the golden pictures", text, re.MULTILINE)
    typed = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(typed) <= 2
    return [*typed, self_test]


@pytest.mark.parametrize("name", ["ort", "node"])
def test_the_readme_works_as_it_stands(name: str, tmp_path: Path) -> None:
    needs(name)
    bundle = tmp_path / "bundle"
    (made,) = deploy(ours(tmp_path / "net.onnx", labels=LABELS), name, bundle).bundles
    if made.status == "missing":
        pytest.skip(made.reason or "")
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
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5), done.stderr
    assert typed(self_test).returncode == 0
    multiply_first_weights(bundle / "net.onnx")
    assert typed(self_test).returncode == 1


def test_the_wheel_brings_the_clients(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    clients = ROOT / "resnet_export" / "deploy" / "clients"
    wanted = {str(file.relative_to(ROOT)) for file in clients.rglob("*.*") if "__pycache__" not in file.parts}
    assert len(wanted) > 10
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())
