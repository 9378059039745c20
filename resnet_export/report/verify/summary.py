"""What `verify` found, by runtime: the rows and words that the screen and the page have in common."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_export.parity.gate.gate import TOLERANCES
from resnet_export.parity.results import Comparison, LayerError, RuntimeResult, VerifyReport
from resnet_export.terminal import Row, clipped, number, printable

HEADING = ("runtime", "images", "error", "mean", "ratio", "1-cosine", "top-1", "top-5", "")
LAYER_HEADING = ("layer", "operator", "error", "own error", "allowed", "")
LAYER_EXPLANATION = (
    "error: distance from the truth, of all layers up to here; own error: from what the layer's own inputs make in "
    "float64; allowed: the largest own error that rounding explains."
)
LONGEST_REASON = 160
"""Characters of a reason, two lines of a terminal; JSON has the whole of it."""
HUNDREDS = 99.995
"""From here on a ratio is shown by its order of magnitude."""


def title(report: VerifyReport) -> str:
    """The verdict in a line."""
    name = printable(Path(report.file).name)
    good, bad = ran(report), [result for result in report.runtimes if result.refused]
    failed = len(bad) + sum(result.status == "failed" for result in good)
    total = number(len(good) + len(bad), "runtime")
    if not report.passed:
        only = len(report.failures) == len(bad) and all(one.status in ("not applicable", "not here") for one in bad)
        if bad and only:
            return f"{name}: NOT RUN in {len(bad)} of {total}"
        return f"{name}: FAILED in {failed} of {total}" if failed else f"{name}: FAILED"
    strays = [result.runtime for result in good if result.placement is not None and result.placement.fallback]
    return f"{name}: passed in {total}" + (f" (FALLBACK: {printable(', '.join(strays))})" if strays else "")


def facts(report: VerifyReport) -> list[tuple[str, str]]:
    """(name, what the numbers rest on)."""
    found = [("truth", f"{report.truth}, in float64"), ("yardstick", report.yardstick)]
    if report.witness is not None:
        found.append(("witness", f"the source's own float64 run, {magnitude(report.witness, digits=0)} from the truth"))
    names = {result.runtime for result in ran(report)}
    found += [("preparation", str(one)) for one in report.preparation if one.runtime in names]
    return found


def rows(report: VerifyReport) -> list[Row]:
    """The rows of the runtimes that ran, for `HEADING`: random images, then pictures, then the other outputs."""
    found: list[Row] = []
    for result in ran(report):
        own = [entry for entry in report.comparisons if entry.runtime == result.runtime]
        kinds = list(dict.fromkeys(entry.inputs for entry in own))
        outputs = dict.fromkeys(entry.output for entry in own)
        groups = [
            [entry for entry in own if (entry.output, entry.inputs) == (output, kind)]
            for output in outputs
            for kind in kinds
        ]
        for at, group in enumerate(groups):
            output = group[0].output
            name = result.runtime if output is None else f"  {printable(output)}"
            remarks = _remarks(result, own, report.comparisons[0].quantity) if at == len(groups) - 1 else ()
            found.append(Row(("" if at % len(kinds) else name, *_cells(group)), tuple(remarks)))
    return found


def _cells(found: Sequence[Comparison]) -> tuple[str, ...]:
    """The worst of all batches of one kind of inputs, and images of all of them."""
    images = sum(entry.batch for entry in found)
    pictures = found[0].inputs == "pictures"
    classifies = found[0].quantity != "embedding"
    return (
        number(images, "picture") if pictures else " ".join(str(entry.batch) for entry in found),
        magnitude(max(entry.error for entry in found)),
        magnitude(max(entry.mean_error for entry in found)),
        ratio(max(entry.ratio for entry in found)),
        magnitude(max(0.0, *(1 - entry.cosine for entry in found)), digits=0),
        f"{sum(entry.top1_agreed for entry in found)}/{images}" if classifies else "-",
        f"{sum(entry.top5_agreed for entry in found)}/{images}" if classifies else "-",
        "" if all(entry.passed for entry in found) else "FAILED",
    )


def _remarks(result: RuntimeResult, own: Sequence[Comparison], quantity: str) -> Iterator[str]:
    """What a reader of a runtime's numbers has to know, beginning with the worst; `quantity` is what others compare."""
    placement = result.placement
    if placement is not None and placement.fallback is not None:
        who = "" if " ran it" in placement.fallback else f"the {placement.device} ran it: "
        yield f"FALLBACK: {who}{placement.fallback.rstrip('.')}"
    elif placement is not None and not (placement.on_cpu and len(placement.nodes) <= 1):
        nodes = " and ".join(f"{count} nodes on {provider}" for provider, count in placement.nodes.items())
        yield f"on {placement.device}" + (f": {nodes}" if nodes else "")
    if result.precision not in (None, "float32") and str(result.precision) not in result.runtime:
        yield f"computes in {result.precision}"
    yield from [f"compares {entry.quantity}" for entry in own if entry.output is None and entry.quantity != quantity][
        :1
    ]
    if result.batches_left_out:
        yield f"takes no batch of {' or '.join(map(str, result.batches_left_out))}"
    exempt = sum(entry.top1_exempt for entry in own if entry.output is None)
    if exempt:
        yield f"top-1 of {number(exempt, 'image')} is too close to call"


def explanations(report: VerifyReport) -> list[str]:
    """What the numbers in the rows mean, and how large they may be: a sentence for the table, one a precision."""
    reach: dict[str, float] = {}
    for entry in report.comparisons:
        name = entry.quantity if entry.output is None else printable(entry.output)
        reach[name] = max(entry.scale, reach.get(name, 0.0))
    values = " and ".join(f"{name} of up to {scale:.3g}" for name, scale in reach.items())
    factor = min(entry.bound / entry.yardstick if entry.yardstick else math.inf for entry in report.comparisons)
    reduced = {one.precision for one in report.runtimes} & set(TOLERANCES)
    allowed = "" if all(one.precision in reduced for one in ran(report)) else f"; up to {factor:g} passes"
    return [
        f"error, mean: largest and mean distance from the truth, on {values}. "
        f"ratio: error over the yardstick's, or over the rounding floor where that is larger{allowed}.",
        *(
            f"{precision}: an error of {100 * tolerance.relative:.3g} % passes ({tolerance.reason})."
            for precision, tolerance in TOLERANCES.items()
            if precision in reduced
        ),
    ]


def ran(report: VerifyReport) -> list[RuntimeResult]:
    """The runtimes that ran the file."""
    return [result for result in report.runtimes if result.status in ("passed", "failed")]


def reason(result: RuntimeResult) -> str:
    """Why a runtime did not run, in a line or two."""
    return f"{result.status}: {clipped(result.reason or '', LONGEST_REASON)}"


def layer_cells(layer: LayerError) -> tuple[str, ...]:
    """Text for every column of `LAYER_HEADING`, relative to the largest value of the layer."""
    if layer.value is None:
        return (layer.layer, layer.op, "-", "-", magnitude(relative(layer.bound, layer)), "absent")
    found = (magnitude(relative(error, layer)) for error in (layer.error, layer.local_error, layer.bound))
    return (layer.layer, layer.op, *found, "WRONG" if layer.wrong else "")


def relative(error: float, layer: LayerError) -> float:
    """Over the largest value of the layer's truth."""
    return error / layer.scale if layer.scale else error


def magnitude(value: float, digits: int = 1) -> str:
    """1.2e-05; 0 where nothing differs."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{digits}e}"


def ratio(value: float) -> str:
    """0.45; 2.1e+04 where decimals say nothing."""
    return f"{value:.2f}" if value < HUNDREDS else magnitude(value)


def findings(verification: VerifyReport) -> list[str]:
    """One line for each failure, then where it goes wrong first."""
    return [*(f"  {failure}" for failure in sentences(verification)), *verification.located]


def sentences(verification: VerifyReport) -> list[str]:
    """The failures, except one that only says what `located` of the report says."""
    repeated = None if verification.diagnosis is None else verification.diagnosis.failure
    return [failure for failure in verification.failures if failure != repeated]
