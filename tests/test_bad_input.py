"""What cannot be exported is refused: what was asked, what is there, what to do next, and nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch

import resnet_export
from resnet_export import (
    CheckpointError,
    ImageError,
    InputError,
    LabelsError,
    MissingDependencyError,
    ResNetSpec,
    SpecificationError,
    UnavailableError,
    UsageError,
    Weights,
    export,
    pipeline,
    verify,
)
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.models import keras as keras_definition
from resnet_export.models import torch as torch_definition
from resnet_export.pipeline.source_model import SourceModel
from tests.classify.files import ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resnet_export import ResNetExportError


class Refused(NamedTuple):
    code: int
    message: str
    hint: str | None


def refused(kind: type[ResNetExportError], source: Any, output: Path, **options: Any) -> Refused:
    """Exports; asserts that it is refused with exactly this class, and that the folder of the file stays as it was."""
    folder = output.parent
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    with pytest.raises(kind) as caught:
        export(source, output, **options)
    assert type(caught.value) is kind
    after = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    assert after == before
    assert not folder.is_dir() or not [path for path in folder.iterdir() if path.name.startswith(".")]
    return Refused(caught.value.exit_code, caught.value.message, caught.value.hint)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "net.onnx"


@pytest.fixture
def checkpoint(tmp_path: Path, tiny: ResNetSpec, trained: Callable[..., Weights]) -> Path:
    path = tmp_path / "trained.safetensors"
    trained(tiny).save(path)
    return path


class TestCheckpoints:
    def test_missing(self, checkpoint: Path, target: Path) -> None:
        path = checkpoint.with_name("traned.safetensors")
        assert refused(CheckpointError, path, target) == (
            3,
            f"There is no file {path}; there is 'trained.safetensors'.",
            "Check the path.",
        )

    def test_a_missing_folder(self, tmp_path: Path, target: Path) -> None:
        path = tmp_path / "missing" / "a.pth"
        assert refused(CheckpointError, str(path), target) == (
            3,
            f"There is no file {path}, nor the folder.",
            "Check the path.",
        )

    def test_an_unknown_format(self, tmp_path: Path, target: Path) -> None:
        path = tmp_path / "a.ckpt"
        path.write_bytes(b"")
        assert refused(CheckpointError, path, target) == (
            3,
            f"{path} is no checkpoint: it begins like no format that is known.",
            "Give a file that torch.save, safetensors, Keras (model.save('model.keras')) or numpy.savez wrote.",
        )

    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_none(
        self, number: float, tmp_path: Path, target: Path, tiny: ResNetSpec, trained: Callable[..., Weights]
    ) -> None:
        tensors = dict(trained(tiny))
        tensors["layer3.0.conv2.weight"] = tensors["layer3.0.conv2.weight"].copy()
        tensors["layer3.0.conv2.weight"][0, :, 1, 1] = number
        path = tmp_path / "diverged.npz"
        np.savez(path, **tensors)
        assert refused(CheckpointError, path, target) == (
            3,
            f"{path}: layer3.0.conv2.weight has 32 values that are NaN or infinite in float32, of 9216.",
            "The training has diverged, or the file is damaged: give an earlier checkpoint.",
        )

    @pytest.mark.parametrize(
        ("option", "asked", "evidence"),
        [
            ("num_classes", 1000, "fc.weight in {path} has 10 classes"),
            ("depth", 50, "{path} has the basic blocks of ResNet-18 (2, 2, 2, 2)"),
            ("width", 64, "conv1.weight in {path} gives 8 channels"),
            ("in_channels", 1, "conv1.weight in {path} takes 3 channels"),
            ("stem", "imagenet", "conv1.weight in {path} is a 3x3 convolution, the cifar stem"),
        ],
    )
    def test_an_option_that_contradicts_it(
        self, option: str, asked: Any, evidence: str, checkpoint: Path, target: Path
    ) -> None:
        assert refused(CheckpointError, checkpoint, target, **{option: asked}) == (
            3,
            f"--{option.replace('_', '-')} {asked} was asked for, but {evidence.format(path=checkpoint)}.",
            "Leave these options out, or give the checkpoint they describe.",
        )

    def test_another_architecture(self, tmp_path: Path, target: Path) -> None:
        """Names as in torchvision's DenseNet."""
        state = {
            "features.conv0.weight": torch.zeros(64, 3, 7, 7),
            "features.norm0.weight": torch.zeros(64),
            "features.denseblock1.denselayer1.conv1.weight": torch.zeros(128, 64, 1, 1),
            "classifier.weight": torch.zeros(1000, 1024),
            "classifier.bias": torch.zeros(1000),
        }
        path = tmp_path / "densenet.pth"
        torch.save(state, path)
        found = refused(CheckpointError, path, target)
        assert found.code == 3
        assert found.message == f"{path} holds the tensors of a DenseNet, and no ResNet's."
        assert "--model module:callable" in (found.hint or "")

    def test_a_published_name_for_another_depth(self, target: Path) -> None:
        assert refused(UsageError, "IMAGENET1K_V2", target, depth=18) == (
            2,
            "No weights 'IMAGENET1K_V2' are published for ResNet-18.",
            "Choose IMAGENET1K_V1, or give a file with --weights FILE.",
        )


class TestModels:
    @pytest.mark.long
    def test_half_precision_is_exported_as_what_it_widens_to(self, tiny: ResNetSpec, target: Path) -> None:
        """Which is exact: nothing of it has to be refused."""
        model = torch_definition.build(tiny).half()
        report = export(model, target)
        assert report.passed
        wide = Weights(tiny, {name: array.float().numpy() for name, array in model.state_dict().items()
                              if "tracked" not in name})  # fmt: skip
        assert report.weights_digest == wide.digest

    def test_a_size_that_it_does_not_take(self, target: Path) -> None:
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        assert refused(InputError, model, target) == (
            3,
            "The model Sequential does not run on images of 3 x 224 x 224: "
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x150528 and 12x2).",
            "Give it the images that it was made for: their size with image_size (--image-size), "
            "and a model whose forward takes the images alone. "
            "3 channels are a guess: others are given with in_channels (--in-channels).",
        )
        assert export(model, target, image_size=2).passed

    def test_a_backbone(self, target: Path) -> None:
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
        assert refused(InputError, model, target, image_size=8) == (
            3,
            "the torch model gives (batch, 4, 6, 6) for a batch of images, and a classifier gives (batch, classes).",
            "Pass the model that ends with its classifier; a backbone alone has none.",
        )

    def test_an_operator_that_is_not_read(self, target: Path) -> None:
        class Sorted(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x.flatten(1).sort(1)[0]

        found = refused(UnreadableError, Sorted(), target, image_size=4)
        assert found.code == 3
        assert found.message.startswith("Node TopK ")
        assert found.hint == "Export the network without it, or ask for the operator at the project's issues."

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    def test_numbers_that_are_none(self, number: float, target: Path) -> None:
        layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)]
        model = torch.nn.Sequential(*layers)
        with torch.no_grad():
            model[0].weight[0, 0] = number
        found = refused(CheckpointError, model, target, image_size=8)
        assert found.message == ("the torch model: 0.weight has 9 values that are NaN or infinite in float32, of 108.")

    @pytest.mark.long
    @pytest.mark.parametrize(("live", "asked"), [("torch", "keras"), ("keras", "torch")])
    def test_one_of_ours_is_exported_by_the_other_framework(
        self, live: str, asked: str, tiny: ResNetSpec, target: Path
    ) -> None:
        model = {"torch": torch_definition, "keras": keras_definition}[live].build(tiny)
        report = export(model, target, framework=asked)
        assert (report.framework, report.passed, report.proof) == (asked, True, "the specification")

    def test_another_network_by_the_definition_of_a_framework(self, target: Path) -> None:
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        assert refused(UsageError, model, target, image_size=2, framework="keras") == (
            2,
            "The framework keras was asked for, and only networks of the known family have a definition in it.",
            "Leave --framework out: the network is then exported as its source has it.",
        )

    @pytest.mark.parametrize(
        ("claimed", "message"),
        [
            ({"num_classes": 3}, "num_classes 3 was asked for, and the torch model has 2."),
            ({"in_channels": 1}, "in_channels 1 was asked for, and the torch model has 3."),
        ],
    )
    def test_a_claim_that_the_model_contradicts(self, claimed: dict[str, Any], message: str, target: Path) -> None:
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.Flatten(), torch.nn.Linear(8, 2))
        found = refused(CheckpointError, model, target, image_size=2, **claimed)
        assert found.message == message

    def test_an_option_that_contradicts_the_source(
        self, tiny: ResNetSpec, trained: Callable[..., Weights], target: Path
    ) -> None:
        for source in (tiny, trained(tiny)):
            assert refused(UsageError, source, target, image_size=224) == (
                2,
                "image_size 224 was asked for, and the source has 32.",
                "Leave image_size out, or pass another source.",
            )


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "kind", "message", "hint"),
        [
            (
                {"depth": 19},
                SpecificationError,
                "There is no ResNet of depth 19.",
                "Choose one of 18, 34, 50, 101, 152.",
            ),
            ({"stem": "vgg"}, SpecificationError, "There is no stem 'vgg'.", "Choose one of imagenet, cifar."),
            ({"num_classes": 0}, SpecificationError, "num_classes is 0.", "Give num_classes as a whole number from 1."),
            ({"opset": 12}, UsageError, "opset is 12.", "Choose one of 13 to 26."),
            ({"opset": 27}, UsageError, "opset is 27.", "Choose one of 13 to 26."),
            ({"layout": "nwhc"}, UsageError, "layout is 'nwhc'.", "Choose one of nchw, nhwc."),
            (
                {"head": "top1"},
                UsageError,
                "head is 'top1'.",
                "Choose one of logits, probabilities, sigmoid, embedding.",
            ),
            ({"preprocess": "int8"}, UsageError, "preprocess is 'int8'.", "Choose one of none, uint8, image."),
            ({"batch": 0}, UsageError, "batch is 0.", "Give a whole number from 1, or leave it dynamic."),
            ({"framework": "jax"}, UsageError, "There is no framework 'jax'.", "Choose one of torch, keras."),
            (
                {"mean": (0.5,)},
                UsageError,
                "mean has 1 numbers, and the network 3 channels.",
                "Give one mean per channel.",
            ),
            (
                {"std": (0.5, 0.5)},
                UsageError,
                "std has 2 numbers, and the network 3 channels.",
                "Give one std per channel.",
            ),
            (
                {"resize": 100},
                UsageError,
                "The pictures would be resized to 100 pixels and cropped to 224.",
                "Give --resize as 224 or more.",
            ),
            (
                {"interpolation": "area"},
                UsageError,
                "There is no interpolation 'area'.",
                "Choose one of bilinear, bicubic, nearest, lanczos.",
            ),
        ],
        ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
    )
    def test_outside_their_range(
        self, options: dict[str, Any], kind: type[UsageError], message: str, hint: str, target: Path
    ) -> None:
        assert refused(kind, None, target, **{"width": 8} | options) == (2, message, hint)

    def test_labels_of_another_number(self, tiny: ResNetSpec, tmp_path: Path, target: Path) -> None:
        path = tmp_path / "labels.txt"
        path.write_text("cat\ndog\n")
        hint = "Give one label per class."
        assert refused(LabelsError, tiny, target, labels=path) == (
            3,
            f"The labels file {path} has 2 lines, and the network has 10 classes.",
            hint,
        )
        assert refused(LabelsError, tiny, target, labels=["cat"] * 11) == (
            3,
            "11 labels were given, and the network has 10 classes.",
            hint,
        )

    def test_labels_that_cannot_be_read(self, tiny: ResNetSpec, tmp_path: Path, target: Path) -> None:
        path = tmp_path / "labels.txt"
        hint = 'Give a text file, one class a line, or JSON such as {"0": "cat", "1": "dog"}.'
        assert refused(LabelsError, tiny, target, labels=path) == (
            3,
            f"The labels file {path} cannot be read: No such file or directory.",
            hint,
        )
        path.write_bytes(b"\xff\xfe\x00")
        assert refused(LabelsError, tiny, target, labels=path) == (
            3,
            f"The labels file {path} cannot be read: it is not UTF-8 text.",
            hint,
        )

    def test_pictures_that_cannot_be_read(self, tiny: ResNetSpec, tmp_path: Path, target: Path) -> None:
        folder = tmp_path / "photos"
        hint = "Give a folder of pictures with --images."
        assert refused(ImageError, tiny, target, framework="keras", images=folder) == (
            3,
            f"There is no folder {folder}.",
            hint,
        )
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"no picture")
        found = refused(ImageError, tiny, target, framework="keras", images=folder)
        assert found.code == 3
        assert found.message.startswith(
            f"0 of the 1 pictures in {folder} can be used, and the check needs 1; "
            f"the first: left out: {folder / 'a.jpg'} cannot be read as a picture: "
        )


def test_a_source_of_another_type() -> None:
    with pytest.raises(UsageError) as caught:
        export(18, framework="torch")
    assert caught.value.exit_code == 2
    assert caught.value.message == "An object of type int is no model of torch or keras."
    assert caught.value.hint == "Pass a torch.nn.Module or a keras.Model."


class TestOutput:
    """Before the work wherever that is possible: no framework is needed to find these out."""

    @pytest.fixture(autouse=True)
    def no_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SourceModel, "build", lambda model: pytest.fail("the work had begun"))

    def test_it_exists(self, tiny: ResNetSpec, target: Path) -> None:
        target.write_bytes(b"old")
        assert refused(UsageError, tiny, target) == (
            2,
            f"{target} exists already.",
            "Give --force to replace it, or another --output.",
        )
        assert target.read_bytes() == b"old"

    def test_the_default_name_exists(self, tiny: ResNetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("resnet18.onnx").write_bytes(b"old")
        with pytest.raises(UsageError, match=r"^resnet18\.onnx exists already\."):
            export(tiny)
        assert Path("resnet18.onnx").read_bytes() == b"old"

    def test_it_is_a_folder(self, tiny: ResNetSpec, target: Path) -> None:
        target.mkdir()
        assert refused(UsageError, tiny, target, force=True) == (
            2,
            f"{target} is a folder.",
            "Give the name of a file in it with --output.",
        )

    def test_its_folder_is_missing(self, tiny: ResNetSpec, tmp_path: Path) -> None:
        assert refused(UsageError, tiny, tmp_path / "missing" / "net.onnx") == (
            2,
            f"The folder {tmp_path / 'missing'} does not exist.",
            "Create it, or give another --output.",
        )
        assert not (tmp_path / "missing").exists()

    def test_its_folder_is_a_file(self, tiny: ResNetSpec, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        found = refused(UsageError, tiny, tmp_path / "file" / "net.onnx")
        assert found.message == f"The folder {tmp_path / 'file'} does not exist."

    def test_its_folder_is_read_only(self, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != target.parent)
        assert refused(UnavailableError, tiny, target) == (
            5,
            f"The folder {target.parent} is not writable.",
            "Give another --output.",
        )

    def test_too_little_space(self, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = shutil.disk_usage(target.parent)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3 * 2**20))
        assert refused(UnavailableError, ResNetSpec(), target) == (
            5,
            f"{target} needs about 44.6 MiB, and 3.0 MiB are free there.",
            "Free some space, or give another --output.",
        )


@pytest.fixture
def old(target: Path) -> Path:
    target.write_bytes(b"old")
    return target


def untouched(path: Path) -> bool:
    """The old file is there, and nothing beside it."""
    return {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == {path.name: b"old"}


class TestInterruptions:
    @pytest.mark.parametrize("stage", ["load", "build", "trace", "read", "run", "bind", "write", "verify"])
    def test_ctrl_c_as_a_stage_begins(self, stage: str, tiny: ResNetSpec, old: Path) -> None:
        @contextlib.contextmanager
        def progress(name: str) -> Iterator[None]:
            if name == stage:
                raise KeyboardInterrupt
            yield

        with pytest.raises(KeyboardInterrupt):
            export(tiny, old, framework="keras", force=True, progress=progress)
        assert untouched(old)

    def test_ctrl_c_in_the_middle_of_writing(
        self, tiny: ResNetSpec, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(graph: Any, path: Path, metadata: Any) -> None:
            path.write_bytes(b"half of the new file")
            assert path.parent.parent == old.parent
            raise KeyboardInterrupt

        monkeypatch.setattr(pipeline, "write", write)
        with pytest.raises(KeyboardInterrupt):
            export(tiny, old, framework="keras", force=True)
        assert untouched(old)

    def test_ctrl_c_between_writing_and_checking(
        self, tiny: ResNetSpec, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(hashlib, "file_digest", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export(tiny, old, framework="keras", force=True)
        assert untouched(old)

    @pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
    def test_a_disk_that_is_full(self, old: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A real limit on the size of files, set as the writing begins: the file would be larger."""
        program = textwrap.dedent("""
            import contextlib, resource, signal, sys
            from resnet_export import UnavailableError, export

            @contextlib.contextmanager
            def progress(name):
                if name == "write":
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
                yield

            try:
                export(sys.argv[1], sys.argv[2], force=True, progress=progress)
            except UnavailableError as error:
                print(error.exit_code, error, sep="\\n")
        """)
        environment = {**os.environ, "PYTHONPATH": str(Path(resnet_export.__file__).parents[1])}
        source = ours(tmp_path_factory.mktemp("source") / "net.onnx")
        assert source.stat().st_size > 1000
        command = [sys.executable, "-c", program, str(source), str(old)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        code, message, hint = done.stdout.splitlines()[-3:]
        assert code == "5"
        assert message == f"{old} cannot be written: File too large. Nothing was changed."
        assert hint == "Free some space, or give a place that can be written."
        assert untouched(old)


class TestEnvironment:
    @pytest.mark.parametrize("framework", ["torch", "keras"])
    def test_a_framework_that_is_not_installed(
        self, framework: str, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide(monkeypatch, framework)
        assert refused(MissingDependencyError, tiny, target, framework=framework) == (
            4,
            f"The export needs {framework}, which is not installed.",
            f'Install it with: pip install "resnet-export[{framework}]"',
        )

    def test_no_framework_at_all(self, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        hide(monkeypatch, "torch", "keras")
        assert refused(MissingDependencyError, tiny, target) == (
            4,
            "The export needs torch or keras, which is not installed.",
            'Install it with: pip install "resnet-export[torch]"',
        )

    def test_the_framework_that_is_there_is_taken(
        self, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide(monkeypatch, "torch")
        assert export(tiny, target).framework == "keras"

    @pytest.mark.parametrize("package", ["onnxscript", "tf2onnx"])
    def test_a_converter_that_is_not_installed(
        self, package: str, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        framework = "torch" if package == "onnxscript" else "keras"
        for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, package, None)
        code, message, hint = refused(MissingDependencyError, tiny, target, framework=framework)
        assert code == 4
        assert f"{package} is not installed" in message
        assert hint == f'Install it with: pip install "resnet-export[{framework}]"'

    def test_keras_without_tensorflow(self, target: Path) -> None:
        program = textwrap.dedent("""
            import sys
            from resnet_export import MissingDependencyError, ResNetSpec, export

            sys.modules["tensorflow"] = None  # what Python itself takes for "cannot be imported"
            try:
                export(ResNetSpec(width=1, image_size=8), sys.argv[1], framework="keras")
            except MissingDependencyError as error:
                print(error.exit_code, error, sep="\\n")
        """)
        environment = {**os.environ, "PYTHONPATH": str(Path(resnet_export.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "-c", program, str(target)], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == [
            "4",
            "keras is needed for this and cannot be imported: tensorflow is not installed.",
            'Install it with: pip install "resnet-export[keras]"',
        ]
        assert list(target.parent.iterdir()) == []

    @pytest.mark.parametrize("release", ["0.5.4", "0.5.5", "0.5.6"])
    def test_a_converter_known_to_be_wrong(
        self, release: str, tiny: ResNetSpec, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version = importlib.metadata.version
        monkeypatch.setattr(
            importlib.metadata, "version", lambda name: release if name == "onnxscript" else version(name)
        )
        assert refused(MissingDependencyError, tiny, target, framework="torch") == (
            4,
            f"onnxscript {release} is installed, a release that gives wrong files: its optimiser merges two different "
            "biases of one block into one, and onnx.checker does not notice.",
            'Replace it with: pip install "onnxscript>=0.5.7"',
        )


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Lets Python not find packages."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find_spec(name))


def test_the_check_of_weights_of_another_network(
    tiny: ResNetSpec, trained: Callable[..., Weights], target: Path
) -> None:
    """A check that fails, and no error: the file is there and can be read."""
    export(trained(tiny), target, framework="keras", verify=False)
    other = trained(ResNetSpec(depth=34, width=8, num_classes=10, image_size=32, stem="cifar"))
    report = verify(target, weights=other)
    assert not report.passed
    assert report.diagnosis is not None
    assert report.diagnosis.side == "the file"
    wider = trained(ResNetSpec(width=8, num_classes=11, image_size=32, stem="cifar"))
    report = verify(target, weights=wider)
    assert not report.passed
