"""`score`: the most probable classes of any number of pictures, a row each, in a folder that grows part by part."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.reading import Reading
from resnet_export.errors import ImageError, UsageError
from resnet_export.files import sha256
from resnet_export.graph.interface import Head
from resnet_export.images import Interpolation
from resnet_export.optional import require
from resnet_export.progress import Progress
from resnet_export.runtimes import parse_runtime
from resnet_export.score.engine import Engine, measure_fast, open_engine
from resnet_export.score.listing import check_inputs, list_pictures
from resnet_export.score.on_ray import cluster
from resnet_export.score.output import Output
from resnet_export.score.results import FORMATS, Fast, Format, Run, ScoreReport, Settings
from resnet_export.score.shown import Shown
from resnet_export.score.summary import summarise
from resnet_export.storage import grouped

ENGINES = ("local", "ray")
TOP = 5
PART_SIZE = 5000
"""Rows of a part: about a minute's work on a small machine, which is what a run that is ended loses at most."""
COMPARED = 32
"""Pictures on which scaled decoding is compared with the exact one."""


def score(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    runtime: str = "ort:cpu",
    top: int = TOP,
    format: Format = "parquet",  # noqa: A002 - the name of the option
    logits: bool = False,
    fast: bool = False,
    changed: bool = False,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    decoders: int | None = None,
    batch: int | None = None,
    part_size: int = PART_SIZE,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    image_size: int | None = None,
    resize: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    interpolation: Interpolation | None = None,
    head: Head | None = None,
    allow_fallback: bool = False,
    thumbnails: bool = False,
    progress: Progress | None = None,
) -> ScoreReport:
    """Writes a row for each picture: its most probable classes, or the reason why it has none.

    Called again with the same output, it goes on: pictures that have their row keep it.

    Args:
        path: the `.onnx` file, written by this package or not.
        inputs: pictures, folders, patterns, and lists in .txt, .csv or .parquet; paths, or addresses such as `s3://`.
        output: the folder of the parts and their manifest, likewise.
        runtime: what runs the file.
        top: how many classes of each picture.
        format: of the parts.
        logits: whether the rows have the logits, too.
        fast: whether libjpeg makes JPEGs smaller while it decodes them.
        changed: whether pictures are scored again that have changed since.
        engine: what does the work: this machine's processes, or Ray Data.
        address: of a cluster of Ray; None for Ray on this machine.
        decoders: processes that decode; None for one for each CPU.
        batch: pictures of a run; None for what suits the device.
        part_size: rows of a part.
        labels: as of `predict`, like all that follow.
        image_size: likewise.
        resize: likewise.
        mean: likewise.
        std: likewise.
        interpolation: likewise.
        head: likewise.
        allow_fallback: likewise.
        thumbnails: whether the report has small copies of its least sure pictures.
        progress: entered around each stage with its name.

    Raises:
        ModelError: the file is missing or damaged, takes no picture, or gives no classes.
        ImageError: an input is missing or can't be read, there are no pictures, or none has an answer.
        InputError: a list or the output's manifest is damaged.
        LabelsError: the labels can't be read, or are not one for each class.
        UsageError: an option contradicts another one or the file, or the output holds something else.
        MissingDependencyError: pyarrow or the runtime is not installed.
        UnavailableError: the output can't be written, or the runtime lacks a library, driver or device.
        RuntimeFailedError: the runtime fails while it runs. What was written by then is kept.
    """
    require("pyarrow")
    _check(format, logits=logits, top=top, part_size=part_size, engine=engine, address=address)
    spec = parse_runtime(runtime).with_fallback(allow_fallback)
    stage = progress or (lambda name: contextlib.nullcontext())
    given = [os.fspath(one) for one in inputs]
    with stage("read"):
        classifier = read_classifier(Path(path), Asked(image_size, resize, mean, std, interpolation, head, labels))
        if logits and classifier.head != "logits":
            raise UsageError(f"{path} gives {classifier.head}, and no logits.", hint="Leave out --logits.")
        check_inputs(given)
    with stage(f"open {runtime}"):
        opened = open_engine(classifier, spec, decoders, batch)
    settings = Settings(
        sha256=sha256(classifier.path),
        runtime=str(spec),
        preprocessing=classifier.preprocessing,
        head=classifier.head,
        labels=_digest(classifier.labels),
        top=top,
        batch=batch,
        fast=fast,
        logits=logits,
        format=format,
        part_size=part_size,
    )
    folder = os.fspath(output)
    with opened.session, Output(folder, str(path), settings, _versions(opened)) as kept:
        reading = opened.reading()
        distance = None
        if fast and opened.prepared:
            with stage("compare"):
                distance = Fast(*measure_fast(opened, reading, list_pictures(given), COMPARED))
        working = contextlib.nullcontext(opened) if engine == "local" else cluster(opened, address)
        with stage("score") as show, working as workers:
            run = _run(workers, reading, kept, given, changed, show if callable(show) else None)
        notes = tuple(reading.notes(spec)) if reading.classes else ()
        report = summarise(folder, replace(run, fast=distance, notes=notes), thumbnails=thumbnails)
    if not report.rows:
        raise ImageError("There are no pictures.", hint="Give folders, patterns or lists that have some.")
    if report.failed == report.rows:
        first = report.errors[0]
        raise ImageError(
            f"None of {report.rows} pictures has a label. Of {first.count} it is {first.reason}, as {first.example}.",
            hint=f"Their rows in {report.folder} have the reasons.",
        )
    return report


def _check(format: str, *, logits: bool, top: int, part_size: int, engine: str, address: str | None) -> None:  # noqa: A002
    if format not in FORMATS:
        raise UsageError(f"There is no format {format!r}.", hint=f"Choose one of {', '.join(FORMATS)}.")
    if format == "csv" and logits:
        raise UsageError("CSV has no lists, as logits are.", hint="Give --format parquet or --format jsonl.")
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine!r}.", hint=f"Choose one of {', '.join(ENGINES)}.")
    if address is not None and engine != "ray":
        raise UsageError("--address is of a cluster of Ray.", hint="Add --engine ray.")
    for name, value in (("top", top), ("part_size", part_size)):
        if value < 1:
            raise UsageError(f"{name} is {value}.", hint="Give a whole number from 1.")


def _digest(labels: tuple[str, ...] | None) -> str | None:
    return None if labels is None else hashlib.sha256("\n".join(labels).encode()).hexdigest()


def _versions(engine: Engine) -> dict[str, str]:
    from resnet_export import __version__

    packages = {name: importlib.metadata.version(name) for name in ("numpy", "pillow", "pyarrow")}
    return {"resnet-export": __version__, **packages, "runtime": engine.session.version or engine.session.name}


def _run(
    engine: Engine,
    reading: Reading,
    kept: Output,
    inputs: Sequence[str],
    changed: bool,
    show: Callable[[str], object] | None,
) -> Run:
    """Scores what is due, part by part."""
    settings, since = kept.manifest.settings, time.perf_counter()
    due = kept.due(list_pictures(inputs), changed=changed)
    rows = engine.rows(
        due, reading, fast=settings.fast, top=settings.top, logits=settings.logits, part_size=settings.part_size
    )
    shown = Shown(engine, inputs, kept.known, show)
    with shown, contextlib.closing(rows):
        for part in grouped(map(shown.count, rows), settings.part_size):
            kept.add(part)
    return Run(
        pictures=shown.done,
        known=kept.known,
        seconds=time.perf_counter() - since,
        runtime=engine.session.name,
        decoders=engine.decoders,
        callers=engine.callers,
        batch=engine.batching.size,
        limit=engine.limit if shown.done else None,
    )
