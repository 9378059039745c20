"""Reports as `verify` makes them, without a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from resnet_export.parity.results import (
    Bisection,
    Diagnosis,
    LayerError,
    RuntimeResult,
    VerifyReport,
)
from resnet_export.runtimes.session import Placement
from tests.report.examples import COMPARISON

if TYPE_CHECKING:
    from resnet_export.parity.results import (
        Comparison,
    )

CPU = Placement("CPU", {"CPUExecutionProvider": 49})
ORT = RuntimeResult("ort:cpu", "passed", precision="float32", placement=CPU)
NCNN = RuntimeResult("ncnn", "passed", precision="float32", placement=Placement("CPU"), batches_left_out=(2, 7))
BFLOAT16 = RuntimeResult(
    "openvino,precision=bfloat16", "passed", precision="bfloat16", placement=Placement("CPU: AMD EPYC")
)
WRONG = RuntimeResult("synthetic,error=0.01", "failed", precision="float32", placement=Placement("CPU"))
CUDA = RuntimeResult("ort:cuda", "not here", "libcublasLt.so.13 is not there.", "Install it.")
TENSORRT = RuntimeResult("ort:tensorrt", "not here", "libnvinfer.so.10 is not there.")
MNN = RuntimeResult("mnn", "unsupported", "mnn cannot load net.onnx: no Sigmoid.")
KERAS = RuntimeResult("keras", "not applicable", "keras runs canonical files only.")
CRASHED = RuntimeResult("tract", "crashed", "the process of tract was ended by SIGSEGV while running it", refused=True)

LAYERS = (
    LayerError("conv1", "Conv", "conv1", 1e-6, 4.0, 1e-6, 8e-6),
    LayerError("relu", "Relu", "relu", 1e-6, 4.0, 0.0, 8e-6),
    LayerError("layer1.0.conv1", "Conv", None, float("inf"), 2.0, float("inf"), 4e-6),
    LayerError("layer1.0.relu1", "Relu", "layer1.0.relu1", 0.5, 2.0, 0.5, 4e-6),
    LayerError("layer1.0.conv2", "Conv", "layer1.0.conv2", float("inf"), 2.0, 1e-6, 4e-6),
    LayerError("fc", "Gemm", "logits", 0.25, 1.0, 1e-6, 4e-6),
)
BISECTION = Bisection("ort:cpu", LAYERS, "layer1.0.relu1", "the ReLU is missing")
GOOD = replace(BISECTION, layers=(LAYERS[0], LAYERS[1]), first_wrong=None, cause=None)


def compared(runtime: str, *batches: int, **changes: Any) -> tuple[Comparison, ...]:
    """One comparison a batch, in which every image agrees."""
    return tuple(
        replace(COMPARISON, **{"runtime": runtime, "batch": n, "top1_agreed": n, "top5_agreed": n, **changes})
        for n in batches
    )


PASSED = VerifyReport(
    file="nets/net.onnx",
    passed=True,
    comparisons=(*compared("ort:cpu", 1, 2, 7), *compared("ncnn", 1)),
    failures=(),
    notes=("left out: broken.png is no picture.",),
    truth="the specification with the file's own numbers",
    yardstick="NumPy in float32",
    runtimes=(ORT, NCNN, MNN, KERAS, CUDA, TENSORRT),
    bisection=GOOD,
)
FAILURES = (
    "the file in synthetic,error=0.01 is 0.01 from the truth on 1 random image (1.2e-06 is allowed).",
    "the file in synthetic,error=0.01 gives values that are not finite for 2 random images.",
)
FAILED = replace(
    PASSED,
    passed=False,
    comparisons=(
        *compared("ort:cpu", 1, 2),
        *compared("synthetic,error=0.01", 1, error=0.01, passed=False, failure=FAILURES[0]),
        *compared(
            "synthetic,error=0.01",
            2,
            error=float("inf"),
            mean_error=float("inf"),
            cosine=0.0,
            passed=False,
            failure=FAILURES[1],
        ),
    ),
    failures=(
        *FAILURES,
        f"tract: {CRASHED.reason}",
        f"mnn: {MNN.reason}",
    ),
    runtimes=(ORT, WRONG, CRASHED, replace(MNN, refused=True), CUDA),
    diagnosis=Diagnosis("layer1.0.relu1", "the file in ort:cpu", "its output is 0.5 from it", "the ReLU is missing"),
    bisection=BISECTION,
)
