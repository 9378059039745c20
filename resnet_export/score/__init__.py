"""`score`: the most probable classes of any number of pictures, a row each, in a folder that grows part by part."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Literal

from resnet_export.classify.classifier import Asked, Classifier, read_classifier
from resnet_export.classify.reading import Reading
from resnet_export.errors import ImageError, NotApplicableError, UsageError
from resnet_export.files import sha256
from resnet_export.graph.cut import write_with_features
from resnet_export.keywords import keywords_of
from resnet_export.optional import require
from resnet_export.runtimes import RuntimeSpec
from resnet_export.score.engine import Engine, measure_fast, open_engine
from resnet_export.score.listing import check_inputs, list_pictures
from resnet_export.score.on_ray import cluster
from resnet_export.score.output import Output
from resnet_export.score.results import FORMATS, Format, Run, ScoreReport, Settings
from resnet_export.score.shown import Shown
from resnet_export.score.summary import summarise
from resnet_export.storage import grouped

ENGINES = ("local", "ray")
COMPARED = 32
"""Pictures on which scaled decoding is compared with the exact one."""


@dataclass(frozen=True)
class ScoreOptions(Asked):
    """What is asked for.

    Raises:
        UsageError: an option has an invalid value, or contradicts another one.
    """

    path: str | os.PathLike[str]
    """The `.onnx` file, written by this package or not."""
    inputs: Sequence[str | os.PathLike[str]]
    """Pictures, folders, patterns, and lists in .txt, .csv or .parquet; paths, or addresses such as `s3://`."""
    output: str | os.PathLike[str]
    """The folder of the parts and their manifest, likewise."""
    _: KW_ONLY
    runtime: str = "ort:cpu"
    """What runs the file."""
    top: int = 5
    """How many classes of each picture."""
    format: Format = "parquet"
    """Of the parts."""
    logits: bool = False
    """Whether the rows have the logits, too."""
    embedding: bool = False
    """Whether they have the embedding: what the network's last matrix product takes."""
    fast: bool = False
    """Whether libjpeg makes JPEGs smaller while it decodes them."""
    changed: bool = False
    """Whether pictures are scored again that have changed since."""
    engine: Literal["local", "ray"] = "local"
    """What does the work: this machine's processes, or Ray Data."""
    address: str | None = None
    """Of a cluster of Ray; None for Ray on this machine."""
    decoders: int | None = None
    """Processes that decode; None for one for each CPU."""
    batch: int | None = None
    """Pictures of a run; None for what suits the device."""
    part_size: int = 5000
    """Rows of a part: about a minute's work on a small machine, which is what a run that is ended loses at most."""
    thumbnails: bool = False
    """Whether the report has small copies of its least sure pictures."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"There is no format {self.format!r}.", hint=f"Choose one of {', '.join(FORMATS)}.")
        lists = "logits are" if self.logits else "an embedding is" if self.embedding else ""
        if self.format == "csv" and lists:
            raise UsageError(f"CSV has no lists, as {lists}.", hint="Give --format parquet or --format jsonl.")
        if self.engine not in ENGINES:
            raise UsageError(f"There is no engine {self.engine!r}.", hint=f"Choose one of {', '.join(ENGINES)}.")
        if self.address is not None and self.engine != "ray":
            raise UsageError("--address is of a cluster of Ray.", hint="Add --engine ray.")
        for name in ("top", "part_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}.", hint="Give a whole number from 1.")


@keywords_of(ScoreOptions)
def score(options: ScoreOptions) -> ScoreReport:
    """Writes a row for each picture: its most probable classes, or the reason why it has none.

    Called again with the same output, it goes on: pictures that have their row keep it. Its parameters are the fields
    of `ScoreOptions`, where each is described, and those of `Asked`.

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
    spec, stage = options.spec_of(options.runtime), options.stage
    given = [os.fspath(one) for one in options.inputs]
    with stage("read"):
        classifier = read_classifier(Path(options.path), options)
        if options.logits and classifier.head != "logits":
            raise UsageError(f"{options.path} gives {classifier.head}, and no logits.", hint="Leave out --logits.")
        check_inputs(given)
    folder = os.fspath(options.output)
    with contextlib.ExitStack() as stack:
        with stage(f"open {options.runtime}"):
            opened = stack.enter_context(_opened(classifier, spec, options))
        output = Output(folder, str(options.path), _settings(options, opened), _versions(opened))
        stack.callback(output.close)
        reading = opened.reading()
        distance = None
        if options.fast and opened.prepared:
            with stage("compare"):
                distance = measure_fast(opened, list_pictures(given), COMPARED)
        ray = options.engine == "ray"
        working = cluster(opened, options.address) if ray else contextlib.nullcontext(opened)
        with stage("score") as show, working as workers:
            run = _run(workers, reading, output, given, options.changed, show if callable(show) else None)
        notes = tuple(reading.notes(spec)) if reading.classes else ()
        report = summarise(folder, replace(run, fast=distance, notes=notes), thumbnails=options.thumbnails)
    _refuse_no_label(report)
    return report


@contextlib.contextmanager
def _opened(classifier: Classifier, spec: RuntimeSpec, options: ScoreOptions) -> Iterator[Engine]:
    """Opens the file, or a copy that gives the embedding, too, which is there until the end."""
    if not options.embedding:
        engine = open_engine(classifier, spec, options.decoders, options.batch)
        with engine.session:
            yield engine
        return
    with tempfile.TemporaryDirectory(prefix="resnet-export-") as folder:
        copy = Path(folder, classifier.path.name)
        features = write_with_features(classifier.path, copy)
        if features is None:
            raise UsageError(
                f"{classifier.path} has no embedding: no matrix product gives the values of its classes.",
                hint="Leave out --embedding.",
            )
        none = UsageError(f"{spec} gives no embedding.", hint="Leave out --embedding, or --runtime.")
        try:
            engine = open_engine(classifier, spec, options.decoders, options.batch, copy, features)
        except NotApplicableError as error:
            raise none from error
        with engine.session:
            if not engine.session.takes_file_input:  # it runs a definition of its own, and not the copy
                raise none
            yield engine


def _settings(options: ScoreOptions, engine: Engine) -> Settings:
    """What the rows depend on."""
    classifier, names = engine.classifier, ("top", "batch", "fast", "logits", "format", "part_size", "embedding")
    labels = classifier.labels
    return Settings(
        sha256=sha256(classifier.path),
        runtime=str(options.spec_of(options.runtime)),
        preprocessing=classifier.preprocessing,
        head=classifier.head,
        labels=None if labels is None else hashlib.sha256("\n".join(labels).encode()).hexdigest(),
        **{name: getattr(options, name) for name in names},
    )


def _refuse_no_label(report: ScoreReport) -> None:
    if not report.rows:
        raise ImageError("There are no pictures.", hint="Give folders, patterns or lists that have some.")
    if report.failed == report.rows:
        first = report.errors[0]
        raise ImageError(
            f"None of {report.rows} pictures has a label. Of {first.count} it is {first.reason}, as {first.example}.",
            hint=f"Their rows in {report.folder} have the reasons.",
        )


def _versions(engine: Engine) -> dict[str, str]:
    from resnet_export import __version__

    packages = {name: importlib.metadata.version(name) for name in ("numpy", "pillow", "pyarrow")}
    return {"resnet-export": __version__, **packages, "runtime": engine.session.version or engine.session.name}


def _run(
    engine: Engine,
    reading: Reading,
    output: Output,
    inputs: Sequence[str],
    changed: bool,
    show: Callable[[str], object] | None,
) -> Run:
    """Scores what is due, part by part."""
    settings, since = output.manifest.settings, time.perf_counter()
    due = output.due(list_pictures(inputs), changed=changed)
    rows = engine.rows(due, reading, settings)
    shown = Shown(engine, inputs, output.known, show)
    with shown, contextlib.closing(rows):
        for part in grouped(map(shown.count, rows), settings.part_size):
            output.add(part)
    return Run(
        pictures=shown.done,
        known=output.known,
        seconds=time.perf_counter() - since,
        runtime=engine.session.name,
        decoders=engine.decoders,
        callers=engine.callers,
        batch=engine.batching.size,
        limit=engine.limit if shown.done else None,
    )
