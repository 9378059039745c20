"""What a folder of scores holds, in the words that all forms of the report share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_export.terminal import number

if TYPE_CHECKING:
    from resnet_export.score.results import Run, ScoreReport

CLASSES = ("class", "pictures", "share", "label")
ERRORS = ("reason", "pictures", "such as")


def title(report: ScoreReport) -> str:
    """The folder and what it holds."""
    return f"{report.folder}: {report.rows:,} pictures, {report.rows - report.failed:,} with a label"


def explanations(report: ScoreReport) -> Iterator[tuple[str, list[str]]]:
    """(name, values) of how the rows came about."""
    yield "model", [report.model, f"sha256 {report.sha256[:12]}...", report.runtime]
    yield "parts", [str(report.parts), "named in manifest.json"]
    if report.several_frames:
        yield "frames", [f"the first of several was taken of {number(report.several_frames, 'picture')}"]
    if report.run is not None:
        yield from _run(report.run)


def _run(run: Run) -> Iterator[tuple[str, list[str]]]:
    before = [f"{run.known:,} were there before"] if run.known else []
    if not run.pictures:
        yield "this run", ["nothing new", *before]
        return
    yield "this run", [f"{run.pictures:,} pictures in {run.seconds:.1f} s", f"{run.rate:.1f} a second", *before]
    how = [number(run.decoders, "decoder"), f"{number(run.callers, 'caller')} of {run.runtime}", f"batch {run.batch}"]
    yield "with", [*how, *([f"limited by {run.limit}"] if run.limit else [])]
    if run.fast is not None and run.fast.pictures:
        pixels = f"{run.fast.mean:.2f} of 255 from the exact decoding in the mean, {run.fast.largest:.0f} at most"
        yield "fast", [f"on {number(run.fast.pictures, 'picture')} pixels are {pixels}", _other_classes(run)]
    elif run.fast is not None:
        yield "fast", ["no picture of the first is decoded otherwise"]


def _other_classes(run: Run) -> str:
    assert run.fast is not None, "it was fast"
    if not run.fast.other_top1:
        return "the most probable classes are the same"
    return f"{run.fast.other_top1} of {run.fast.pictures} have another most probable class"


def classes(report: ScoreReport) -> list[tuple[str, str, str, str]]:
    """Rows below `CLASSES`, the most frequent first."""
    labelled = report.rows - report.failed
    return [
        (str(one.index), f"{one.count:,}", f"{one.count / labelled:.1%}", one.label or "") for one in report.classes
    ]


def errors(report: ScoreReport) -> list[tuple[str, str, str]]:
    """Rows below `ERRORS`, the most frequent first."""
    return [(one.reason, f"{one.count:,}", one.example) for one in report.errors]


def bins(report: ScoreReport) -> list[tuple[str, int]]:
    """(0.95 to 1.00, pictures) for each step of the probability of the most probable class."""
    steps = len(report.histogram)
    return [(f"{at / steps:.2f} to {(at + 1) / steps:.2f}", count) for at, count in enumerate(report.histogram)]
