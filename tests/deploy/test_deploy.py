from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from PIL import Image

from resnet_export import registry
from resnet_export.deploy import deploy, list_targets, target
from resnet_export.deploy.proof import run_client
from resnet_export.deploy.target import Artefact
from resnet_export.deploy.targets import python
from resnet_export.errors import ModelError, RuntimeFailedError, UsageError
from tests.classify.files import foreign, ours
from tests.deploy.running import move_first_pad, multiply_first_weights, run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from resnet_export.deploy.source import Source

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "uint8, probabilities": {"preprocess": "uint8", "head": "probabilities"},
    "image": {"layout": "nhwc", "preprocess": "image", "opset": 18},
    "batch of 2, one logit": {"batch": 2, "classes": 1},
}


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], None]], None]:
    """`changed(edit)`: the target `ort` writes the file alone, after an edit."""

    def change(edit: Callable[[Path], None]) -> None:
        def write(source: Source, folder: Path) -> Sequence[Artefact]:
            (artefact,) = python.copied(source, folder)
            edit(artefact.path)
            return [artefact]

        monkeypatch.setattr(python, "ORT", dataclasses.replace(python.ORT, write=write))

    return change


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=[] if name in ("plain", "image") else pytest.mark.long) for name in VARIANTS],
)
def test_a_bundle_runs_by_itself(variant: str, tmp_path: Path) -> None:
    net, bundle = ours(tmp_path / "net.onnx", **VARIANTS[variant]), tmp_path / "bundle"
    report = deploy(net, "ort", bundle)
    assert report.exit_code == 0
    (made,) = report.bundles
    assert (made.status, made.artefacts) == ("proven", ("net.onnx", "net.ort"))
    assert [proof.pictures for proof in made.proofs] == [14, 14]
    assert all(proof.error <= proof.bound for proof in made.proofs)
    assert all(proof.top1_agreed + len(proof.undecided) >= 14 for proof in made.proofs)
    assert all(proof.decoders == () for proof in made.proofs)
    done = run_python(bundle, "selftest.py")
    assert (done.returncode, done.stdout) == (0, "14 pictures, 0 wrong answers\n")
    assert run_python(bundle, "selftest.py", "--model", "net.ort").returncode == 0
    multiply_first_weights(bundle / "net.onnx")
    done = run_python(bundle, "selftest.py")
    assert done.returncode == 1
    assert "0 wrong answers" not in done.stdout


@pytest.mark.long
def test_a_client_may_prepare_the_pictures_of_a_file_that_does_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As LiteRT's does: it has the network alone."""

    def write(source: Source, folder: Path) -> Sequence[Artefact]:
        form = dataclasses.replace(source.form, dtype="float32", layout="nchw", embedded="none")
        return [Artefact(ours(folder / "net.onnx"), form, "float32")]

    monkeypatch.setattr(python, "ORT", dataclasses.replace(python.ORT, write=write))
    (made,) = deploy(ours(tmp_path / "image.onnx", **VARIANTS["image"]), "ort", tmp_path / "bundle").bundles
    assert made.status == "proven", made.reason
    assert run_python(tmp_path / "bundle", "selftest.py").returncode == 0


def test_the_reason_of_a_client_is_no_line_of_a_backtrace(tmp_path: Path) -> None:
    said = "No such operator.\n\nStack backtrace:\n  35: _start"
    with pytest.raises(RuntimeFailedError, match=r"The client of tract fails: No such operator\."):
        run_client("tract", [sys.executable, "-c", f"raise SystemExit({said!r})"], tmp_path)


def test_the_client_prints_the_five_most_probable(net: Path, tmp_path: Path) -> None:
    deploy(net, "ort", tmp_path / "bundle")
    done = run_python(tmp_path / "bundle", "client.py", "golden/08-colour.jpg", "golden/06-1x500.png")
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    assert [line[2] for line in lines] == ["golden/08-colour.jpg"] * 5 + ["golden/06-1x500.png"] * 5
    assert all(line[1].startswith("class ") for line in lines)
    first = [float(line[0]) for line in lines[:5]]
    assert first == sorted(first, reverse=True)
    golden = json.loads((tmp_path / "bundle" / "golden" / "golden.json").read_text())
    assert lines[0][1] == f"class {golden['pictures']['08-colour.jpg']['top1']}"
    Image.fromarray(np.full((40, 40), 0.5, np.float32)).save(tmp_path / "bundle" / "half.tif")
    refused = run_python(tmp_path / "bundle", "client.py", "half.tif")
    assert refused.returncode == 1
    assert refused.stderr == "half.tif has 32 bits a pixel, and nothing shows which value is white\n"
    missing = run_python(tmp_path / "bundle", "client.py", "missing.jpg")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "missing.jpg cannot be read: [Errno 2] No such file or directory: 'missing.jpg'\n"


@pytest.mark.long
def test_the_bundle_says_where_it_comes_from(net: Path, tmp_path: Path, photos: Path) -> None:
    report = deploy(net, "ort", tmp_path / "bundle", images=photos)
    assert report.pictures[-2:] == ("15-china.jpg", "16-flower.jpg")
    described = json.loads((tmp_path / "bundle" / "deploy.json").read_text())
    assert described["source"] == {"file": "net.onnx", "sha256": report.sha256, "precision": "float32"}
    assert described["preparation"]["interpolation"] == "bicubic"
    (proof, _) = described["proofs"]
    assert (proof["pictures"], proof["artefact"]) == (16, "net.onnx")
    assert proof["p50_ms"]["value"] > 0
    readme = (tmp_path / "bundle" / "README.md").read_text()
    assert readme.count("\n$ ") == 2
    requirements = (tmp_path / "bundle" / "requirements.txt").read_text()
    assert [line.partition("==")[0] for line in requirements.splitlines()] == ["onnxruntime", "numpy", "pillow"]


@pytest.mark.long
def test_the_memory_is_that_of_the_client_alone(net: Path, tmp_path: Path) -> None:
    ballast = np.ones(100_000_000)  # 800 MB: on Linux the peak that getrusage gives a child begins with its parent's
    (result,) = deploy(net, "ort", tmp_path / "bundle").bundles
    assert ballast[-1] == 1
    assert 20 < (result.proofs[0].peak_mb or 0) < 700


@pytest.mark.long
def test_a_foreign_file_without_labels(tmp_path: Path) -> None:
    report = deploy(foreign(tmp_path / "other.onnx"), "ort", tmp_path / "bundle")
    assert report.exit_code == 0
    assert "labels.txt has the numbers of the classes" in report.notes[0]
    assert any(note.startswith("Assumed, since the file does not say it: ") for note in report.notes)
    assert (tmp_path / "bundle" / "labels.txt").read_text() == "".join(f"{index}\n" for index in range(10))


def test_a_wrong_artefact_leaves_no_bundle_and_the_layer_is_named(
    net: Path, tmp_path: Path, changed: Callable[[Callable[[Path], None]], None]
) -> None:
    name = next(node.name for node in onnx.load(net).graph.node if node.op_type == "Conv")
    changed(move_first_pad)
    before = sorted(tmp_path.iterdir())
    (made,) = deploy(net, "ort", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code) == ("failed", 1)
    assert made.reason is not None
    assert "from the truth on " in made.reason
    assert f"First wrong layer: {name}" in made.reason
    assert sorted(tmp_path.iterdir()) == before


def test_weights_that_are_a_little_off_are_found(
    net: Path, tmp_path: Path, changed: Callable[[Callable[[Path], None]], None]
) -> None:
    changed(lambda path: multiply_first_weights(path, 1.0001))
    (made,) = deploy(net, "ort", tmp_path / "bundle").bundles
    assert made.status == "failed"


def test_a_client_that_fails_is_a_failure(
    net: Path, tmp_path: Path, changed: Callable[[Callable[[Path], None]], None]
) -> None:
    changed(lambda path: path.write_bytes(b"junk"))
    report = deploy(net, "ort", tmp_path / "bundle")
    assert report.exit_code == 1
    assert (report.bundles[0].reason or "").startswith("The client of ort fails: ")


def test_each_of_several_targets_succeeds_or_fails_alone(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = dataclasses.replace(python.ORT, takes=target.Takes(precisions=("float16",)))
    monkeypatch.setattr(python, "REFUSING", refusing, raising=False)
    monkeypatch.setitem(target.TARGETS, "refusing", "resnet_export.deploy.targets.python:REFUSING")
    report = deploy(net, ["refusing", "ort"], tmp_path / "bundles")
    assert [bundle.status for bundle in report.bundles] == ["refused", "proven"]
    assert report.exit_code == 3
    assert report.bundles[0].reason == "net.onnx holds float32, and refusing takes float16."
    assert [folder.name for folder in (tmp_path / "bundles").iterdir()] == ["ort"]


def test_a_file_that_resizes_is_refused_where_the_runtime_cannot(tmp_path: Path) -> None:
    net = ours(tmp_path / "net.onnx", layout="nhwc", preprocess="image", opset=18)
    plain = dataclasses.replace(python.ORT, takes=target.Takes())
    from resnet_export.deploy.source import read_source

    with pytest.raises(
        ModelError, match=r"net\.onnx resizes .*, and plain has no such resize\.\nExport it from its source"
    ):
        plain.refuse("plain", read_source(net, None, tmp_path))


@pytest.mark.long
def test_a_bundle_is_replaced_by_force_alone(net: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    assert deploy(net, "ort", bundle).exit_code == 0
    (bundle / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        deploy(net, "ort", bundle)
    assert (bundle / "mine.txt").exists()
    assert deploy(net, "ort", bundle, force=True).exit_code == 0
    assert not (bundle / "mine.txt").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"name": "mine"}'])
def test_no_force_replaces_another_folder(net: Path, tmp_path: Path, content: str) -> None:
    """Such as `--output .` in the folder of the network itself."""
    (tmp_path / "deploy.json").write_text(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="and no former result"):
        deploy(net, "ort", tmp_path, force=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_leaves_nothing(
    net: Path, tmp_path: Path, changed: Callable[[Callable[[Path], None]], None]
) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    changed(interrupt)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        deploy(net, "ort", tmp_path / "bundle")
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_nothing(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    before = sorted(tmp_path.iterdir())
    report = deploy(net, "ort", tmp_path / "bundle")
    assert report.exit_code == 5
    assert "No space left on device" in (report.bundles[0].reason or "")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("free", "status", "code"), [(100, "missing", 5), (1 << 40, "refused", 3)])
def test_what_a_runtime_cannot_write_is_the_disk_s_fault_where_that_is_full(
    free: int, status: str, code: int, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise ModelError("Failed to save ORT format model to file.")

    monkeypatch.setattr(python, "REFUSING", dataclasses.replace(python.ORT, write=refuse), raising=False)
    monkeypatch.setitem(target.TARGETS, "refusing", "resnet_export.deploy.targets.python:REFUSING")
    monkeypatch.setattr(shutil, "disk_usage", lambda where: SimpleNamespace(free=free))
    found = deploy(net, "refusing", tmp_path / "bundle").bundles[0]
    assert (found.status, found.exit_code) == (status, code)
    assert ("are free there" in (found.reason or "")) == (code == 5)


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ("orr", "There is no target 'orr'", "Did you mean ort?"),
        ("tensorrt", "There is no target tensorrt: its engines fit one GPU", "Known are ort"),
        ([], "No target was given", "Give one or more of ort"),
    ],
)
def test_an_unknown_target(asked: Any, message: str, hint: str, net: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        deploy(net, asked, tmp_path / "bundle")
    assert hint in (caught.value.hint or "")


def test_a_file_that_is_not_what_it_says_is_refused(net: Path, tmp_path: Path) -> None:
    multiply_first_weights(net)
    with pytest.raises(ModelError, match="is not the network that it says it is"):
        deploy(net, "ort", tmp_path / "bundle")


def test_a_third_partys_target_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    point = EntryPoint("mine", "resnet_export.deploy.targets.python:ORT", target.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: EntryPoints([point]).select(group=group))
    assert target.names()[-1] == "mine"
    assert target.find("mine") is python.ORT


def test_the_list_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {one.name: one for one in list_targets().targets}
    assert list(listed) == target.names()
    assert listed["ort"].problem is None
