"""What a report says of the place where a file goes wrong first."""

from __future__ import annotations

from resnet_export.parity.results import Bisection, Diagnosis, VerifyReport


def report(cause: str | None, bisection: Bisection | None) -> VerifyReport:
    diagnosis = Diagnosis("layer1.0.conv1", "the file", "its output is 3 from what its inputs make.", cause)
    return VerifyReport("net.onnx", False, (), ("it differs",), diagnosis=diagnosis, bisection=bisection)


WHERE = "First wrong layer: layer1.0.conv1, in the file: its output is 3 from what its inputs make."


def test_the_cause_is_that_of_the_diagnosis_else_that_of_the_same_layer() -> None:
    same, other = (Bisection("ort:cpu", (), layer, "a ReLU is missing") for layer in ("layer1.0.conv1", "conv1"))
    assert report("eps is 1e-3.", same).located == (WHERE, "Likely cause: eps is 1e-3.")
    assert report(None, same).located == (WHERE, "Likely cause: a ReLU is missing.")
    assert report(None, other).located == report(None, None).located == (WHERE,)
    assert VerifyReport("net.onnx", True, (), ()).located == ()
