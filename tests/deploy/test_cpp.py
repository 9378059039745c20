"""OpenVINO in C++: the client is built as its README says, and runs by itself."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.bench.case import expand_cases
from resnet_export.deploy import deploy
from resnet_export.deploy.check import verify_bundle
from resnet_export.deploy.targets import cpp
from tests.classify.files import LABELS, LOGITS, PREPARED, ours, weights
from tests.deploy.running import multiply_weights_in
from tests.deploy.test_targets import needs
from tests.inspect.graphs import model_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
CLIENT, SELFTEST = "build/client", "build/selftest"
pytestmark = pytest.mark.long


def run(bundle: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of a bundle."""
    return subprocess.run(command, cwd=bundle, capture_output=True, text=True, timeout=240, check=False)


def change(monkeypatch: pytest.MonkeyPatch, **client: Any) -> None:
    """Gives the target another client."""
    changed = dataclasses.replace(cpp.TARGET, client=dataclasses.replace(cpp.TARGET.client, **client))
    monkeypatch.setattr(cpp, "TARGET", changed)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with what the proof has built, beside its source."""
    needs("openvino-cpp")
    folder = tmp_path_factory.mktemp("cpp")
    bundle = folder / "bundle"
    with pytest.MonkeyPatch.context() as monkeypatch:
        change(monkeypatch, leaves=())
        (result,) = deploy(ours(folder / "net.onnx", labels=LABELS), "openvino-cpp", bundle).bundles
    assert (result.status, result.reason, result.artefacts) == ("proven", None, ("net.xml",))
    (proof,) = result.proofs
    assert [one for one in proof.decoders if one.picture != "12-cmyk.jpg" or one.levels > 2] == []  # rounded otherwise
    assert proof.top1_agreed == 14
    assert proof.peak_mb is not None
    assert re.fullmatch(r"openvino [\d.]+, OpenCV [\d.]+", proof.runtime)
    assert re.fullmatch(r"openvino==[\d.]+\n", (bundle / "requirements.txt").read_text())
    assert (bundle / "README.md").read_text().count("\n$ ") == 2
    return bundle


def test_everyone_names_the_same_packages() -> None:
    packages = cpp.APT.removeprefix("apt-get install ")
    assert f"\nCPP := {packages}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"\n{cpp.APT}\n" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy, which may be spoilt."""
    return shutil.copytree(made, tmp_path / "bundle")


def test_the_other_commands_read_it_for_openvino(made: Path) -> None:
    report = verify_bundle(made)
    assert report.passed
    assert [one.runtime for one in report.comparisons] == ["net.xml in openvino"]
    assert [case.runtime for case in expand_cases([made])] == ["openvino"]


def test_the_client_prints_the_five_most_probable(made: Path, tmp_path: Path) -> None:
    lines = [line.split("  ") for line in run(made, CLIENT, "golden/08-colour.jpg").stdout.splitlines()]
    golden = json.loads((made / "golden" / "golden.json").read_text())
    assert lines[0][1:] == [f"class {golden['pictures']['08-colour.jpg']['top1']}", "golden/08-colour.jpg"]
    found = [float(line[0]) for line in lines]
    assert (len(found), found) == (5, sorted(found, reverse=True))
    done = run(made, CLIENT)
    assert (done.returncode, done.stderr) == (2, "Give pictures: build/client cat.jpg\n")
    done = run(made, CLIENT, "README.md")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "README.md is no picture that can be read")
    done = run(tmp_path, str(made / CLIENT), "cat.jpg")
    assert (done.returncode, done.stderr) == (1, "There is no deploy.json: run this in the folder of the bundle\n")


def test_the_self_test(bundle: Path, made: Path) -> None:
    done = run(bundle, SELFTEST)
    assert (done.returncode, done.stdout) == (0, "14 pictures, 0 wrong answers\n")
    done = run(bundle, SELFTEST, "--help")
    assert (done.returncode, done.stderr) == (1, "Options: --json, --model FILE\n")
    multiply_weights_in(bundle / "net.xml", made.parent / "net.onnx")
    done = run(bundle, SELFTEST, "--model", "net.xml")
    assert done.returncode == 1
    assert "wrong answers 01-colour.png" in done.stdout
    (bundle / "net.bin").unlink()
    assert run(bundle, SELFTEST).returncode == 1


@pytest.mark.parametrize(
    "variant",
    [
        {"preprocess": "uint8", "head": "probabilities", "layout": "nhwc"},
        {"batch": 2, "classes": 1},
        {"preprocessing": dataclasses.replace(PREPARED, bgr=True)},
        {"grey": True},
    ],
)
def test_every_kind_of_file(
    variant: dict[str, Any], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One built client serves all bundles."""
    change(monkeypatch, prove=lambda folder: [str(made / SELFTEST)], leaves=())
    net = tmp_path / "net.onnx"
    if "grey" in variant:
        proto = model_of("(float[N,1,32,32] x) => (float[N,10] y)", LOGITS, **weights(channels=1))
        net.write_bytes(proto.SerializeToString())
    else:
        ours(net, **variant)
    (result,) = deploy(net, "openvino-cpp", tmp_path / "bundle").bundles
    assert (result.status, result.reason) == ("proven", None)


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ((), "cmake is not here, and the proof builds the bundle's client with it."),
        (("cmake", "make"), "The bundle's client can't be built here: No CMAKE_CXX_COMPILER could be found."),
    ],
)
def test_without_a_compiler_it_says_what_to_install(
    tools: Sequence[str], reason: str, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("openvino-cpp")
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in tools:
        (programs / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(programs))
    (made,) = deploy(net, "openvino-cpp", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code, made.reason) == ("missing", 5, reason)
    assert "apt-get install cmake g++ make libopencv-imgcodecs-dev " in (made.hint or "")
    assert not (tmp_path / "bundle").exists()
