"""An export's result for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export import terminal
from resnet_export.graph.interface import OUTPUTS
from resnet_export.report.verify.findings import findings
from resnet_export.terminal import DIGITS, fact, file_size, multiply_adds, numbers, printable, wrapped

FIRST_LABELS = 3
"""Of the class names, shown to be recognised."""

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.parity.results import Comparison, VerifyReport
    from resnet_export.report.data import ExportReport


def render(report: ExportReport) -> str:
    """What was written, what went into it, and whether it is the network of its source."""
    title = f"ResNet-{report.spec.depth} from {report.framework}"
    return "\n".join([title, *_facts(report), "", *_verdict(report)])


def table(verification: VerifyReport, framework: str) -> list[str]:
    """Each evaluation of the file beside that of its source on the same batch."""
    sources = {(entry.inputs, entry.batch): entry for entry in verification.comparisons if entry.runtime == framework}
    heading = ("inputs", "batch", "runtime", "file error", f"{framework} error", "ratio", "top-1", "")
    rows = []
    for entry in verification.comparisons:
        source = sources.get((entry.inputs, entry.batch))
        if entry is source:
            continue
        passed = entry.passed and (source is None or source.passed)
        rows.append(
            (
                entry.inputs,
                str(entry.batch),
                entry.runtime,
                f"{entry.error:.1e}",
                "-" if source is None else f"{source.error:.1e}",
                f"{entry.ratio:.2f}",
                _top1(entry),
                "" if passed else "FAILED",
            )
        )
    return terminal.table(heading, rows, left=(0, 2, 7))


def _facts(report: ExportReport) -> Iterator[str]:
    spec, interface, preprocessing = report.spec, report.interface, report.preprocessing
    yield from fact("file", report.path, f"{file_size(report.size)}, opset {interface.opset}")
    yield from fact(
        "sha256", f"{report.sha256[:DIGITS]}... (the file)", f"{report.weights_digest[:DIGITS]}... (its weights)"
    )
    yield from fact("input", _input(report))
    outputs = spec.features if interface.head == "embedding" else spec.num_classes
    batch = "batch" if interface.batch is None else interface.batch
    yield from fact("output", f"{OUTPUTS[interface.head]}: float32 ({batch}, {outputs})")
    yield from fact(
        "network",
        f"{spec.trainable_parameters:,} parameters",
        f"{multiply_adds(spec.multiply_adds)} multiply-adds at {spec.image_size} x {spec.image_size}",
    )
    yield from fact(
        "nodes", f"{sum(report.nodes.values())} in all", *(f"{count} {op}" for op, count in report.nodes.items())
    )
    yield from fact("weights", report.weights_origin)
    if report.labels is not None:
        shown = [f"{number} {printable(name)}" for number, name in enumerate(report.labels[:FIRST_LABELS])]
        yield from fact(
            "labels", f"{len(report.labels)} in all", *shown, *(["..."] if len(report.labels) > len(shown) else [])
        )
    yield from fact(
        "preprocessing",
        f"resize {preprocessing.resize} ({preprocessing.interpolation})",
        f"crop {preprocessing.crop}",
        f"mean {numbers(preprocessing.mean)}",
        f"std {numbers(preprocessing.std)}",
    )
    inside = "the normalisation is in the file" if interface.preprocess == "uint8" else "left to the caller"
    yield from fact("", f"origin: {report.preprocessing_origin}", inside)
    if report.assumptions:
        listed = ", ".join(map(str, report.assumptions))
        yield from wrapped(f"assumed, since the {_source(report)} can't show it: {listed}", "  ")
    longest = sorted(report.stages.items(), key=lambda stage: -stage[1])[:2]
    shares = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest)
    yield from fact("time", f"{sum(report.stages.values()):.1f} s (most: {shares})")


def _verdict(report: ExportReport) -> Iterator[str]:
    found = report.verification
    if found is None:
        yield "Not checked (--no-verify): whether the file is the same network is unknown."
        return
    if found.comparisons:
        yield "Distance from the float64 truth"
        yield from table(found, report.framework)
        factor = next((entry.bound / entry.yardstick for entry in found.comparisons if entry.yardstick), None)
        if factor is not None:
            yield from wrapped(
                f"ratio: error over {report.framework}'s, or over the rounding floor where that is larger; "
                f"up to {factor:g} passes.",
                "  ",
            )
        yield ""
    for note in found.notes:
        yield from wrapped(f"note: {note}")
    if found.passed:
        that = "the file is that network, with what was assumed of it; " if report.network_assumed else ""
        yield from wrapped(
            f"Passed: {that}the file and the {report.framework} model are equally far from float64 truth, "
            "as rounding alone makes them."
        )
    else:
        yield "FAILED: the file would not be the network of its source."
        yield from findings(found)


def _source(report: ExportReport) -> str:
    """What can't show what was assumed."""
    return "checkpoint" if report.network_assumed else "source"


def _input(report: ExportReport) -> str:
    spec, interface = report.spec, report.interface
    batch = "batch" if interface.batch is None else str(interface.batch)
    size = ("height", "width") if interface.dynamic_size else (str(spec.image_size),) * 2
    channels = str(spec.in_channels)
    axes = (batch, channels, *size) if interface.layout == "nchw" else (batch, *size, channels)
    kind = "uint8" if interface.preprocess == "uint8" else "float32"
    return f"{kind} ({', '.join(axes)}), {interface.layout.upper()}"


def _top1(entry: Comparison) -> str:
    exempt = f" (+{entry.top1_exempt} too close)" if entry.top1_exempt else ""
    return f"{entry.top1_agreed}/{entry.batch}{exempt}"
