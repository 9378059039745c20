"""Reports as an export makes them, without an export."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.parity.results import Comparison, Diagnosis, VerifyReport
from resnet_export.pipeline.report import ExportReport, NetworkFacts
from resnet_export.spec import ResNetSpec

COMPARISON = Comparison(
    runtime="ort:cpu",
    inputs="random",
    batch=1,
    quantity="logits",
    error=2.7e-7,
    mean_error=1e-7,
    yardstick=3e-7,
    bound=1.2e-6,
    scale=0.7,
    cosine=1.0,
    top1_agreed=1,
    top1_exempt=0,
    top5_agreed=1,
    passed=True,
)
SOURCE = replace(COMPARISON, runtime="torch", error=3.1e-7, bound=2.4e-6)
PASSED = VerifyReport(file="resnet18.onnx", passed=True, comparisons=(COMPARISON, SOURCE), failures=())
DIAGNOSIS = Diagnosis(
    layer="layer2.0.conv1",
    side="the file",
    detail="its weight differs by 3e+04 ulp",
    cause="two output channels have changed places",
)
FAILED = VerifyReport(
    file="resnet18.onnx",
    passed=False,
    comparisons=(replace(COMPARISON, error=0.25, top1_agreed=0, passed=False), SOURCE),
    failures=("The file is 0.25 from the truth, and 1.2e-06 passes.",),
    diagnosis=DIAGNOSIS,
)
REPORT = ExportReport(
    path="resnet18.onnx",
    framework="torch",
    title="ResNet-18",
    spec=ResNetSpec(),
    interface=Interface(),
    preprocessing=Preprocessing.default(3, 224),
    preprocessing_origin="ImageNet's",
    weights_origin="He initialisation, seed 0",
    weights_digest="250acb05f096" + "0" * 52,
    network=NetworkFacts.of(ResNetSpec().network),
    proof="the specification",
    sha256="3144409cae22" + "0" * 52,
    size=46_759_231,
    nodes={"Add": 8, "Conv": 20, "Flatten": 1, "Gemm": 1, "GlobalAveragePool": 1, "MaxPool": 1, "Relu": 17},
    stages={"load": 0.1, "trace": 6.5, "verify": 0.3},
    versions={"resnet-export": "0.1.0", "torch": "2.13.0"},
    verification=PASSED,
)


def example(**changes: Any) -> ExportReport:
    """A report of ResNet-18 that passed, but for `changes`."""
    return replace(REPORT, **changes)
