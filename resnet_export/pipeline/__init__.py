"""The main job: a trained network in, one proven `.onnx` file out."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import onnx_ir as ir

from resnet_export.errors import ParityError
from resnet_export.files import refuse_overwriting, reported, sha256, staged
from resnet_export.graph.building import build_graph
from resnet_export.graph.file import bind, write
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.keywords import keywords_of
from resnet_export.network import Network
from resnet_export.network.folding import fold, folded_numbers, unfolded
from resnet_export.parity.check import Check
from resnet_export.parity.results import Diagnosis, VerifyReport
from resnet_export.pipeline.draft import draft_report
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport
from resnet_export.pipeline.source_model import SourceModel
from resnet_export.progress import Progress

__all__ = ["ExportOptions", "ExportReport", "export", "run"]


class Stages:
    """Times the stages, and lets an observer see them."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda name: nullcontext())
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times the block inside."""
        start = time.perf_counter()
        with self._progress(name):
            yield
        self.seconds[name] = time.perf_counter() - start


def run(options: ExportOptions) -> ExportReport:
    """Does what `export` says, for options in one value."""
    stages = Stages(options.progress)
    if options.output is not None:
        refuse_overwriting(options.output, force=options.force)
    with stages("load"):
        source = SourceModel(options)
        report = draft_report(options, source, stages.seconds)
    with _start_check(options, source, report) as check:
        if source.is_built:
            _build(source, report, stages)
        if check is not None and source.candidate is not None:
            with stages("run"):
                check.run_source(source.candidate, None if source.is_built else source.trained.activation)
                check.run_witness(source.run_float64)
        source.release_model()
        with stages("bind"):
            network, numbers = fold(source.trained.network), source.trained.numbers
            name = "network" if report.spec is None else f"resnet{report.spec.depth}"
            others = source.trained.others
            graph = build_graph(network, report.interface, report.preprocessing, name=name, outputs=others)
            report = replace(report, nodes=dict(sorted(Counter(node.op_type for node in graph.graph).items())))
            bind(graph, dict(folded_numbers(network, numbers)))
            del numbers
            source.release_weights()
        path = Path(report.path)
        with staged(path) as temporary:
            with stages("write"), reported(path):
                write(graph, temporary, _metadata(report, network, graph))
                report = replace(report, sha256=sha256(temporary), size=temporary.stat().st_size)
            if check is not None:
                with stages("verify"):
                    report = replace(report, verification=check.judge(temporary, source.recall, path))
            if report.passed is False:
                raise _refusal(report)
    return report


def _start_check(
    options: ExportOptions, source: SourceModel, report: ExportReport
) -> closing[Check] | nullcontext[None]:
    if not options.verify:
        return nullcontext()
    trained = source.trained
    head = "asked" if options.head is not None else trained.activation or "none"
    dtype = "float32" if source.is_built else trained.file_input[1]
    proof, reading, images = source.proof, source.reading, options.images
    return closing(Check(trained, proof, reading, report.interface, report.preprocessing, images, head, dtype))


def _build(source: SourceModel, report: ExportReport, stages: Stages) -> None:
    """Builds the model in its framework, traces it, and holds what was read of it against the specification."""
    with stages("build"):
        source.build()
    with stages("trace"):
        topology = source.trace()
    with stages("read"):
        if (wrong := source.check_structure(topology)) is not None:
            raise _refusal(report, wrong)


def _metadata(report: ExportReport, network: Network, graph: ir.Model) -> Metadata:
    """What the file says of itself; its network is folded."""
    names = ("spec", "interface", "preprocessing", "weights_digest", "labels", "assumptions")
    known = {name: getattr(report, name) for name in names}
    own = unfolded(network) if report.spec is None else None
    return Metadata(**known, network=own, initializers_digest=initializers_digest(graph))


def _refusal(report: ExportReport, diagnosis: Diagnosis | None = None) -> ParityError:
    """The error of an export that failed its check, or whose diagnosis is known before that."""
    found = report.verification if diagnosis is None else VerifyReport.refused(report.path, diagnosis)
    assert found is not None, "only a check refuses"
    lines = (f"{report.path} was not written: it would not be the network of its source.",)
    return ParityError(
        " ".join(lines + (found.located or found.failures[:3])),
        hint="Mend the side that is named and export again; the report (--report FILE) has every comparison.",
        report=replace(report, verification=found),
    )


@keywords_of(ExportOptions)
def export(options: ExportOptions) -> ExportReport:
    """Exports a network to one `.onnx` file and proves that the file is that network.

    Its parameters are the fields of `ExportOptions`, where each is described.

    Returns:
        What was done and found.

    Raises:
        ParityError: the file, or the source, is not the network; nothing was written. Carries the report.
        UsageError: an option has an invalid value, or `output` exists and `force` is not set.
        InputError: a checkpoint, the labels or the pictures cannot be used.
        MissingDependencyError: the framework is not installed.
        UnavailableError: the file cannot be written.
    """
    return run(options)
