"""An export's result for a person at a terminal: plain text, 80 columns."""

from collections.abc import Iterator

from resnet_export.graph.interface import OUTPUTS
from resnet_export.parity.gate.gate import SUSPICIOUS
from resnet_export.parity.results import Comparison, VerifyReport
from resnet_export.pipeline.report import ExportReport
from resnet_export.report import facts
from resnet_export.report.verify.summary import findings
from resnet_export.terminal import DIGITS, fact, file_size, multiply_adds, printable, table, wrapped

CHECKPOINT = "checkpoint"
"""What the framework is called of a network that a checkpoint alone shows."""
QUANTITIES = {"output": "probabilities"}
"""What a comparison is of -> its name here: a source that gives no logits gives what its last layer makes of them."""
SOURCES = {"onnx": "its source", CHECKPOINT: "NumPy in float32"}
"""Framework -> what the file is held against, where that is no live model."""


def render(report: ExportReport) -> str:
    """What was written, what went into it, and whether it is the network of its source."""
    title = f"{report.title} from {'a checkpoint' if report.framework == CHECKPOINT else report.framework}"
    return "\n".join([title, *_facts(report), "", *_verdict(report)])


def _facts(report: ExportReport) -> Iterator[str]:
    network, interface = report.network, report.interface
    yield from fact("file", report.path, f"{file_size(report.size)}, opset {interface.opset}")
    digests = (report.sha256[:DIGITS], report.weights_digest[:DIGITS])
    yield from fact("sha256", f"{digests[0]}... (the file)", f"{digests[1]}... (its weights)")
    yield from fact("input", _input(report))
    outputs = network.features if interface.head == "embedding" else network.classes
    yield from fact("output", f"{OUTPUTS[interface.head]}: float32 ({interface.batch or 'batch'}, {outputs})")
    if len(report.outputs) > 1:
        yield from fact("more", f"{', '.join(map(printable, report.outputs[1:]))}, as the source gives them")
    height, width = network.image[1:]
    cost = f"{multiply_adds(network.multiply_adds)} multiply-adds at {height} x {width}"
    yield from fact("network", f"{network.parameters:,} parameters", cost)
    yield from facts.nodes(report.nodes)
    yield from fact("weights", report.weights_origin)
    if report.labels is not None:
        yield from facts.labels(report.labels)
    yield from facts.preprocessing(report.preprocessing, interface.preprocess, f"origin: {report.preprocessing_origin}")
    if report.assumptions:
        source = "checkpoint" if report.network_assumed else "source"
        yield from wrapped(
            f"assumed, since the {source} can't show it: {', '.join(map(str, report.assumptions))}", "  "
        )
    longest = sorted(report.stages.items(), key=lambda stage: -stage[1])[:2]
    shares = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest)
    yield from fact("time", f"{sum(report.stages.values()):.1f} s (most: {shares})")


def _input(report: ExportReport) -> str:
    interface = report.interface
    channels, *sizes = map(str, report.network.image)
    size = ("height", "width") if interface.dynamic_size or interface.takes_pictures else sizes
    axes = (channels, *size) if interface.layout == "nchw" else (*size, channels)
    kind = "uint8" if interface.takes_pixels else "float32"
    return f"{kind} ({', '.join([str(interface.batch or 'batch'), *axes])}), {interface.layout.upper()}"


def _verdict(report: ExportReport) -> Iterator[str]:
    found = report.verification
    if found is None:
        yield "Not checked (--no-verify): whether the file is the same network is unknown."
        return
    if found.comparisons:
        yield "Distance from the float64 truth"
        heading = ("inputs", "batch", "runtime", "file error", f"{report.framework} error", "ratio", "top-1", "")
        yield from table(heading, _rows(found, report.framework), left=(0, 2, 7))
        factor = next((entry.bound / entry.yardstick for entry in found.comparisons if entry.yardstick), None)
        whose = "NumPy's in float32" if report.framework == CHECKPOINT else f"{report.framework}'s"
        if factor is not None:
            yield from wrapped(
                f"errors: {_scales(found, report.framework)}. ratio: error over {whose}, or over the rounding floor "
                f"where that is larger; up to {factor:g} passes.",
                "  ",
            )
        yield ""
    for one in found.preparation:
        yield from wrapped(f"preparation: {one}")
    for note in (*found.notes, *_rounding(found, report.framework)):
        yield from wrapped(f"note: {note}")
    if found.witness is not None:
        yield from wrapped(
            f"proof: {report.proof}; its own run in float64 is {found.witness:.0e} of the largest value from the truth."
        )
    if found.passed:
        source = SOURCES.get(report.framework, f"the {report.framework} model")
        that = "the file is that network, with what was assumed of it; " if report.network_assumed else ""
        far = any(entry.excused for entry in found.comparisons)
        compared = "the file, and NumPy in float32," if far else f"the file and {source}"
        yield from wrapped(f"Passed: {that}{compared} differ from the float64 truth by no more than rounding explains.")
        yield from _unproven(report)
    else:
        yield "FAILED: the file would not be the network of its source."
        yield from findings(found)


def _scales(found: VerifyReport, framework: str) -> str:
    """Of what the errors are, for the file and for its source, whose output may be what a softmax makes of it."""
    sides: dict[str, dict[str, float]] = {}
    for entry in found.comparisons:
        if entry.output is None:
            scales = sides.setdefault(f"{framework}'s" if entry.runtime == framework else "the file's", {})
            scales[entry.quantity] = max(entry.scale, scales.get(entry.quantity, 0.0))
    told = {
        who: " and ".join(f"{QUANTITIES.get(name, name)} of up to {scale:.3g}" for name, scale in scales.items())
        for who, scales in sides.items()
    }
    if len({frozenset(scales) for scales in sides.values()}) == 1:
        return f"on {next(iter(told.values()))}"
    return ", ".join(f"{who} on {what}" for who, what in told.items())


def _unproven(report: ExportReport) -> Iterator[str]:
    """What the file does to pictures by an assumption."""
    guessed = [one for one in report.assumptions if one.about == "pictures" and one.name in ("mean", "std")]
    if report.interface.takes_pixels and guessed:
        values = " and ".join(f"{one.name} {one.value} ({one.option})" for one in guessed)
        yield from wrapped(
            f"Not proven: the file normalises pixels with {values}. That is assumed; the source can't show it."
        )


def _rounding(found: VerifyReport, framework: str) -> Iterator[str]:
    """How far the source's own float32 run is from the truth, where rounding alone does not make that of a network."""
    own = [entry.error / entry.scale for entry in found.comparisons if entry.runtime == framework and entry.scale]
    told = any(entry.excused for entry in found.comparisons)  # by a note of the check's own
    if max(own, default=0.0) > SUSPICIOUS and not told:
        yield (
            f"the network magnifies rounding: the {framework} model's own float32 run is {max(own):.0e} of the largest "
            "value from the truth, and the file's answers differ from it by about as much."
        )


def _rows(verification: VerifyReport, framework: str) -> Iterator[tuple[str, ...]]:
    """Each evaluation of the file beside that of its source on the same batch."""
    sources = {_key(entry): entry for entry in verification.comparisons if entry.runtime == framework}
    for entry in verification.comparisons:
        source = sources.get(_key(entry))
        if entry is source:
            continue
        exempt = f" (+{entry.top1_exempt} too close)" if entry.top1_exempt else ""
        yield (
            entry.inputs if entry.output is None else f"{entry.inputs}, {printable(entry.output)}",
            str(entry.batch),
            entry.runtime,
            f"{entry.error:.1e}",
            "-" if source is None else f"{source.error:.1e}",
            f"{entry.ratio:.2f}",
            f"{entry.top1_agreed}/{entry.batch}{exempt}",
            "" if entry.passed and (source is None or source.passed or source.excused) else "FAILED",
        )


def _key(entry: Comparison) -> tuple[str, int, str | None]:
    """What is compared."""
    return entry.inputs, entry.batch, entry.output
