from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from resnet_export.errors import UnavailableError
from resnet_export.parity.gate.gate import TOLERANCES
from resnet_export.runtimes import TEST_DOUBLES, find, names
from resnet_export.weights import Weights
from tests.cli.test_completion import complete

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.conftest import Exported

GUIDE = Path(__file__).parents[2] / "docs" / "verify.md"


@pytest.fixture
def net(exported: Exported, tmp_path: Path) -> str:
    """The name of a canonical file in the folder in which the command runs."""
    shutil.copy(exported.path, tmp_path / "net.onnx")
    return "net.onnx"


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "net.onnx")


def test_a_pass(net: str, exported: Exported, photos: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("verify", net, "--runtime", "ort:cpu", "--weights", str(exported.checkpoint), "--images", str(photos))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("net.onnx: passed in 1 runtime\n")
    assert "\n  ort:cpu  1 2 7 " in done.stdout
    assert "\n           2 pictures " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_failure_is_1_and_shown(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    arguments = [f"--runtime=synthetic,{option}" for option in ("error=0.01", "fail=crash", "fail=load", "fail=run")]
    done = invoke("verify", net, "--runtime=ort:cpu", *arguments, "--output", "verify.xml", "--output", "verify.html")
    assert done.exit_code == 1
    assert done.stderr == "error: net.onnx did not pass: 6 checks failed.\n"
    assert done.stdout.startswith("net.onnx: FAILED in 4 of 5 runtimes\n")
    assert "ended by SIGABRT" in " ".join(done.stdout.split())
    assert "Layer by layer" not in done.stdout, "--bisect was not given"
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert written(tmp_path) == ["verify.html", "verify.xml"]
    suites = ET.parse(tmp_path / "verify.xml").getroot()
    assert {name: suites.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "10", "failures": "5", "errors": "1", "skipped": "0",
    }  # fmt: skip
    assert "<polyline" in (tmp_path / "verify.html").read_text()


def test_the_wrong_layer_is_named(net: str, exported: Exported, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    """The checkpoint has two biases of one block the other way round."""
    changed = {name: np.array(value) for name, value in exported.weights.items()}
    first, second = "layer3.1.bn1.bias", "layer3.1.bn2.bias"
    changed[first], changed[second] = changed[second], changed[first]
    Weights(exported.weights.spec, changed).save(tmp_path / "other.safetensors")
    done = invoke("verify", net, "--runtime=ort:cpu", "--weights=other.safetensors", "--bisect")
    assert done.exit_code == 1
    assert "First wrong layer: layer3.1.conv1, in " in done.stdout
    assert "changed places" in done.stdout.partition("Likely cause: ")[2]
    (row,) = [line for line in done.stdout.splitlines() if line.split()[:2] == ["layer3.1.conv1", "Conv"]]
    assert row.endswith("  WRONG")


def test_bisect(net: str, invoke: Callable[..., Result]) -> None:
    done = invoke("verify", net, "--runtime=ort:cpu", "--bisect")
    assert done.exit_code == 0
    table = done.stdout.partition("Layer by layer in ort:cpu")[2].splitlines()[2:51]
    assert [line.split()[0] for line in (table[0], table[-1])] == ["conv1", "fc"]


class TestJson:
    def test_is_one_object(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("verify", net, "--runtime=ort:cpu", "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        data = json.loads(done.stdout, parse_constant=pytest.fail)
        assert (data["schema_version"], data["passed"], data["bisection"]) == (2, True, None)
        assert [entry["batch"] for entry in data["comparisons"]] == [1, 2, 7]

    def test_of_a_failure_that_is_not_finite(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("verify", net, "--runtime=synthetic,error=inf", "--json")
        assert done.exit_code == 1
        data = json.loads(done.stdout, parse_constant=pytest.fail)
        assert {entry["error"] for entry in data["comparisons"]} == {"inf"}
        assert done.stderr == "error: net.onnx did not pass: 3 checks failed.\n"


class TestUsage:
    def test_an_unknown_runtime(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("verify", net, "--runtime", "openvin")
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("error: There is no runtime 'openvin'.\nDid you mean openvino? ")

    def test_an_unknown_option(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("verify", net, "--runtime", "ort:cpu,thread=2")
        assert done.exit_code == 2
        assert "ort:cpu has no option 'thread'.\nDid you mean threads? " in done.stderr

    def test_no_file(self, invoke: Callable[..., Result]) -> None:
        done = invoke("verify")
        assert done.exit_code == 2
        assert "Missing argument 'FILE'" in done.stderr


class TestOutputs:
    """Found out before the work: the file to verify does not even exist."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["-o", "out.xml"], "error: out.xml exists already.\nGive --force to replace it, or another --output.\n"),
            (["-o", "no/out.xml"], "The folder no does not exist.\nCreate it, or give another --output."),
            (["-o", "a.onnx", "--force"], "Give a file in .json, .html or .xml."),
            (["-o", "./net.json", "--force"], "--output ./net.json would replace another file."),
            (["-o", "a.xml", "-o", "./a.xml"], "--output ./a.xml would replace another file."),
            (["--weights", "w.json", "-o", "w.json"], "--output w.json would replace another file."),
            (["--html", "page.html"], "There is no --html any more; write --output page.html."),
            (["--junit", "out.xml"], "There is no --junit any more; write --output results.xml."),
        ],
    )
    def test_is_refused(
        self, arguments: list[str], message: str, tmp_path: Path, invoke: Callable[..., Result]
    ) -> None:
        (tmp_path / "out.xml").write_text("old")
        done = invoke("verify", "net.json", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
        assert (tmp_path / "out.xml").read_text() == "old"

    def test_force_replaces_it(self, net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
        (tmp_path / "out.xml").write_text("old")
        assert invoke("verify", net, "--runtime=ort:cpu", "--output", "out.xml", "--force").exit_code == 0
        assert ET.parse(tmp_path / "out.xml").getroot().tag == "testsuites"

    def test_none_after_bad_input(self, tmp_path: Path, invoke: Callable[..., Result]) -> None:
        (tmp_path / "bad.onnx").write_bytes(b"no model")
        done = invoke("verify", "bad.onnx", "-o", "a.html", "-o", "b.xml")
        assert (done.exit_code, done.stdout) == (3, "")
        assert written(tmp_path) == ["bad.onnx"]


@pytest.mark.parametrize(
    "arguments", [["no.onnx"], ["net.onnx", "--weights", "no.pth"], ["net.onnx", "--images", "no"]]
)
def test_bad_input_is_3(arguments: list[str], net: str, invoke: Callable[..., Result]) -> None:
    done = invoke("verify", *arguments, "--runtime", "ort:cpu")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_named_runtime_that_is_not_installed_is_4(
    net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Callable[..., Result]
) -> None:
    # In the way of the package: each runtime has a process of its own.
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "tract.py").write_text("raise ModuleNotFoundError('tract', name='tract')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    done = invoke("verify", net, "--runtime=ort:cpu", "--runtime=tract", "--output", "verify.xml")
    assert (done.exit_code, done.stdout) == (4, "")
    message, hint = done.stderr.splitlines()
    assert message.startswith("error: tract is ")
    assert message.endswith("not installed.")
    assert hint == 'Install it with: pip install "resnet-export[tract]"'
    assert written(tmp_path) == ["path"]


class TestCuda:
    @pytest.fixture(autouse=True)
    def absent(self) -> None:
        try:
            find("ort:cuda").probe()
        except UnavailableError:
            return
        pytest.skip("CUDA runs here")

    def test_a_named_runtime_without_its_library_is_5(
        self, net: str, tmp_path: Path, invoke: Callable[..., Result]
    ) -> None:
        done = invoke("verify", net, "--runtime", "ort:cuda", "--output", "verify.html")
        assert (done.exit_code, done.stdout) == (5, "")
        assert re.match(r"error: CUDAExecutionProvider ", done.stderr)
        assert written(tmp_path) == []

    def test_a_fallback_is_said(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("verify", net, "--runtime", "ort:cuda", "--allow-fallback")
        assert done.exit_code == 0
        assert done.stdout.startswith("net.onnx: passed in 1 runtime (FALLBACK: ort:cuda)\n")
        assert "FALLBACK: the CPU ran it: " in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_nothing_behind(net: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_export", "verify", net, "-v", "-o", "a.html", "-o", "b.xml"]
    process = subprocess.Popen(
        [*command, "--runtime=synthetic,fail=hang"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        stages = [line.split()[0] for _, line in zip(range(1), process.stderr, strict=False)]
        time.sleep(2)  # until the runtime hangs; it tells nobody
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the runtime's process, too
        stdout, stderr = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert stages == ["read"]
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "interrupted; nothing was written"
    assert "Traceback" not in stderr
    assert written(tmp_path) == []


def test_quiet_and_light(net: str, tmp_path: Path) -> None:
    """A runtime's own chatter stays in its process; nothing but the object is on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "resnet_export", "verify", net, "--json", "--runtime=ort:cpu", "--runtime=openvino"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["passed"] is True


def test_completes_runtimes() -> None:
    assert complete(["verify", "--runtime"], "") == [name for name in names() if name not in TEST_DOUBLES]
    assert complete(["verify", "--runtime"], "torch") == ["torch", "torch:compile"]
    assert complete(["verify", "--runtime"], "synth") == []


def test_the_guide_has_every_runtime_option_and_tolerance() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in names():
        kind: Any = find(name).options
        for word in (name, *(field.name for field in dataclasses.fields(kind))):
            assert f"`{word}`" in text, f"{word} of {name}"
    for precision, tolerance in TOLERANCES.items():
        assert re.search(rf"^\| {precision} +\| +{100 * tolerance.relative:.3g} % \| {re.escape(tolerance.reason)} \|$",
                         text, re.MULTILINE), precision  # fmt: skip
