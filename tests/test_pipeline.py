"""The main job and its check, from source to file, with real photos, runtimes and frameworks."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import resnet_export
from resnet_export import (
    CheckpointError,
    ParityError,
    ResNetSpec,
    Weights,
    export,
    sources,
    verify,
)
from resnet_export.graph import file
from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition
from resnet_export.pipeline import ExportOptions, draft
from resnet_export.sources import Trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Exported

STAGES = ["load", "build", "trace", "read", "run", "bind", "write", "verify"]


def run(path: Path, images: Any) -> Any:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": images})[0]


class TestReport:
    def test_it_says_what_was_done(self, exported: Exported, small: ResNetSpec) -> None:
        report = exported.report
        assert report.path == str(exported.path)
        assert report.framework == "torch"
        assert report.spec == small
        assert report.weights_origin == "trained.pth"
        assert report.weights_digest == exported.weights.digest
        assert report.preprocessing_origin == "pixels on the scale 0..1"
        assert report.passed is True
        assert str(report).startswith(f"{exported.path}: ResNet-18 from torch, {report.size:,} bytes\n")
        assert str(report.verification).startswith(f"{report.verification.file}: passed")

    def test_it_describes_the_file_that_is_there(self, exported: Exported) -> None:
        content = exported.path.read_bytes()
        assert exported.report.size == len(content)
        assert exported.report.sha256 == hashlib.sha256(content).hexdigest()
        assert exported.report.nodes == {
            "Add": 8,
            "Conv": 20,
            "Flatten": 1,
            "Gemm": 1,
            "GlobalAveragePool": 1,
            "MaxPool": 1,
            "Relu": 17,
        }

    def test_stages_and_versions(self, exported: Exported) -> None:
        assert list(exported.report.stages) == STAGES
        assert all(seconds >= 0 for seconds in exported.report.stages.values())
        assert exported.report.versions["torch"] == importlib.metadata.version("torch")
        assert {"resnet-export", "torch", "onnxscript", "numpy", "onnx", "onnx-ir"} <= set(exported.report.versions)
        assert "keras" not in exported.report.versions

    def test_every_comparison_is_there(self, exported: Exported) -> None:
        found = exported.report.verification
        assert found is not None
        assert [(item.runtime, item.inputs, item.batch) for item in found.comparisons] == [
            ("ort:cpu", "random", 1),
            ("torch", "random", 1),
            ("ort:cpu", "random", 2),
            ("torch", "random", 2),
            ("ort:cpu", "random", 7),
            ("torch", "random", 7),
            ("ort:cpu", "pictures", 2),
            ("torch", "pictures", 2),
        ]
        assert (found.failures, found.notes, found.diagnosis) == ((), (), None)
        assert found.file == str(exported.path)
        for item in found.comparisons:
            assert item.passed
            assert 0 < item.error <= item.bound
            assert item.error < 1e-4 * item.scale
            assert item.top1_agreed + item.top1_exempt == item.batch

    def test_it_is_plain_data(self, exported: Exported) -> None:
        data = json.loads(json.dumps(exported.report.as_dict(), allow_nan=False))
        assert list(data) == [
            "path",
            "framework",
            "title",
            "spec",
            "interface",
            "preprocessing",
            "preprocessing_origin",
            "weights_origin",
            "weights_digest",
            "network",
            "proof",
            "sha256",
            "size",
            "nodes",
            "stages",
            "versions",
            "verification",
            "assumptions",
            "labels",
            "outputs",
            "schema_version",
            "passed",
            "parameters",
            "multiply_adds",
        ]
        assert data["schema_version"] == 3
        assert data["passed"] is True
        assert data["spec"]["width"] == 8
        assert data["verification"]["comparisons"][0]["ratio"] > 0

    def test_nothing_but_the_file_was_written(self, exported: Exported) -> None:
        assert sorted(entry.name for entry in exported.path.parent.iterdir()) == ["net.onnx", "trained.pth"]


def network(path: Path) -> bytes:
    """A file without the list of what was assumed: sources show more or less of the same network."""
    proto = onnx.load(path)
    kept = [entry for entry in proto.metadata_props if entry.key != "resnet_export.assumptions"]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    return proto.SerializeToString(deterministic=True)


class TestSources:
    """Each gives the file that the checkpoint gave, byte for byte, but for what had to be assumed of that."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        return tmp_path / "net.onnx"

    def test_weights(self, exported: Exported, target: Path) -> None:
        report = export(exported.weights, target, framework="keras")
        assert network(target) == network(exported.path)
        assert (report.framework, report.weights_origin) == ("keras", "the weights given")

    def test_weights_that_were_loaded_remember_what_was_assumed(self, exported: Exported, tmp_path: Path) -> None:
        reports = [
            export(source, tmp_path / name, framework="keras", verify=False)
            for source, name in ((exported.checkpoint, "a.onnx"), (Weights.load(exported.checkpoint), "b.onnx"))
        ]
        assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
        assert reports[0].assumptions == reports[1].assumptions
        assert [one.name for one in reports[1].assumptions][:1] == ["eps"]
        assert "image size" in [one.name for one in reports[1].assumptions]

    @pytest.mark.long
    @pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
    def test_a_checkpoint_of_keras_is_exported_by_keras(self, suffix: str, exported: Exported, target: Path) -> None:
        checkpoint = target.with_name(f"trained{suffix}")
        keras_definition.save(exported.weights, checkpoint)
        report = export(str(checkpoint), str(target), image_size=32)
        assert network(target) == network(exported.path)
        assert (report.framework, report.weights_origin) == ("keras", checkpoint.name)

    def test_a_torch_module_in_training(self, exported: Exported, target: Path) -> None:
        model = torch_definition.build(exported.weights.spec)
        torch_definition.load(model, exported.weights)
        model.train()
        model.layer3.eval()
        modes = [module.training for module in model.modules()]
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        report = export(model, target)
        assert network(target) == network(exported.path)
        assert (report.framework, report.weights_origin) == ("torch", "the torch model")
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())

    @pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # by torch itself
    def test_a_compiled_torch_module(self, exported: Exported, target: Path) -> None:
        model = torch_definition.build(exported.weights.spec)
        torch_definition.load(model, exported.weights)
        report = export(torch.compile(model), target)
        assert network(target) == network(exported.path)
        assert report.passed

    def test_a_keras_model(self, exported: Exported, target: Path) -> None:
        model = keras_definition.build(exported.weights.spec)
        keras_definition.load(model, exported.weights)
        report = export(model, target)
        assert network(target) == network(exported.path)
        assert (report.framework, report.weights_origin) == ("keras", "the keras model")

    @pytest.mark.parametrize("framework", ["torch", "keras"])
    def test_a_specification(self, framework: str, tiny: ResNetSpec, target: Path) -> None:
        report = export(tiny, target, framework=framework, seed=3)
        assert report.weights_digest == Weights.initial(tiny, 3).digest
        assert report.weights_origin == "He initialisation, seed 3"
        assert report.passed

    def test_nothing_but_options(self, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(target.parent)
        report = export(framework="keras", depth=34, width=2, stem="cifar", num_classes=3, verify=False)
        assert report.spec == ResNetSpec(depth=34, width=2, stem="cifar", num_classes=3, image_size=32)
        assert report.path == "resnet34.onnx"
        assert Path("resnet34.onnx").is_file()

    def test_a_published_name(self, exported: Exported, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The download has tests of its own; what is here is how the name is resolved."""
        asked: list[tuple[str, int]] = []

        def fetch(name: str, depth: int) -> Path:
            asked.append((name, depth))
            return exported.checkpoint

        monkeypatch.setattr(sources, "fetch", fetch)
        report = export("IMAGENET1K_V1", target, framework="keras", image_size=32)
        assert set(asked) == {("IMAGENET1K_V1", 18)}
        assert report.weights_digest == exported.report.weights_digest
        assert (report.preprocessing.resize, report.preprocessing.mean) == (37, (0.485, 0.456, 0.406))
        assert report.assumptions == ()
        assert report.weights_origin == "IMAGENET1K_V1 (trained.pth)"
        assert report.preprocessing_origin == "that of IMAGENET1K_V1, and --image-size 32"

    def test_the_second_published_weights_resize_to_232(self) -> None:
        trained = Trained.of_weights(Weights.initial(ResNetSpec(depth=50, width=1)), "IMAGENET1K_V2")
        found, origin, known = draft.preprocessing_of(ExportOptions("IMAGENET1K_V2"), trained)
        assert (found.resize, found.crop, origin) == (232, 224, "that of IMAGENET1K_V2")
        assert known == {"mean", "std", "resize", "interpolation", "aspect"}

    def test_a_published_name_asks_for_the_depth(self, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fetch(name: str, depth: int) -> Path:
            raise CheckpointError(f"asked for {name} of {depth}")

        monkeypatch.setattr(sources, "fetch", fetch)
        with pytest.raises(CheckpointError, match="asked for IMAGENET1K_V2 of 152"):
            export("IMAGENET1K_V2", target, depth=152)

    def test_a_file_of_a_published_name_goes_first(
        self, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("IMAGENET1K_V1").write_bytes(exported.checkpoint.read_bytes())
        monkeypatch.setattr(sources, "fetch", lambda *_: pytest.fail("it was downloaded"))
        assert (
            export("IMAGENET1K_V1", "net.onnx", framework="keras", verify=False).weights_digest
            == exported.weights.digest
        )


class TestOptions:
    def test_labels_and_metadata(self, exported: Exported, tmp_path: Path) -> None:
        names = [f"class {index} é" for index in range(10)]
        (tmp_path / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        for labels, name in ((names, "a.onnx"), (tmp_path / "labels.txt", "b.onnx")):
            export(exported.weights, tmp_path / name, framework="keras", labels=labels, verify=False)
        assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
        model = file.read(tmp_path / "a.onnx")
        metadata = file.read_metadata(model, tmp_path / "a.onnx")
        assert metadata.labels == tuple(names)
        assert metadata.weights_digest == exported.weights.digest

    @pytest.mark.parametrize(
        ("options", "origin"),
        [
            ({}, "pixels on the scale 0..1"),
            ({"mean": (0.5, 0.5, 0.5)}, "mean as given; the rest pixels on the scale 0..1"),
            ({"mean": [0.5, 0, 0], "std": [0.5, 1, 1]}, "mean, std as given; the rest as is usual"),
            (
                {"mean": (0.5,) * 3, "std": (0.5,) * 3, "resize": 40, "interpolation": "bicubic"},
                "as given",
            ),
        ],
    )
    def test_preprocessing_and_its_origin(
        self, options: dict[str, Any], origin: str, exported: Exported, tmp_path: Path
    ) -> None:
        report = export(exported.weights, tmp_path / "net.onnx", framework="keras", verify=False, **options)
        expected = {
            "resize": 32,
            "mean": (0.0, 0.0, 0.0),
            "std": (1.0, 1.0, 1.0),
            "interpolation": "bilinear",
            "aspect": "kept",
            "half": "even",
            "bgr": False,
        }
        expected |= {name: tuple(map(float, v)) if isinstance(v, list | tuple) else v for name, v in options.items()}
        assert dataclasses.asdict(report.preprocessing) == {"crop": 32} | expected
        assert report.preprocessing_origin == origin
        model = file.read(tmp_path / "net.onnx")
        assert file.read_metadata(model, tmp_path / "net.onnx").preprocessing == report.preprocessing

    def test_another_number_of_channels(self, tiny: ResNetSpec, tmp_path: Path) -> None:
        report = export(replace(tiny, in_channels=1), tmp_path / "net.onnx", framework="keras")
        assert report.preprocessing_origin == "pixels on the scale 0..1"
        assert report.passed

    @pytest.mark.parametrize(
        "options",
        [
            {"batch": 1},
            {"batch": 2, "layout": "nhwc"},
            {"preprocess": "uint8", "layout": "nhwc", "head": "probabilities"},
            {"preprocess": "uint8", "head": "embedding"},
            {"dynamic_size": True, "opset": 13},
        ],
        ids=lambda options: "-".join(map(str, options.values())),
    )
    def test_every_interface_passes_on_photographs(
        self, options: dict[str, Any], exported: Exported, photos: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "net.onnx"
        report = export(exported.path, path, images=photos, **options)
        found = report.verification
        assert found is not None
        assert found.passed
        batch = options.get("batch")
        batches = {(item.inputs, item.batch) for item in found.comparisons}
        random = {("random", size) for size in ([batch] if batch else [1, 2, 7])}
        assert batches == random | {("pictures", batch or 2)}
        assert verify(path, weights=exported.checkpoint, images=photos, runtimes=["ort:cpu"]).passed

    def test_without_the_check(self, exported: Exported, tmp_path: Path) -> None:
        report = export(exported.weights, tmp_path / "net.onnx", framework="keras", verify=False)
        assert (report.verification, report.passed) == (None, None)
        assert list(report.stages) == [name for name in STAGES if name not in ("run", "verify")]
        assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["passed"] is None
        assert network(tmp_path / "net.onnx") == network(exported.path)

    def test_progress_is_told_of_every_stage(self, exported: Exported, tmp_path: Path) -> None:
        told: list[str] = []

        @contextlib.contextmanager
        def progress(name: str) -> Iterator[None]:
            told.append(f"<{name}")
            yield
            told.append(f"{name}>")

        export(exported.weights, tmp_path / "net.onnx", framework="keras", progress=progress)
        assert told == [mark for name in STAGES for mark in (f"<{name}", f"{name}>")]

    def test_an_existing_file_is_replaced_by_force(self, exported: Exported, tmp_path: Path) -> None:
        (tmp_path / "net.onnx").write_bytes(b"old")
        export(exported.weights, tmp_path / "net.onnx", framework="keras", force=True, verify=False)
        assert network(tmp_path / "net.onnx") == network(exported.path)

    def test_another_eps(self, exported: Exported, tmp_path: Path) -> None:
        """No tensor shows it: the check of the file takes it from the file."""
        weights = Weights(replace(exported.weights.spec, eps=1e-3), dict(exported.weights))
        path = tmp_path / "net.onnx"
        assert export(weights, path, framework="keras").passed
        assert path.read_bytes() != exported.path.read_bytes()
        assert verify(path, weights=exported.checkpoint, runtimes=["ort:cpu"]).passed

    def test_numbers_beside_the_file(self, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As above 2 GB, which no test can afford."""
        monkeypatch.setattr(file, "EXTERNAL_ABOVE", 1000)
        path = tmp_path / "net.onnx"
        assert export(exported.weights, path, framework="keras").passed
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
        images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)
        assert run(path, images).tobytes() == run(exported.path, images).tobytes()
        assert verify(path, weights=exported.weights, runtimes=["ort:cpu"]).passed


def test_the_same_bytes_from_another_process_and_both_frameworks(exported: Exported, tmp_path: Path) -> None:
    """With another hash seed and from another folder."""
    variants: list[dict[str, Any]] = [
        {},
        {"layout": "nhwc", "preprocess": "uint8", "head": "probabilities", "opset": 20},
    ]
    program = """if True:
        import sys
        from resnet_export import export
        checkpoint, *variants = sys.argv[1:]
        for framework, variant in zip(("torch", "keras"), variants):
            options = dict(framework=framework, image_size=32, verify=False, **eval(variant))
            export(checkpoint, f"{framework}.onnx", **options)
    """
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(Path(resnet_export.__file__).parents[1])}
    subprocess.run(
        [sys.executable, "-c", program, str(exported.checkpoint), *map(repr, variants)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    export(exported.checkpoint, tmp_path / "here.onnx", framework="torch", image_size=32, verify=False, **variants[1])
    torch_there, keras_there, torch_here = (
        (tmp_path / f"{name}.onnx").read_bytes() for name in ("torch", "keras", "here")
    )
    assert torch_there == exported.path.read_bytes()
    assert keras_there == torch_here
    assert torch_there != torch_here


@pytest.mark.long
def test_a_module_that_was_changed_after_its_training_is_exported_as_it_is(exported: Exported, tmp_path: Path) -> None:
    """A ReLU was replaced: it is no ResNet-18 any more, and said to be none."""
    model = torch_definition.build(exported.weights.spec)
    torch_definition.load(model, exported.weights)
    model.layer2[0].relu1 = torch.nn.Identity()
    report = export(model, tmp_path / "net.onnx")
    assert report.passed
    assert (report.spec, report.proof, report.title) == (None, "the model itself", "ResNet, 21 weight layers")
    assert report.nodes["Relu"] == 16
    images = np.random.default_rng(0).standard_normal((3, 3, 32, 32), dtype=np.float32)
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(run(tmp_path / "net.onnx", images), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(CheckpointError, match=r"First wrong layer: layer2\.0\.relu1.*Likely cause: a ReLU is missing"):
        export(model, tmp_path / "other.onnx", depth=18)
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.long
def test_a_definition_that_is_not_its_specification_is_refused(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is built from weights has to be the network that they belong to."""
    build = torch_definition.build

    def faulty(spec: ResNetSpec) -> torch.nn.Module:
        model = build(spec)
        model.layer2[0].relu1 = torch.nn.Identity()
        return model

    monkeypatch.setattr(torch_definition, "build", faulty)
    with pytest.raises(ParityError) as caught:
        export(exported.weights, tmp_path / "net.onnx", framework="torch")
    assert list(tmp_path.iterdir()) == []
    report = caught.value.report
    assert report.passed is False
    assert report.verification.diagnosis.layer == "layer2.0.relu1"
    assert report.verification.diagnosis.side == "the torch model"
    assert "Likely cause: a ReLU is missing." in caught.value.message
    json.dumps(report.as_dict(), allow_nan=False)
