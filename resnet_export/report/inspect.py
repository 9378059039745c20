"""A file, and what tells two apart, for a person at a terminal: plain text, 80 columns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from resnet_export.errors import and_more
from resnet_export.graph.metadata import Metadata
from resnet_export.graph.recipe import Quantization
from resnet_export.inspect.results import Change, Layer, ModelDiff, ModelReport, Port, TensorChange
from resnet_export.report import facts
from resnet_export.terminal import (
    DIGITS,
    blocks,
    clipped,
    fact,
    file_size,
    more,
    multiply_adds,
    number,
    shortened,
    some,
    table,
    wrapped,
)  # fmt: skip

ROWS = 8
"""Differences of each kind that are shown, so that all kinds stay on one screen; JSON has the rest."""

ULP = "ulp: representable values between a and b; of largest: |a - b| in last places of the tensor's largest value."
BEFORE = 8
"""Characters that are shown before the first difference of two long texts."""
QUANTIZED = {"qdq": "QDQ", "qoperator": "QOperator"}


def render(report: ModelReport) -> str:
    """What stands in the file, and whether it is as the file says."""
    return "\n".join([report.path, *_facts(report), "", *_verdict(report)])


def render_diff(found: ModelDiff) -> str:
    """What the first file has differently from the second, each kind under its heading."""
    files: list[str] = []
    for side in (0, 1):
        size, digest = file_size(found.sizes[side]), f"sha256 {found.sha256[side][:DIGITS]}..."
        files += [f"{'-+'[side]} {found.paths[side]}", f"  {size}, {digest}, {found.nodes[side]} nodes"]
    if found.same:
        alike = found.sha256[0] == found.sha256[1]
        return blocks(files, ["The same, byte for byte." if alike else "No difference but in how they are stored."])
    by = "matched by name" if found.matched_by == "name" else "names differ: matched by position"
    return blocks(
        files,
        _section("Header", found.header),
        _section(f"Structure ({by})", found.structure),
        _weights(found),
        _unmatched(found),
        _section("Metadata", found.metadata),
    )


def _facts(report: ModelReport) -> Iterator[str]:
    opsets = (f"opset {v}" if k == "ai.onnx" else f"{k} {v}" for k, v in report.opsets.items())
    yield from fact("file", file_size(report.size), f"IR version {report.ir_version}", *opsets)
    yield from fact("sha256", f"{report.sha256[:DIGITS]}...")
    for name, size in report.data.items():
        yield from fact("numbers in", name, file_size(size))
    yield from fact("producer", report.producer or "not said")
    if report.metadata is not None:
        yield from _network(report.metadata)
        if report.metadata.quantization is not None:
            yield from _quantization(report.metadata.quantization)
        yield from fact("weights", f"{report.metadata.weights_digest[:DIGITS]}... (before folding)")
    layout = f", {report.image.layout.upper()}" if report.image is not None else ""
    for kind, ports in (("input", report.inputs), ("output", report.outputs)):
        for port in ports:
            yield from fact(kind, f"{_port(port)}{layout if kind == 'input' else ''}")
    yield from _pictures(report)
    yield from facts.nodes(report.operators)
    folded = ""
    if report.metadata is not None and report.canonical:
        spec = report.metadata.spec
        folded = "" if spec is None else f" ({spec.trainable_parameters:,} before folding)"
    yield from fact("parameters", f"{report.parameters:,}{folded}")
    pixels = f" at {report.image_size[0]} x {report.image_size[1]}" if report.image_size else ""
    count = report.multiply_adds
    unknown = "unknown: the shapes cannot be inferred"
    yield from fact("multiply-adds", unknown if count is None else f"{multiply_adds(count)}{pixels}")
    kinds = Counter(_precision(layer) for layer in report.layers)
    yield from fact("precision", *(f"{kind}: {number(n, 'layer')}" for kind, n in kinds.most_common()))


def _network(metadata: Metadata) -> Iterator[str]:
    spec, network = metadata.spec, metadata.canonical
    if spec is None:
        yield from fact("network", f"{network.classes} classes", number(len(network.steps), "step"))
        return
    known = (f"{spec.num_classes} classes", f"{spec.stem} stem", f"width {spec.width}", f"eps {spec.eps:g}")
    yield from fact("specification", spec.title, *known)


def _quantization(made: Quantization) -> Iterator[str]:
    """How a file of reduced precision was made, and what was found of it."""
    recipe = made.recipe
    given = (recipe.preset, recipe.ranges, "equalised" * recipe.equalised, "bias-corrected" * recipe.bias_corrected)
    yield from fact("quantised", recipe.precision, *filter(None, given))
    if made.random:
        yield from fact("calibration", f"RANDOM NUMBERS, {made.calibration_pictures}")
    elif made.calibration_digest is not None:
        digest = f"sha256 {made.calibration_digest[:DIGITS]}..."
        yield from fact("calibration", number(made.calibration_pictures, "picture"), digest)
    if recipe.kept_float:
        yield from fact("in float32", *recipe.kept_float)
    for name, share in (("agreement", made.agreement), ("drop", made.drop)):
        if share is not None:
            ends = f"[{100 * share.low:.2f} {100 * share.high:.2f}]"
            yield from fact(name, f"{share.value:.2%} {ends} of {number(share.pictures, 'picture')}")
    if made.refusal is not None:
        yield from fact("REFUSED", made.refusal)


def _pictures(report: ModelReport) -> Iterator[str]:
    """Preprocessing, labels and what others have noted."""
    if report.metadata is not None:
        yield from facts.preprocessing(report.metadata.preprocessing, report.metadata.interface.preprocess)
        if report.metadata.assumptions:
            yield from fact("assumed", *map(str, report.metadata.assumptions))
        labels = report.metadata.labels
        yield from fact("labels", "none") if labels is None else facts.labels(labels)
    if report.other_metadata:
        yield from fact("other keys", *(_short(key) for key in report.other_metadata))


def _verdict(report: ModelReport) -> Iterator[str]:
    if report.faults:
        yield "FAILED: the file is not what it says of itself."
        for fault in report.faults:
            yield from wrapped(fault, "  ")
    elif report.metadata is None:
        yield "Not written by resnet-export: it makes no claims that could be checked."
    else:
        but = "" if report.metadata.quantization is None else " but for its precision"
        yield from wrapped(
            f"Canonical{but}: the graph is that of the {report.metadata.title}, node for node, and its numbers are "
            "those that were written."
        )


def _precision(layer: Layer) -> str:
    """The types of a layer, and how its quantisation is written."""
    kinds = [kind for kind in dict.fromkeys((layer.weights, layer.activations)) if kind is not None]
    kind = " weights and ".join(kinds) + (" activations" if len(kinds) == 2 else "") or "unknown"
    return kind if layer.quantized is None else f"{kind} ({QUANTIZED[layer.quantized]})"


def _section(title: str, changes: Sequence[Change]) -> list[str]:
    """A heading with its number of changes, and the first of them."""
    heading = f"{title}: {number(len(changes), 'difference')}"
    return [heading, *some(list(map(_change, changes)), ROWS)] if changes else []


def _change(change: Change) -> str:
    where = f"{_short(change.where)}{f' {change.what}' if change.what else ''}"
    if not change.what and (change.first is None) != (change.second is None):
        sign, there = ("-", change.first) if change.second is None else ("+", change.second)
        return f"{sign} {where}: {_short(_value(there))}"
    first, second = _apart(_value(change.first), _value(change.second))
    return "\n".join(wrapped(f"{first} -> {second}", f"  {where}: "))


def _apart(first: str, second: str) -> tuple[str, str]:
    """Both, shortened; from a little before the place where they begin to differ, where one would not see that else."""
    if _short(first) != _short(second):
        return _short(first), _short(second)
    same = next((at for at, (one, other) in enumerate(zip_longest(first, second)) if one != other), 0)
    start = max(same - BEFORE, 0)
    shown = (f"{'...' * (start > 0)}{clipped(text[start:], facts.LONGEST)}" for text in (first, second))
    return next(shown), next(shown)


def _weights(found: ModelDiff) -> Iterator[str]:
    """Tensors of other shapes, then a table of the rest, the worst first."""
    if not found.weights:
        return
    yield f"Weights: {len(found.weights)} of {number(found.tensors, 'tensor')} differ, the worst first"
    shown = found.weights[:ROWS]
    yield from (_misfit(change) for change in shown if change.differing is None)
    rows = [_row(change) for change in shown if change.differing is not None]
    if rows:
        yield from table(("tensor", "differ", "max |a - b|", "ulp", "ulp of largest"), rows)
        yield from wrapped(ULP, "  ")
    yield from more(len(found.weights) - ROWS)


def _unmatched(found: ModelDiff) -> Iterator[str]:
    """Tensors without a counterpart."""
    for sign, names in zip("-+", found.unmatched, strict=True):
        if names:
            listed = and_more(map(_short, names), 2)
            yield from wrapped(f"{number(len(names), 'tensor')} only here: {listed}", f"{sign} ")


def _misfit(change: TensorChange) -> str:
    shapes = ["x".join(map(str, shape)) or "scalar" for shape in change.shapes]
    types = [""] * 2 if len(set(change.dtypes)) == 1 else [f" {dtype}" for dtype in change.dtypes]
    return f"  {_short(change.name)}: {shapes[0]}{types[0]} -> {shapes[1]}{types[1]}"


def _row(change: TensorChange) -> tuple[str, str, str, str, str]:
    assert change.differing is not None, "a tensor of another shape has no distance"
    share = 100 * change.differing / change.size
    return (
        _short(change.name),
        f"{share:.0f} %" if share >= 1 else f"{change.differing}",
        f"{change.max_difference:.2g}",
        f"{change.max_ulp:.3g}",
        f"{change.max_ulp_of_largest:.3g}",
    )


def _port(port: Port) -> str:
    if port.shape is None:
        return f"{port.name}: {port.dtype or 'unknown type'} of unknown shape"
    return f"{port.name}: {port.dtype} ({', '.join('?' if size is None else str(size) for size in port.shape)})"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))})"
    return "nothing" if value is None else str(value)


def _short(text: str) -> str:
    return shortened(text, facts.LONGEST)
