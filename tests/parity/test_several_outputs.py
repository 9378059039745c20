"""Every output of a file is held against its truth, by its name."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from resnet_export import ParityError, export, verify
from resnet_export.report.export import render
from resnet_export.report.verify import junit, page, text

from .sources import ORT, SIZE, as_dict, branches, foreign, scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export import ExportReport

OTHERS = ("aux", "features")


@dataclasses.dataclass
class Output:
    """As Hugging Face's models give it."""

    loss: Any
    logits: Any
    hidden_states: Any


class GoogLeNet(NamedTuple):
    """As torchvision's model gives it."""

    logits: Any
    aux_logits2: Any
    aux_logits1: Any


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, ExportReport]:
    """The model that gives a dictionary, exported."""
    model = branches(as_dict)
    return model, export(model, tmp_path_factory.mktemp("made") / "net.onnx", image_size=SIZE)


def given(path: Path, model: torch.nn.Module) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """(names of the file's outputs, what ONNX Runtime gives, what the model gives)."""
    images = np.random.default_rng(1).standard_normal((3, 3, SIZE, SIZE), np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        own = model(torch.from_numpy(images))
    own = own if isinstance(own, tuple) else tuple(vars(own).values()) if isinstance(own, Output) else own.values()
    tensors = [one for one in own if isinstance(one, torch.Tensor)]
    names = [output.name for output in session.get_outputs()]
    return names, session.run(None, {"input": images}), [tensor.numpy() for tensor in tensors]


def test_an_export_compares_every_output_with_the_models(made: tuple[torch.nn.Module, ExportReport]) -> None:
    model, report = made
    assert report.passed
    assert report.outputs == ("logits", *OTHERS)
    assert report.verification is not None
    found = {(one.runtime, one.output, one.quantity) for one in report.verification.comparisons}
    assert found == {
        (runtime, output, "logits" if output is None else "output")
        for runtime in ("ort:cpu", "torch")
        for output in (None, *OTHERS)
    }
    assert report.verification.witness is not None
    assert report.verification.witness < 1e-14
    names, file, own = given(report.path, model)
    assert names == ["logits", *OTHERS]
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(file, own, strict=True))


@pytest.mark.long
@pytest.mark.parametrize(
    ("give", "names"),
    [
        pytest.param(lambda y, aux, f: (y, aux), ["logits", "1"], id="tuple"),
        pytest.param(lambda y, aux, f: GoogLeNet(y, aux, None), ["logits", "aux_logits2"], id="GoogLeNet"),
        pytest.param(lambda y, aux, f: Output(None, y, aux), ["logits", "hidden_states"], id="Hugging Face"),
        pytest.param(lambda y, aux, f: (y, y), ["logits", "1"], id="the same twice"),
        pytest.param(lambda y, aux, f: {"conv": y, "input": aux, "bn": f}, ["logits", "input.1", "bn"], id="names"),
        pytest.param(lambda y, aux, f: {"f": f, "logits": y}, ["logits", "logits.1"], id="logits second"),
        pytest.param(lambda y, aux, f: {"y": y, "fc": y.relu()}, ["logits", "fc"], id="the name of a layer before it"),
    ],
)
def test_whichever_container_they_come_in(give: Callable[..., Any], names: list[str], tmp_path: Path) -> None:
    model = branches(give)
    report = export(model, tmp_path / "net.onnx", image_size=SIZE)
    found, file, own = given(report.path, model)
    assert found == names
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(file, own, strict=True))


def test_a_softmax_of_the_first_output_alone_is_the_head(tmp_path: Path) -> None:
    model = branches(lambda y, aux, f: (y.softmax(1), aux.softmax(1), y))
    report = export(model, tmp_path / "net.onnx", image_size=SIZE)
    assert report.interface.head == "probabilities"
    names, file, own = given(report.path, model)
    assert names == ["probabilities", "1", "2"]
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(file, own, strict=True))


def test_an_output_that_is_no_layers_is_left_out_and_said(tmp_path: Path) -> None:
    model = branches(lambda y, aux, f: {"scale": torch.ones(2), "logits": y, "aux": aux})
    report = export(model, tmp_path / "net.onnx", image_size=SIZE)
    assert report.outputs == ("logits", "aux")
    assert report.verification is not None
    assert "Not in the file: the output scale, which no layer makes of the image." in report.verification.notes


def test_verify_names_the_output_that_is_wrong(made: tuple[torch.nn.Module, ExportReport], tmp_path: Path) -> None:
    model, report = made
    path = scaled(report.path, tmp_path / "wrong.onnx", "aux.bias", 1.5)
    wrong = foreign(path, tmp_path / "foreign.onnx")
    found = verify(wrong, weights=model, runtimes=ORT)
    assert {one.output for one in found.comparisons if not one.passed} == {"aux"}
    assert found.failures[0].startswith("the file in ort:cpu: its output aux is ")
    assert found.diagnosis is not None
    assert found.diagnosis.layer == "aux"
    shown = text.render(found), page.render(found), junit.render(found)
    assert all("its output aux is" in one for one in shown)
    assert 'name="1 random image, aux"' in shown[2]
    assert json.loads(json.dumps(found.as_dict()))["comparisons"][1]["output"] == "aux"


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("ours", [True, False])
def test_right_files_pass(
    made: tuple[torch.nn.Module, ExportReport], tmp_path: Path, ours: bool, weights: bool
) -> None:
    model, report = made
    path = report.path if ours else foreign(report.path, tmp_path / "foreign.onnx")
    found = verify(path, weights=model if weights else None, runtimes=ORT)
    assert found.failures == ()
    assert {one.output for one in found.comparisons} == {None, *OTHERS}


def test_a_runtime_that_gives_the_first_output_alone_is_named(made: tuple[torch.nn.Module, ExportReport]) -> None:
    pytest.importorskip("MNN")
    found = verify(made[1].path, runtimes=["mnn"])
    assert found.passed
    assert "Not compared: the output aux in mnn, which gives the first output alone." in found.notes


def test_an_output_that_is_no_float_is_not_compared_and_said(
    made: tuple[torch.nn.Module, ExportReport], tmp_path: Path
) -> None:
    proto = onnx.load(foreign(made[1].path, tmp_path / "foreign.onnx"))
    proto.graph.node.append(onnx.helper.make_node("ArgMax", ["logits"], ["best"], axis=1, keepdims=0))
    proto.graph.output.append(onnx.helper.make_tensor_value_info("best", onnx.TensorProto.INT64, ["batch"]))
    onnx.save(proto, tmp_path / "best.onnx")
    found = verify(tmp_path / "best.onnx", runtimes=ORT)
    assert found.passed
    assert "Not compared: the output best, which is int64." in found.notes
    assert not any("could be read off" in note for note in found.notes)


def test_a_wrong_converter_fails_in_the_output_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from resnet_export.live.torch import TorchModel

    own = TorchModel.run_float64
    monkeypatch.setattr(
        TorchModel,
        "run_float64",
        lambda self, images: (own(self, images)[0], *(1.001 * x for x in own(self, images)[1:])),
    )
    with pytest.raises(ParityError) as caught:
        export(branches(as_dict), tmp_path / "net.onnx", image_size=SIZE)
    failures = caught.value.report.verification.failures
    assert [
        failure.partition(" is ")[2].partition(" from")[0][-len(name) :]
        for failure, name in zip(failures, OTHERS, strict=True)
    ] == list(OTHERS)
    assert failures[0].endswith("what the torch converter made of the model is another network.")


def test_the_reports_name_the_outputs(made: tuple[torch.nn.Module, ExportReport]) -> None:
    shown = render(made[1])
    assert "random, aux" in shown
    assert "aux, features" in shown
