"""Every target for real: a bundle is written, and runs by itself."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from google.protobuf import text_format

from resnet_export.bench.case import expand_cases
from resnet_export.bench.compare.side import read_sides
from resnet_export.deploy import bundle as bundle_module
from resnet_export.deploy import deploy
from resnet_export.deploy.check import verify_bundle
from resnet_export.deploy.source import read_source
from resnet_export.deploy.target import TARGETS, Artefact, find
from resnet_export.deploy.targets.triton import configuration
from resnet_export.errors import (
    ImageError,
    MissingDependencyError,
    NotApplicableError,
    ParityError,
    UnavailableError,
    UsageError,
)
from resnet_export.targets.signature import read_signature
from tests.classify.files import LABELS, foreign, ours
from tests.deploy.running import move_first_pad, multiply_first_weights, run_python

if TYPE_CHECKING:
    from resnet_export.deploy.expected import Golden
    from resnet_export.deploy.results import Proof
    from tests.conftest import Exported

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
IN_PYTHON = ("openvino", "ncnn", "litert", "mnn", "tract", "opencv")
ARTEFACTS = {
    "openvino": ("net.xml",),
    "ncnn": ("net.param", "net-float16.param"),
    "litert": ("net.tflite", "net-float16.tflite"),
    "mnn": ("net.mnn",),
    "tract": ("net.onnx",),
    "opencv": ("net.onnx",),
}


def needs(name: str) -> None:
    """Skips a test where what it needs is not here."""
    try:
        find(name).client.needs()
    except (MissingDependencyError, UnavailableError) as error:
        pytest.skip(error.message)


def test_every_target_has_its_row_in_the_documentation() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("## Targets") : text.index("## What is in a bundle")]
    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")] == list(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_every_client_is_there_and_short(name: str) -> None:
    clients = Path(__file__).parents[2] / "resnet_export" / "deploy" / "clients"
    for file in find(name).client.files.values():
        lines = (clients / file).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 105 or file.endswith("package-lock.json")


@pytest.mark.long
def test_a_wrong_pad_in_the_artefact_of_ncnn_is_named(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("ncnn")
    from resnet_export.deploy.targets import python

    def write(*arguments: Any) -> Any:
        made = python.write_ncnn(*arguments)[:1]
        text = made[0].path.read_text()
        lines = [line for line in text.splitlines() if line.startswith("Convolution")]
        wrong = lines[3].replace(" 4=1 ", " 4=2 15=0 ")  # the left pad, and the right one, which is otherwise the same
        assert wrong != lines[3]
        made[0].path.write_text(text.replace(lines[3], wrong))
        return made

    monkeypatch.setattr(python, "NCNN", dataclasses.replace(python.NCNN, write=write))
    (made,) = deploy(exported.path, "ncnn", tmp_path / "bundle").bundles
    assert made.status == "failed"
    assert "First wrong layer: layer1.1.conv1." in (made.reason or "")


@pytest.mark.long
@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_bundle_in_python(name: str, tmp_path: Path) -> None:
    """`verify` and `bench` read it for the runtime that it was made for."""
    bundle = prove(name, ours(tmp_path / "net.onnx", labels=LABELS), tmp_path)
    report = verify_bundle(bundle)
    assert report.passed
    ran = [f"{one.runtime.partition(' in ')[2]}: {one.precision}" for one in report.runtimes]
    half = {"ncnn": ["ncnn,precision=float16: float16"], "litert": ["litert: float32"]}.get(name, [])
    assert ran == [f"{name}: float32", *half]
    runtimes = [case.runtime for case in expand_cases([bundle])]
    assert runtimes == [name, *(one.partition(":")[0] for one in half)]
    side, _ = read_sides(f"model={bundle / ARTEFACTS[name][-1] if half else bundle}", "io=host")
    assert side.runtime == runtimes[-1]


def test_float16_that_is_too_far_off_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an offer beside what was asked for: the bundle stays."""
    needs("ncnn")
    prove = bundle_module.prove

    def refuse(name: str, command: Any, folder: Path, artefact: Artefact, golden: Golden) -> Proof:
        if artefact.precision == "float16":
            raise ParityError("The client of ncnn is 1 from the truth.")
        return prove(name, command, folder, artefact, golden)

    monkeypatch.setattr(bundle_module, "prove", refuse)
    (made,) = deploy(ours(tmp_path / "net.onnx"), "ncnn", bundle := tmp_path / "bundle").bundles
    assert (made.status, made.exit_code, made.artefacts) == ("proven", 0, ("net.param",))
    assert made.reason == "net-float16.param was left out. The client of ncnn is 1 from the truth."
    assert not list(bundle.glob("*float16*"))
    assert "float16" not in (bundle / "deploy.json").read_text() + (bundle / "README.md").read_text()
    assert run_python(bundle, "selftest.py").returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["ort", "tract", "triton"])
def test_a_file_of_another_exporter(name: str, tmp_path: Path) -> None:
    """Its numbers are beside it, under a name of their own, and it notes the sizes between its nodes."""
    needs(name)
    net, bundle = foreign(tmp_path / "net.onnx"), tmp_path / "bundle"
    proto = onnx.shape_inference.infer_shapes(onnx.load(net))
    assert proto.graph.value_info
    onnx.save_model(proto, net, save_as_external_data=True, location="numbers.bin", size_threshold=0)
    (made,) = deploy(net, name, bundle).bundles
    assert made.exit_code == 0, made.reason
    assert made.sizes[0] >= (tmp_path / "numbers.bin").stat().st_size
    assert verify_bundle(bundle).passed


@pytest.mark.long
@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_resnet_in_python(name: str, exported: Exported, tmp_path: Path) -> None:
    prove(name, exported.path, tmp_path)


@pytest.mark.long
def test_an_ort_file_for_another_cpu(exported: Exported, tmp_path: Path) -> None:
    for platform in ("amd64", "arm"):
        (made,) = deploy(exported.path, "ort", tmp_path / platform, platform=platform).bundles
        assert (made.status, made.artefacts) == ("proven", ("net.onnx", "net.ort"))
    own, other = ((tmp_path / name / "net.ort").read_bytes() for name in ("amd64", "arm"))
    assert b"ReorderOutput" not in other  # back from channels that are arranged by blocks
    if b"ReorderOutput" not in own:
        pytest.skip("ONNX Runtime does not arrange channels by blocks on this CPU")


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("ort", {"calibrate": "photos"}, "--calibrate changes nothing of ort."),
        ("node", {"platform": "arm"}, "--for changes nothing of node."),
    ],
)
def test_an_option_of_another_target(
    target: str, options: dict[str, Any], message: str, net: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        deploy(net, target, tmp_path / "bundle", **options)


def test_pictures_that_cannot_be_read_are_no_calibration(net: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for message in ("There is no folder", "holds no picture", "No picture in .* can be read"):
        with pytest.raises(ImageError, match=message):
            deploy(net, "litert", tmp_path / "bundle", calibrate=folder)
        (folder / "a.jpg").write_bytes(b"") if folder.exists() else folder.mkdir()


def prove(name: str, net: Path, tmp_path: Path) -> Path:
    """Makes a bundle, and runs the self-test of each of its artefacts."""
    needs(name)
    bundle = tmp_path / "bundle"
    report = deploy(net, name, bundle)
    (made,) = report.bundles
    assert (made.status, made.reason) == ("proven", None)
    assert made.artefacts == ARTEFACTS[name]
    assert [proof.artefact for proof in made.proofs] == list(ARTEFACTS[name])
    assert all(proof.top1_agreed + len(proof.undecided) >= 14 for proof in made.proofs)
    for artefact in made.artefacts:
        done = run_python(bundle, "selftest.py", "--model", artefact)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "14 pictures, 0 wrong answers")
    return bundle


@pytest.mark.parametrize(
    ("name", "interface", "why"),
    [
        ("ncnn", {"preprocess": "uint8"}, "net.onnx takes uint8, and ncnn float32."),
        ("ncnn", {"layout": "nhwc"}, "net.onnx takes its images as NHWC, and ncnn as NCHW."),
        ("ncnn", {"batch": 2}, "it takes 2 images a run, and ncnn one"),
        ("mnn", {"layout": "nhwc", "preprocess": "image", "opset": 18}, "net.onnx resizes its pictures itself"),
    ],
)
def test_a_file_that_cannot_be_carried_there_is_refused(
    name: str, interface: dict[str, Any], why: str, tmp_path: Path
) -> None:
    needs(name)
    (made,) = deploy(ours(tmp_path / "net.onnx", **interface), name, tmp_path / "bundle").bundles
    assert (made.status, made.exit_code) == ("refused", 3)
    assert why in (made.reason or "")
    assert made.hint
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("interface", "batch", "sizes"),
    [
        ({"labels": LABELS}, 16, [3, 32, 32]),
        ({"batch": 2}, 0, [2, 3, 32, 32]),
        ({"preprocess": "image", "layout": "nhwc", "opset": 18}, 16, [-1, -1, 3]),
    ],
)
def test_triton(interface: dict[str, Any], batch: int, sizes: list[int], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    report = deploy(ours(tmp_path / "net.onnx", **interface), "triton", bundle)
    (made,) = report.bundles
    assert (made.status, made.proofs, report.exit_code) == ("written", (), 0)
    assert made.reason == "It was written, and nothing here can run it."
    assert str(report) == f"triton: written, in {bundle}. {made.reason}"
    assert made.artefacts == ("models/net/1/model.onnx",)
    assert (bundle / made.artefacts[0]).read_bytes() == (tmp_path / "net.onnx").read_bytes()
    config = (bundle / "models" / "net" / "config.pbtxt").read_text()
    assert f"max_batch_size: {batch}\n" in config
    kind = "TYPE_UINT8" if sizes[-1] == 3 else "TYPE_FP32"
    assert f'name: "input", data_type: {kind}, dims: {_listed(sizes)}' in config
    labels = bundle / "models" / "net" / "labels.txt"
    assert labels.exists() == ("labels" in interface) == ("label_filename" in config)
    assert ("dynamic_batching" in config) == (batch > 0)
    assert (bundle / "requirements.txt").read_text().startswith("tritonclient[http]\nnumpy==")


def test_triton_is_told_the_shape_that_a_file_leaves_out(tmp_path: Path) -> None:
    model = onnx.load(foreign(tmp_path / "net.onnx"))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "net.onnx")
    deploy(tmp_path / "net.onnx", "triton", tmp_path / "bundle")
    assert "dims: [ 10 ]" in (tmp_path / "bundle" / "models" / "net" / "config.pbtxt").read_text()
    unknown = dataclasses.replace(read_signature(tmp_path / "net.onnx", "triton"), output_shape=None)
    with pytest.raises(NotApplicableError, match=r"net\.onnx doesn't say which shape its output has"):
        configuration("net", unknown, read_source(tmp_path / "net.onnx", None, tmp_path))


def _listed(sizes: list[int]) -> str:
    return f"[ {', '.join(map(str, sizes))} ]"


@pytest.mark.long
def test_tritons_own_protobuf_reads_the_configuration(tmp_path: Path) -> None:
    installed = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(installed), "tritonclient"]
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        pytest.skip("pip can't install tritonclient here")
    spec = importlib.util.spec_from_file_location("model_config", installed / "tritonclient/grpc/model_config_pb2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    deploy(ours(tmp_path / "net.onnx", labels=LABELS), "triton", tmp_path / "bundle")
    text = (tmp_path / "bundle" / "models" / "net" / "config.pbtxt").read_text()
    config = text_format.Parse(text, module.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == ("net", "onnxruntime", 16)
    signature = read_signature(tmp_path / "net.onnx", "triton")
    (given,), (got,) = config.input, config.output
    assert (given.name, tuple(given.dims)) == (signature.name, signature.shape[1:])
    assert (got.name, tuple(got.dims)) == (signature.output, signature.output_shape[1:])
    assert module.DataType.Name(given.data_type) == "TYPE_FP32"
    assert config.HasField("dynamic_batching")
    assert got.label_filename == "labels.txt"


@pytest.mark.long
def test_node(tmp_path: Path) -> None:
    needs("node")
    bundle = tmp_path / "bundle"
    (made,) = deploy(ours(tmp_path / "net.onnx", labels=LABELS), "node", bundle).bundles
    if made.status == "missing":
        pytest.skip(made.reason or "")
    assert (made.status, made.reason) == ("proven", None)
    assert made.proofs[0].decoders == ()  # sharp decodes as Pillow does, grey and CMYK and 16 bits too
    assert made.proofs[0].top1_agreed == 14
    assert not (bundle / "node_modules").exists()
    assert (bundle / "README.md").read_text().count("\n$ ") == 2
    subprocess.run(["npm", "ci", "--ignore-scripts", "--prefer-offline"], cwd=bundle, check=True, capture_output=True)

    def node(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["node", *arguments], cwd=bundle, capture_output=True, text=True, check=False)

    lines = node("client.mjs", "golden/08-colour.jpg").stdout.splitlines()
    assert len(lines) == 5
    assert all("  class " in line for line in lines)
    assert node("client.mjs").returncode == 2
    missing = node("client.mjs", "missing.jpg")
    assert (missing.returncode, missing.stderr) == (
        1,
        "missing.jpg cannot be read: Input file is missing: missing.jpg\n",
    )
    done = node("selftest.mjs")
    assert (done.returncode, done.stdout) == (0, "14 pictures, 0 wrong answers\n")
    multiply_first_weights(bundle / "net.onnx")
    assert node("selftest.mjs").returncode == 1


def test_without_npm_it_says_what_to_install(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "npm" else which(name) or name)
    (made,) = deploy(net, "node", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code) == ("missing", 5)
    assert (made.reason or "").startswith("npm is not here")
    assert "Install Node.js 20.9 or newer" in (made.hint or "")


def test_without_the_registry_it_says_so(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("node")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    (made,) = deploy(net, "node", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code) == ("missing", 5)
    assert (made.reason or "").startswith("npm can't install what the bundle's client needs: ")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.long
def test_a_wrong_pad_in_the_artefact_of_node_is_named(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("node")
    from resnet_export.deploy.targets import node, python

    def write(*arguments: Any) -> Any:
        made = python.copied(*arguments)
        move_first_pad(made[0].path)
        return made

    monkeypatch.setattr(node, "TARGET", dataclasses.replace(node.TARGET, write=write))
    (made,) = deploy(net, "node", tmp_path / "bundle").bundles
    if made.status == "missing":
        pytest.skip(made.reason or "")
    assert made.status == "failed"
    assert "First wrong layer: " in (made.reason or "")
