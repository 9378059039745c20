from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.classify.files import ours
from tests.deploy.running import multiply_first_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


def test_a_bundle(invoke: Callable[..., Result]) -> None:
    ours(Path("net.onnx"))
    done = invoke("deploy", "net.onnx", "--target", "ort", "--output", "bundle", "--report", "report.json")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "net.onnx (float32), 14 golden pictures"
    assert lines[3].split()[:2] == ["ort", "net.onnx"]
    assert max(map(len, lines)) <= 100
    report = json.loads(Path("report.json").read_text())
    assert report["bundles"][0]["status"] == "proven"
    assert report["exit_code"] == 0


def test_a_bundle_that_is_refused_says_why_and_gives_its_code(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from resnet_export.deploy.targets import python
    from resnet_export.errors import MissingDependencyError

    def missing(*arguments: object) -> None:
        raise MissingDependencyError("ort is missing.", hint="Install it with: pip install onnxruntime")

    monkeypatch.setattr(type(python.ORT), "refuse", missing)
    ours(Path("net.onnx"))
    done = invoke("deploy", "net.onnx", "--target", "ort", "--output", "bundle")
    assert done.exit_code == 4
    assert "ort is missing. Install it with: pip install onnxruntime" in " ".join(done.stdout.split())
    assert "error: No bundle was written for ort; the result says why." in done.stderr
    assert not Path("bundle").exists()


def test_the_forms(invoke: Callable[..., Result]) -> None:
    ours(Path("net.onnx"))
    done = invoke("deploy", "net.onnx", "--target", "ort", "-o", "b", "--markdown", "--report", "r.csv")
    assert done.stdout.startswith("| target | artefact | size |")
    rows = Path("r.csv").read_text().splitlines()
    assert rows[0].startswith("target,status,size,reason,artefact,precision,error")
    assert len(rows) == 3


def test_the_list(invoke: Callable[..., Result]) -> None:
    done = invoke("deploy", "--list")
    assert done.exit_code == 0
    assert "\n  ort " in done.stdout
    assert "  tensorrt: " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert json.loads(invoke("deploy", "--list", "--json").stdout)["targets"][0]["name"] == "ort"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give FILE, or --list."),
        (["net.onnx"], "Give --target, or --list."),
        (["net.onnx", "--target", "ort"], "Give --output, or --list."),
        (["net.onnx", "--target", "orr", "--output", "b"], "There is no target 'orr'."),
        (["none.onnx", "--target", "ort", "--output", "b"], "none.onnx"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, invoke: Callable[..., Result]) -> None:
    done = invoke("deploy", *arguments)
    assert done.exit_code in (2, 3)
    assert message in done.stderr


@pytest.mark.parametrize(("name", "target"), [("x.tflite", "litert"), ("x.xml", "openvino"), ("x.ort", "ort")])
def test_export_names_this_command_for_the_format_of_another_runtime(
    name: str, target: str, invoke: Callable[..., Result]
) -> None:
    done = invoke("export", "--output", name)
    assert done.exit_code == 2
    assert f"{name} is a name for {target}'s format" in done.stderr
    assert f"resnet-export deploy x.onnx --target {target} --output x" in " ".join(done.stderr.split())


@pytest.mark.long
def test_verify_and_bench_read_a_bundle_by_its_folder(invoke: Callable[..., Result]) -> None:
    ours(Path("net.onnx"))
    assert invoke("deploy", "net.onnx", "--target", "ort", "-o", "bundle").exit_code == 0
    done = invoke("verify", "bundle")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("bundle: passed in 2 runtimes\n")
    done = invoke("verify", "bundle", "--weights", "net.onnx")
    assert done.exit_code == 2
    assert "A bundle is checked on its own pictures." in done.stderr
    multiply_first_weights(Path("bundle/net.onnx"))
    assert invoke("verify", "bundle").exit_code == 1
    assert invoke("verify", "bundle/net.ort").exit_code == 0
    done = invoke("bench", "bundle", "--seconds", "5", "--json")
    assert done.exit_code == 0, done.stderr
    cases = [one["case"] for one in json.loads(done.stdout)["cases"]]
    assert [(one["model"]["path"], one["runtime"]) for one in cases] == [
        (f"bundle/{name}", "ort:cpu") for name in ("net.onnx", "net.ort")
    ]
