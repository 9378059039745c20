"""The log of a training as CSV, and as a curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from resnet_export.files import reported, staged
from resnet_export.report.kit.svg import Chart, linear
from training.checkpoint import Line

STYLE = """<style>
svg { font: 11px sans-serif; background: white } text { fill: #333 } .grid { stroke: #ddd }
polyline { fill: none; stroke-width: 2 } .train { stroke: #888 } .test { stroke: #06c }
.label-train { fill: #666 } .label-test { fill: #06c }
</style>"""


def write_log(path: Path, lines: Sequence[Line]) -> None:
    """A row for each epoch."""
    text = io.StringIO()
    names = list(lines[0].as_dict())
    rows = csv.DictWriter(text, names, lineterminator="\n")
    rows.writeheader()
    rows.writerows(line.as_dict() for line in lines)
    _write(path, text.getvalue())


def write_curve(path: Path, lines: Sequence[Line]) -> None:
    """The accuracies over the epochs."""
    epochs = [line.epoch for line in lines]
    series = {"train": [line.accuracy for line in lines], "test": [line.test_accuracy for line in lines]}
    everything = [100 * value for values in series.values() for value in values]
    chart = Chart(
        "Accuracy over the epochs", f"On the test pictures {series['test'][-1]:.2%} after the last one",
        linear([0, *epochs], "epoch"), linear(everything, "right, %"),
    )  # fmt: skip
    for name, values in series.items():
        points = [(epoch, 100 * value) for epoch, value in zip(epochs, values, strict=True)]
        chart.line(points, name)
        chart.label(*points[-1], f"{name} {values[-1]:.2%}", below=name == "train", kind=f"label-{name}")
    drawing = chart.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = drawing.partition("\n")
    _write(path, f"{head}\n{STYLE}\n{rest}\n")


def _write(path: Path, text: str) -> None:
    with staged(path) as temporary, reported(path):
        temporary.write_text(text, encoding="utf-8")
