from __future__ import annotations

from pathlib import Path

import pytest

from resnet_export.error_text import LONGEST, error_text, loading
from resnet_export.errors import ModelError, UsageError


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model failed:Protobuf parsing failed.",
         "Load model failed:Protobuf parsing failed"),
        ("Exception from src/core.cpp:84:\nCheck 'a || b' failed at src/proto.cpp:5:\n"
         "FrontEnd API failed with GeneralFailure:\nModel can't be parsed\n\n", "Model can't be parsed"),
        ("Exception from a.cpp:8:\nModel wasn't fully converted.\nSummary:\n-- No conversion rule found for: X",
         "No conversion rule found for: X"),
        ("OpenCV(5.0.0) /io/x.cpp:3: error: (-5:Bad argument) Can't read it in function 'parseFile'\n",
         "Can't read it"),
        ("OpenCV(5.0.0) /x.cpp:1: error: (-2:Unspecified error) in function 'handleNode'\n> Node [X]: parse error: "
         "OpenCV(5.0.0) /y.hpp:2: error: (-2:Unspecified error) Can't create it in function 'f'\n> ",
         "Node [X]: parse error: Can't create it"),
        ("Translating node #1\n\nCaused by:\n    0: Infering facts\n    1: Impossible to unify.\n\n"
         "Stack backtrace:\n   0: somewhere", "Translating node #1: Impossible to unify"),
        ("[16:24:10] :35: Check failed: success ==> read onnx model failed",
         "Check failed: success ==> read onnx model failed"),
        ('ort CreateSession failed /p-1.30.0/model.cc:2 onnx::Model(onnx::ModelProto&&, const onnx::Options&) No "X"',
         'No "X"'),
        ("[ONNXRuntimeError] : 1 : FAIL : Load model from m.onnx failed:/onnxruntime_src/core/graph/model.cc:181 "
         "onnxruntime::Model::Model(onnx::ModelProto&&, const PathString&, const logging::Logger&, "
         "const ModelOptions&) Unsupported model IR version: 99, max supported IR version: 13",
         "Load model from m.onnx failed: Unsupported model IR version: 99, max supported IR version: 13"),
        ("[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/onnxruntime/core/providers/cpu/nn/lrn.h:23 "
         "onnxruntime::LRN<T>::LRN(const onnxruntime::OpKernelInfo&) [with T = float] size_ % 2 == 1 was false.",
         "size_ % 2 == 1 was false"),
        ("ort CreateSession failed This is an invalid model (X) here", "This is an invalid model (X) here"),
        ("", "it gives no reason"),
    ],
)  # fmt: skip
def test_what_runtimes_say(said: str, meant: str) -> None:
    assert error_text(said) == meant


def test_an_error_without_words_has_its_name() -> None:
    assert error_text(MemoryError()) == "MemoryError"


def test_it_is_short() -> None:
    assert len(error_text("word " * 100)) == LONGEST


def test_our_own_errors_pass() -> None:
    with pytest.raises(UsageError, match="as it is"), loading("any", Path("a.onnx")):
        raise UsageError("as it is")
    with pytest.raises(ModelError, match=r"any cannot load a\.onnx: so\.\n"), loading("any", Path("a.onnx")):
        raise ValueError("so.")
