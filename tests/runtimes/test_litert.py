from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export import export
from resnet_export.errors import ModelError, NotApplicableError
from resnet_export.runtimes import open_session
from tests.classify.files import LOGITS, foreign

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("variant", ["embedding"], indirect=True)
def test_a_file_without_a_classifier(variant: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"has no fc\.weight"):
        open_session("litert", variant)


def test_a_file_of_another_tool(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"net\.onnx was not written by resnet-export") as caught:
        open_session("litert", foreign(tmp_path / "net.onnx"))
    assert caught.value.hint.startswith("Export it first: resnet-export ")


def test_an_operator_that_litert_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    export(foreign(tmp_path / "other.onnx", body=LOGITS.replace("Relu(c)", "Erf(c)")), path)
    with pytest.raises(NotApplicableError, match=r"^erf_0 is Erf, which is not carried over to LiteRT\."):
        open_session("litert", path)


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"bad\.onnx is no ONNX file"):
        open_session("litert", tmp_path / "bad.onnx")
