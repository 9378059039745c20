"""An export's result for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resnet_export.parity.results import Comparison, VerifyReport
    from resnet_export.report.data import ExportReport

WIDTH = 80
INDENT = 15
"""Column at which the values stand."""

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps the parts of one value on one line."""

DIGITS = 12
"""Of a digest: enough to tell two files apart at a glance."""


def render(report: ExportReport) -> str:
    """What was written, what went into it, and whether it is the network of its source."""
    title = f"ResNet-{report.spec.depth} from {report.framework}"
    return "\n".join([title, *_facts(report), "", *_verdict(report)])


def findings(verification: VerifyReport) -> list[str]:
    """What a failed check found: one line for each failure, then where it goes wrong first."""
    found = verification.diagnosis
    said = None if found is None else f"{found.layer}: {found.detail}"
    lines = [f"  {failure}" for failure in verification.failures if failure != said]
    if found is not None:
        lines.append(f"First wrong layer: {found.layer}, in {found.side}: {found.detail.rstrip('.')}.")
        if found.cause:
            lines.append(f"Likely cause: {found.cause.rstrip('.')}.")
    return lines


def table(verification: VerifyReport, framework: str) -> list[str]:
    """Each evaluation of the file beside that of its source on the same batch."""
    sources = {(entry.inputs, entry.batch): entry for entry in verification.comparisons if entry.runtime == framework}
    rows = [("inputs", "batch", "runtime", "file error", f"{framework} error", "ratio", "top-1", "")]
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
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = (0, 2, 7)
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _facts(report: ExportReport) -> Iterator[str]:
    spec, interface, preprocessing = report.spec, report.interface, report.preprocessing
    yield from _fact("file", report.path, f"{_size(report.size)}, opset {interface.opset}")
    yield from _fact(
        "sha256", f"{report.sha256[:DIGITS]}... (the file)", f"{report.weights_digest[:DIGITS]}... (its weights)"
    )
    yield from _fact("input", _input(report))
    outputs = spec.features if interface.head == "embedding" else spec.num_classes
    batch = "batch" if interface.batch is None else interface.batch
    yield from _fact("output", f"{interface.head}: float32 ({batch}, {outputs})")
    yield from _fact(
        "network",
        f"{spec.trainable_parameters:,} parameters",
        f"{_multiply_adds(spec.multiply_adds)} multiply-adds at {spec.image_size} x {spec.image_size}",
    )
    yield from _fact(
        "nodes", f"{sum(report.nodes.values())} in all", *(f"{count} {op}" for op, count in report.nodes.items())
    )
    yield from _fact("weights", report.weights_origin)
    yield from _fact(
        "preprocessing",
        f"resize {preprocessing.resize} ({preprocessing.interpolation})",
        f"crop {preprocessing.crop}",
        f"mean {_numbers(preprocessing.mean)}",
        f"std {_numbers(preprocessing.std)}",
    )
    inside = "the normalisation is in the file" if interface.preprocess == "uint8" else "left to the caller"
    yield from _fact("", f"origin: {report.preprocessing_origin}", inside)
    longest = sorted(report.stages.items(), key=lambda stage: -stage[1])[:2]
    shares = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest)
    yield from _fact("time", f"{sum(report.stages.values()):.1f} s (most: {shares})")


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
            yield from _wrapped(
                f"ratio: error over {report.framework}'s, or over the rounding floor where that is larger; "
                f"up to {factor:g} passes.",
                "  ",
            )
        yield ""
    for note in found.notes:
        yield from _wrapped(f"note: {note}")
    if found.passed:
        yield from _wrapped(
            f"Passed: the file and the {report.framework} model are equally far from float64 truth, "
            "as rounding alone makes them."
        )
    else:
        yield "FAILED: the file would not be the network of its source."
        yield from findings(found)


def _fact(name: str, *values: str) -> Iterator[str]:
    together = ", ".join(value.replace(" ", NO_BREAK) for value in values)
    yield from (line.replace(NO_BREAK, " ") for line in _wrapped(together, f"  {name}".ljust(INDENT + 2)))


def _wrapped(text: str, first: str = "") -> list[str]:
    """The text in lines of 80 columns; a path, though, is never broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


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


def _size(count: int) -> str:
    """Bytes in decimal units: 46.8 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _multiply_adds(count: int) -> str:
    """1.814 G."""
    unit, factor = ("G", 1e9) if count >= 1e9 else ("M", 1e6)
    return f"{count / factor:.3f} {unit}"


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:g}" for value in values)
