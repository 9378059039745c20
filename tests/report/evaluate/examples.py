"""Reports as `evaluate` makes them, without a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from resnet_export.assumptions import Assumption
from resnet_export.classify import metrics
from resnet_export.classify.measures import Answered, EvaluateReport, Judged, Measured
from resnet_export.images import Preprocessing
from resnet_export.runtimes.session import Placement

LABELS = ("cat", "big dog", "a <b>bird</b> | of \x1b[31mprey")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel."""
MATRIX = ((90, 10, 0), (4, 95, 1), (0, 0, 0))
FILE = Measured(
    model="int8.onnx",
    sha256="0" * 64,
    runtime="ort:cpu,threads=2",
    version="onnxruntime 1.31.1, CPUExecutionProvider",
    placement=Placement("CPU"),
    precision="int8",
    preprocessing=Preprocessing.default(3, 224),
    raw_pixels=False,
    stated=True,
    assumptions=(Assumption("pictures", "mean", "0.485/0.456/0.406", "--mean"),),
    overrides=(),
    output="logits",
    head="logits",
    activation="softmax",
    classes=3,
    kind="classes",
    labels=LABELS,
    matched="name",
    accuracy=metrics.share(185, 200),
    top5=None,
    balanced_accuracy=0.925,
    macro_f1=0.6167,
    micro_f1=None,
    average_precision=None,
    roc_auc=None,
    calibration=metrics.calibrate(np.repeat([0.55, 0.7, 0.95], [20, 60, 120]), np.arange(200) % 13 > 0),
    per_class=(
        metrics.class_score(LABELS[0], 90, 100, 94),
        metrics.class_score(LABELS[1], 95, 100, 105),
        metrics.class_score(LABELS[2], 0, 0, 1),
    ),
    confusion=MATRIX,
    notes=("The file has 2 outputs; the first, logits, was taken.",),
)
OTHER = replace(FILE, model="float.onnx", accuracy=metrics.share(188, 200), notes=())
RIGHT = Answered((0,), right=True, probability=0.875, truth_probability=0.875, rank=1)
WRONG = Answered((1,), right=False, probability=0.75, truth_probability=0.125, rank=2)
SILENT = Answered((), right=False, probability=None, truth_probability=None, rank=None)
PICTURES = (
    Judged("val/cat/1.png", (0,), (RIGHT, RIGHT)),
    Judged("val/cat/2 <b>.png", (0,), (WRONG, RIGHT), thumbnail=PIXEL),
    Judged("val/cat/3.png", (0,), (SILENT, WRONG)),
    Judged("val/cat/broken.png", (), (), "val/cat/broken.png cannot be read as a picture: it is truncated."),
    Judged("val/cat/narrow.png", (), (), "A picture of 1 x 9 pixels would have 1 x 900 after the resize."),
)
PAIRED = metrics.pair(np.arange(200) >= 15, np.arange(200) >= 12, 9)
BOTH = EvaluateReport(
    data="val",
    file=FILE,
    against=OTHER,
    paired=PAIRED,
    checks=(metrics.check_minimum(FILE.accuracy, 0.95, 200), metrics.check_drop(PAIRED, 0.02, 200)),
    pictures=PICTURES,
    notes=("'bird' has no pictures.",),
)
ALONE = replace(
    BOTH,
    against=None,
    paired=None,
    checks=(metrics.check_minimum(FILE.accuracy, 0.8, 200),),
    pictures=tuple(replace(one, answers=one.answers[:1]) for one in PICTURES),
)
SEVERAL = replace(
    ALONE,
    file=replace(
        FILE,
        kind="labels",
        head="sigmoid",
        activation=None,
        confusion=None,
        micro_f1=0.9,
        roc_auc=0.98,
        average_precision=0.875,
        per_class=tuple(replace(one, average_precision=0.875) for one in FILE.per_class),
    ),
    checks=(),
)
