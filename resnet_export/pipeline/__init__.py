"""The main job: a trained network in, one proven `.onnx` file out."""

import inspect
from collections import Counter
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec

import onnx_ir as ir

from resnet_export.errors import ParityError, StructureError
from resnet_export.files import refuse_overwriting, reported, sha256, staged
from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.file import bind, write
from resnet_export.graph.folding import folded
from resnet_export.graph.interface import apply_interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.parity.check import Check
from resnet_export.parity.results import Diagnosis, VerifyReport
from resnet_export.pipeline.draft import draft_report
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.report import ExportReport
from resnet_export.pipeline.sources import SourceModel
from resnet_export.pipeline.stages import Stages

__all__ = ["ExportOptions", "ExportReport", "export", "run"]

P = ParamSpec("P")


def run(options: ExportOptions) -> ExportReport:
    """Does what `export` says, for options in one value."""
    stages = Stages(options.progress)
    if options.output is not None:
        refuse_overwriting(options.output, force=options.force)
    with stages("load"):
        source = SourceModel(options)
        report = draft_report(options, source, stages.seconds)
    with _start_check(options, source, report) as check:
        with stages("build"):
            source.build()
        with stages("trace"):
            graph = source.trace()
        with stages("canonicalise"):
            _canonicalise(graph, source, report)
            report = replace(report, nodes=dict(sorted(Counter(node.op_type for node in graph.graph).items())))
        with stages("run"):
            if (wrong := source.differing_parameters()) is not None:
                raise _refusal(report, wrong)
            if check is not None:
                check.run_source(source.candidate)
            source.release_model()
        with stages("bind"):
            bind(graph, folded(source.weights))
            source.release_weights()
        path = Path(report.path)
        with staged(path) as temporary:
            with stages("write"), reported(path):
                write(graph, temporary, _metadata(report, graph))
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
    return closing(Check(source.weights, report.interface, report.preprocessing, options.images))


def _canonicalise(graph: ir.Model, source: SourceModel, report: ExportReport) -> None:
    """Makes the raw topology the graph of the file, without numbers."""
    try:
        canonicalise(graph, source.spec)
    except StructureError as error:
        raise _refusal(report, source.attribute(error)) from error
    apply_interface(graph, source.spec, report.interface, report.preprocessing)


def _metadata(report: ExportReport, graph: ir.Model) -> Metadata:
    """What the file says of itself."""
    names = ("spec", "interface", "preprocessing", "weights_digest", "labels", "assumptions")
    return Metadata(**{name: getattr(report, name) for name in names}, initializers_digest=initializers_digest(graph))


def _refusal(report: ExportReport, diagnosis: Diagnosis | None = None) -> ParityError:
    """The error of an export that failed its check, or whose diagnosis is known before that."""
    found = report.verification
    if diagnosis is not None:
        failure = f"{diagnosis.layer}: {diagnosis.detail}"
        found = VerifyReport(report.path, False, (), (failure,), diagnosis=diagnosis)
    assert found is not None, "only a check refuses"
    lines = (f"{report.path} was not written: it would not be the network of its source.",)
    return ParityError(
        " ".join(lines + (found.located or found.failures[:3])),
        hint="Mend the side that is named and export again; the report (--report FILE) has every comparison.",
        report=replace(report, verification=found),
    )


def _exporting(options: Callable[P, ExportOptions]) -> Callable[P, ExportReport]:
    """`export`, whose parameters are the fields of `ExportOptions`, for type checkers as for `help`."""

    def export(*arguments: P.args, **named: P.kwargs) -> ExportReport:
        """Exports a network to one `.onnx` file and proves that the file is that network.

        Args:
            arguments: the source and the output.
            named: the other fields of `ExportOptions`, where each is described.

        Returns:
            What was done and found.

        Raises:
            ParityError: the file, or the source, is not the network; nothing was written. Carries the report.
            UsageError: an option has an invalid value, or `output` exists and `force` is not set.
            InputError: a checkpoint, the labels or the pictures cannot be used.
            MissingDependencyError: the framework is not installed.
            UnavailableError: the file cannot be written.
        """
        return run(options(*arguments, **named))

    signature = inspect.signature(options).replace(return_annotation=ExportReport)
    vars(export).update(__signature__=signature)
    return export


export = _exporting(ExportOptions)
