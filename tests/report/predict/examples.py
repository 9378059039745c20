"""A report as `predict` makes it, without a network."""

from __future__ import annotations

from resnet_export.assumptions import Assumption
from resnet_export.classify.results import ClassProbability, Override, PictureResult, PredictReport
from resnet_export.images import Preprocessing
from resnet_export.runtimes.session import Placement

CAT = PictureResult(
    "photos/cat.jpg",
    (ClassProbability(281, "tabby, tabby cat", 0.91), ClassProbability(285, "a <b>cat</b> | of \x1b[31mEgypt", 2e-6)),
)
BROKEN = PictureResult("photos/broken.png", (), "photos/broken.png cannot be read as a picture: it is truncated.")
REPORT = PredictReport(
    model="resnet18.onnx",
    sha256="0" * 64,
    runtime="ort:cpu,threads=2",
    version="onnxruntime 1.31.1, CPUExecutionProvider",
    placement=Placement("CPU"),
    precision="float32",
    preprocessing=Preprocessing.default(3, 224),
    raw_pixels=False,
    stated=True,
    assumptions=(Assumption("pictures", "mean", "0.485/0.456/0.406", "--mean"),),
    overrides=(Override("resize", "232", "256"),),
    output="logits",
    head="logits",
    activation="softmax",
    classes=1000,
    pictures=(CAT, BROKEN),
    notes=("The file has 2 outputs; the first, logits, was taken.",),
)
