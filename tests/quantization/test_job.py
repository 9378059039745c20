from __future__ import annotations

import platform
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from resnet_export import export, quantize, verify
from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check
from resnet_export.data import decode, to_json
from resnet_export.errors import ImageError, InputError, ModelError, ResNetExportError, UsageError
from resnet_export.graph.file import read, read_metadata
from resnet_export.inspect import inspect
from resnet_export.machine.cpu import FAMILIES
from resnet_export.quantization import int8
from resnet_export.quantization.proof import SIGNED
from resnet_export.quantization.results import QuantizeReport
from resnet_export.quantization.subject import bytes_of
from resnet_export.targets.canonical_file import network_of

from .conftest import stub_latency

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("timed")


@pytest.fixture(scope="module")
def made(net: Path, colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 file, whose latency nobody asked for."""
    path = tmp_path_factory.mktemp("made") / "int8.onnx"
    with pytest.MonkeyPatch.context() as patch:
        stub_latency(patch, 0.5)
        quantize(net, path, calibrate=colours, samples=16)
    return path


def test_the_file_is_proven_and_says_how_it_was_made(net: Path, colours: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.onnx"
    report = quantize(net, target, calibrate=colours, samples=64)
    assert report.passed
    assert report.written
    (proof,) = report.proofs
    assert len(report.quantised) == 21
    assert proof.integer == report.quantised
    assert proof.agreement is not None
    assert proof.agreement.pictures == 40
    assert report.size < 0.4 * report.float_size
    made = read_metadata(read(target), target).quantization
    assert made == report.quantization
    assert made is not None
    assert (made.calibration_pictures, made.random, made.timed, made.refusal) == (64, False, True, None)
    assert made.recipe.preset in ("x86-vnni", "x86-avx2", "arm")
    assert made.recipe.ranges in [one.what for one in report.candidates if one.chosen]
    assert decode(QuantizeReport, to_json(report), "the report") == report


@pytest.mark.long
def test_the_same_recipe_gives_the_same_bytes(net: Path, colours: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.onnx" for name in "abc")
    quantize(net, first, calibrate=colours, samples=32)
    quantize(net, second, calibrate=colours, samples=32)
    assert first.read_bytes() == second.read_bytes()
    replayed = quantize(net, third, calibrate=colours, samples=32, recipe=first)
    assert third.read_bytes() == first.read_bytes()
    assert replayed.candidates == ()
    assert quantize(net, tmp_path / "d.onnx", calibrate=colours, samples=32, seed=1).sha256 != replayed.sha256


@pytest.mark.long
def test_both_frameworks_give_the_same_bytes(
    tiny: Any, trained: Callable[..., Any], colours: Path, tmp_path: Path
) -> None:
    trained(tiny).save(tmp_path / "trained.npz")
    recipe = tmp_path / "torch-int8.onnx"
    for framework in ("torch", "keras"):
        source, target = tmp_path / f"{framework}.onnx", tmp_path / f"{framework}-int8.onnx"
        export(tmp_path / "trained.npz", source, framework=framework, stem="cifar", image_size=32, verify=False)
        given = {"recipe": recipe} if recipe.exists() else {}
        quantize(source, target, calibrate=colours, samples=16, **given)
    assert (tmp_path / "keras-int8.onnx").read_bytes() == recipe.read_bytes()


@pytest.mark.long
@pytest.mark.parametrize(
    "interface", [{}, {"layout": "nhwc", "preprocess": "uint8"}, {"preprocess": "image"}, {"head": "probabilities"}]
)
def test_every_interface_is_kept_and_verified(
    interface: dict[str, Any], net: Path, colours: Path, tmp_path: Path
) -> None:
    export(net, tmp_path / "net.onnx", verify=False, **interface)
    for precision in ("int8", "float16"):
        target = tmp_path / f"{precision}.onnx"
        report = quantize(tmp_path / "net.onnx", target, calibrate=colours, samples=16, precision=precision)
        assert report.passed
        found = verify(target, runtimes=["ort:cpu"])
        assert (found.passed, found.failures) == (True, ())
        assert [result.precision for result in found.runtimes] == [precision]
        described = inspect(target)
        assert (described.canonical, described.intact, described.faults) == (True, True, ())


def test_verify_names_the_layer_with_the_lowest_sqnr(made: Path) -> None:
    assert "the layer with the lowest SQNR on random images" in " ".join(verify(made, runtimes=["ort:cpu"]).notes)


def test_verify_finds_a_number_that_was_changed(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "int8.onnx"
    proto = onnx.load(made)
    tensor = next(one for one in proto.graph.initializer if one.name == "layer1.0.conv1.weight_quantized")
    tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
    onnx.save(proto, target)
    found = verify(target, runtimes=["ort:cpu"])
    assert not found.passed
    assert "the digest of the file's numbers is not the one in its metadata" in found.failures[0]


def test_a_file_of_another_tool(digits: tuple[Path, Path], tmp_path: Path) -> None:
    source, data = digits
    report = quantize(source, tmp_path / "int8.onnx", calibrate=data, samples=64, labelled=data, max_drop=0.05)
    assert report.passed
    assert report.check is not None
    assert report.check.status == "passed"
    assert report.quantization.drop is not None
    assert report.quantization.drop.pictures == 597


def hard(net: Path, path: Path) -> Path:
    """One channel of each block times 1000, and what takes it by its inverse: the same network, hard to quantise."""
    proto = onnx.load(net)
    del proto.metadata_props[:]
    tensors = {one.name: one for one in proto.graph.initializer}
    for block in (f"layer{stage}.{at}" for stage in range(1, 5) for at in range(2)):
        for name, factor in (
            (f"{block}.conv1.weight", 1e3),
            (f"{block}.conv1.bias", 1e3),
            (f"{block}.conv2.weight", 1e-3),
        ):
            array = numpy_helper.to_array(tensors[name]).copy()
            array[(slice(None), 0) if "conv2" in name else 0] *= factor
            tensors[name].CopyFrom(numpy_helper.from_array(array, name))
    onnx.save(proto, path)
    return path


def test_a_hard_network_is_brought_back_by_equalisation(net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(hard(net, tmp_path / "hard.onnx"), tmp_path / "int8.onnx", calibrate=colours, samples=32)
    assert report.quantization.recipe.equalised
    sqnr = {one.what: one.sqnr_db for one in report.candidates}
    assert sqnr["equalised"] > 20
    assert sqnr["equalised"] > sqnr["minmax"] + 10


def test_a_layer_can_stay_in_float32(net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=16, keep_float=["conv1", "fc"])
    assert report.quantization.recipe.kept_float == ("conv1", "fc")
    assert not {"conv1", "fc"} & {*report.quantised}
    weights = {one.name: one.data_type for one in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert weights["conv1.weight"] == onnx.TensorProto.FLOAT
    assert verify(tmp_path / "int8.onnx", runtimes=["ort:cpu"]).passed


def evaluated(monkeypatch: pytest.MonkeyPatch, statuses: list[str]) -> list[tuple[str, ...]]:
    """Has the accuracy of each file found as `statuses` say; gives the layers that each has in float32."""
    seen: list[tuple[str, ...]] = []
    real = int8.evaluate

    def stub(path: Path, *arguments: Any, **named: Any) -> Any:
        from dataclasses import replace

        made = read_metadata(read(path), path).quantization
        assert made is not None
        seen.append(made.recipe.kept_float)
        found = real(path, *arguments, **named)
        check = Check("max_drop", 0.003, Estimate(0.01, 0.005, 0.015), statuses[len(seen) - 1], 5000)  # type: ignore[arg-type]
        return replace(found, checks=(check,))

    monkeypatch.setattr(int8, "evaluate", stub)
    return seen


def test_sensitive_layers_return_to_float32_until_the_limit_is_kept(
    net: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = evaluated(monkeypatch, ["failed", "failed", "passed"])
    report = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=16, labelled=colours, max_drop=0.003)
    assert list(map(len, seen)) == [0, 1, 2]
    assert report.passed
    assert report.quantization.recipe.kept_float == seen[-1]
    assert [one.kept_float for one in report.attempts] == seen
    by_noise = sorted(report.layers, key=lambda one: -one.added)
    assert seen[1][0].rpartition(".")[0] == by_noise[0].step.rpartition(".")[0]


@pytest.mark.long
@pytest.mark.parametrize("keep", [False, True])
def test_data_that_do_not_tell(
    keep: bool, net: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(monkeypatch, ["undecided"])
    target = tmp_path / "int8.onnx"
    given = {"calibrate": colours, "samples": 16, "labelled": colours, "max_drop": 0.003, "keep": keep}
    report = quantize(net, target, **given)
    assert (report.passed, report.written, target.exists()) == (False, keep, keep)
    assert report.undecided is not None
    assert "5,000 of them would probably tell" in report.undecided
    if keep:
        made = read_metadata(read(target), target).quantization
        assert made is not None
        assert made.refusal == report.undecided


def test_for_openvino_the_image_alone_is_signed(net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=8, target="openvino", ranges="minmax")
    graph = onnx.load(tmp_path / "int8.onnx").graph
    numbers = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    zeros = {node.input[0]: numbers[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"}
    image = zeros.pop(graph.input[0].name)
    assert (image.dtype, image) == (np.int8, 0)
    assert {zero.dtype for zero in zeros.values()} == {np.dtype(np.uint8)}
    assert report.proofs[0].integer == report.quantised


@pytest.mark.skipif(FAMILIES.get(platform.machine().lower()) != "x86", reason="ONNX Runtime has signed kernels here")
def test_signed_activations_leave_layers_in_float32_which_are_named(net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=8, target="arm", ranges="minmax")
    proof, (network, _) = report.proofs[0], network_of(net)
    assert (report.quantization.timed, proof.why) == (False, SIGNED)
    assert set(proof.floating) == set(report.quantised) - set(proof.integer or ())
    work = {step.name: network.multiply_adds_of(step) for step in network.steps if step.name in report.quantised}
    assert proof.floating_share == sum(work[name] for name in proof.floating) / sum(work.values())
    assert 0 < proof.floating_share < 1


def test_a_file_that_is_not_faster_is_refused(
    net: Path, colours: Path, tmp_path: Path, timed: Callable[[float], None]
) -> None:
    timed(1.1)
    report = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=16)
    assert report.failures == ("It took no less time than float32 on this machine.",)
    assert str(report).splitlines()[1:] == list(report.failures)
    assert str(report).startswith(f"{tmp_path / 'int8.onnx'}: {report.size:,} bytes, ")
    assert list(tmp_path.iterdir()) == []
    other = quantize(net, tmp_path / "int8.onnx", calibrate=colours, samples=16, target="tensorrt")
    assert (other.passed, other.quantization.timed) == (True, False)
    assert other.proofs[0].ratio is None


@pytest.mark.long
@pytest.mark.parametrize(
    ("target", "said"), [("x86-vnni", True), ("openvino", True), ("x86-avx2", False), ("arm", False)]
)
def test_sums_that_overflow_on_this_cpu_are_said(
    target: str, said: bool, net: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = replace(int8.read_cpu(), architecture="x86_64", instruction_sets={"AVX2": True, "VNNI": False})
    monkeypatch.setattr(int8, "read_cpu", lambda: cpu)
    report = quantize(
        net, tmp_path / "int8.onnx", calibrate=colours, samples=8, target=target, ranges="minmax", keep=True
    )
    assert (int8.OVERFLOWS in report.notes) is said


def test_random_numbers_mark_the_file(net: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "int8.onnx", calibrate_random=True, samples=16, keep=True)
    assert report.quantization.random
    assert report.notes[0].startswith("CALIBRATED ON RANDOM NUMBERS")


def test_half_precision(net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "half.onnx", precision="float16", io="float16")
    assert report.passed
    assert report.size < 0.52 * report.float_size
    assert "ONNX Runtime's CPU provider has no float16 convolution" in report.notes[0]
    graph = onnx.load(tmp_path / "half.onnx").graph
    kinds = {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    assert kinds == {onnx.TensorProto.FLOAT16}
    quantize(net, tmp_path / "half.onnx", precision="float16", force=True)
    graph = onnx.load(tmp_path / "half.onnx").graph
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {onnx.TensorProto.FLOAT}


@pytest.mark.parametrize(("limit", "status"), [(0.05, "passed"), (0.0, "undecided")])
def test_half_precision_keeps_the_limit(limit: float, status: str, net: Path, colours: Path, tmp_path: Path) -> None:
    report = quantize(net, tmp_path / "half.onnx", precision="float16", labelled=colours, max_drop=limit)
    assert report.check is not None
    assert report.check.status == status
    assert [one.drop for one in report.attempts] == [report.check.found]
    assert report.quantization.drop is not None
    assert report.written == report.passed == (tmp_path / "half.onnx").exists() == (status == "passed")


def test_half_precision_that_would_overflow_is_refused(net: Path, colours: Path, tmp_path: Path) -> None:
    large = hard(net, tmp_path / "hard.onnx")
    proto = onnx.load(large)
    tensor = next(one for one in proto.graph.initializer if one.name == "layer2.0.conv1.weight")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e3), tensor.name))
    onnx.save(proto, large)
    with pytest.raises(ResNetExportError, match=r"gives values up to .*, and float16 ends at 65504"):
        quantize(large, tmp_path / "half.onnx", precision="float16", calibrate=colours)
    assert not (tmp_path / "half.onnx").exists()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, UsageError, "The ranges of int8 come from pictures, and there are none"),
        ({"calibrate": "x.npz", "calibrate_random": True}, UsageError, "asked for together"),
        ({"calibrate_random": True, "max_drop": 0.1}, UsageError, "--max-drop is about labelled pictures"),
        ({"calibrate_random": True, "ranges": "kl"}, UsageError, "There is no ranges 'kl'"),
        ({"calibrate_random": True, "io": "float16"}, UsageError, "--io is for files in float16"),
        ({"precision": "float16", "keep_float": ["conv1"]}, UsageError, "--keep-float is for files in int8"),
        ({"precision": "float16", "target": "arm"}, UsageError, "--for is for files in int8"),
        ({"calibrate_random": True, "keep_float": ["conv9"]}, UsageError, "no layer 'conv9'"),
        ({"calibrate_random": True, "target": "tpu"}, UsageError, "There is no target 'tpu'"),
        ({"calibrate_random": True, "samples": 0}, UsageError, "samples is 0"),
        ({"calibrate": "nowhere"}, ImageError, "There is no picture nowhere"),
    ],
)
def test_what_is_refused(
    given: dict[str, Any], error: type[Exception], message: str, net: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        quantize(net, tmp_path / "int8.onnx", **given)
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_not_replaced(net: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(net.read_bytes())
    with pytest.raises(UsageError, match="is the source itself"):
        quantize(path, f"{tmp_path}/./net.onnx", calibrate_random=True, force=True)
    assert path.read_bytes() == net.read_bytes()


def test_what_is_quantised_already_is_refused(net: Path, made: Path, colours: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.onnx"
    quantize(net, half, precision="float16")
    for path, message in ((made, "is quantised already"), (half, "is in float16 already")):
        with pytest.raises(ModelError, match=message):
            quantize(path, tmp_path / "again.onnx", calibrate=colours)
    with pytest.raises(InputError, match=r"half\.onnx is of float16, and a recipe is of int8"):
        quantize(net, tmp_path / "again.onnx", calibrate=colours, recipe=half)


def test_a_size_counts_the_numbers_beside_the_file(net: Path, tmp_path: Path) -> None:
    """Whatever the file is called that they lie in."""
    path = tmp_path / "apart.onnx"
    onnx.save_model(onnx.load(net), path, save_as_external_data=True, location="numbers", size_threshold=0)
    assert bytes_of(path) == path.stat().st_size + (tmp_path / "numbers").stat().st_size
