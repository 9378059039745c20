"""What a file in reduced precision is worth: as text of 80 columns, and as a page."""

from collections.abc import Iterator, Sequence

from resnet_export.errors import and_more
from resnet_export.graph.recipe import Share
from resnet_export.quantization.results import Attempt, Candidate, QuantizeReport, RuntimeProof
from resnet_export.report import facts
from resnet_export.report.bench.words import FEW_LAUNCHES, digits, interval
from resnet_export.report.kit import page, svg
from resnet_export.report.kit.page import text
from resnet_export.terminal import blocks, file_size, number, printable, table, wrapped

CORRECTIONS = ("equalised", "bias-corrected")
PROOFS = ("runtime", "float32 ms", "ms", "time", "agrees with float32")
ATTEMPTS = ("float32 layers", "drop", "limit", "time", "the last of them")
STATUS = {"passed": "kept", "failed": "exceeded", "undecided": "can't tell"}
MOST_LAYERS = 5
"""Layers that are named."""
SQNR = (
    "SQNR: power of the float32 values over that of the difference, in decibel, after all that comes before it; 6 dB "
    "are a bit."
)
STYLE = """
svg .bar { stroke: var(--error); stroke-width: 8; }
.mark.error { fill: var(--error); } .interval.error { stroke: var(--error); }
"""
ACROSS = 20
"""Pixels of a layer in the chart of all of them."""


def as_text(report: QuantizeReport) -> str:
    """The recipe, where it was proven, the noisiest layers, and whether it is good enough."""
    proofs = table(PROOFS, map(_proof, report.proofs))
    noisiest = sorted(report.layers, key=lambda one: one.sqnr_db)[:MOST_LAYERS]
    layers = table(("lowest SQNR", "", "dB"), [(one.step, one.op, f"{one.sqnr_db:.1f}") for one in noisiest])
    return blocks(
        wrapped(printable(_title(report))),
        facts.told(_facts(report)),
        [*proofs, *(line for said in _findings(report) for line in wrapped(printable(said), "  "))],
        [*layers, *wrapped(SQNR, "  ")] if layers else [],
        table(ATTEMPTS, map(_attempt, report.attempts)),
        [line for note in report.notes for line in wrapped(printable(note))],
        [line for said in _verdict(report) for line in wrapped(printable(said))],
    )


def as_page(report: QuantizeReport) -> str:
    """An HTML document."""
    body = [
        *(f"<p>{text(said)}</p>" for said in _verdict(report)),
        page.facts(_facts(report)),
        page.items(report.notes),
        "<h2>Runtimes</h2>",
        *page.table("Runtimes", PROOFS, map(_proof, report.proofs)),
        page.items(list(_findings(report))),
        *_noise(report),
        *_search(report),
    ]
    return page.page(_title(report), body, passed=report.passed, style=STYLE)


def _title(report: QuantizeReport) -> str:
    """The file, what it was made of, and its precision."""
    return f"{report.path}: {report.source} in {report.quantization.recipe.precision}"


def _facts(report: QuantizeReport) -> Iterator[tuple[str, list[str]]]:
    """(name, values): how it was made."""
    made, recipe = report.quantization, report.quantization.recipe
    share = report.size / report.float_size
    yield "size", [file_size(report.size), f"{share:.2f} of {file_size(report.float_size)}"]
    if recipe.preset is not None:
        yield "preset", [f"{recipe.preset}: {report.reason}"]
    if made.calibration_digest is not None:
        what = "random inputs" if made.random else number(made.calibration_pictures, "picture")
        yield "calibration", [what, f"sha256 {made.calibration_digest[:12]}...", f"seed {made.seed}"]
    yield from _candidates("ranges", [one for one in report.candidates if one.what not in CORRECTIONS])
    yield from _candidates("corrections", [one for one in report.candidates if one.what in CORRECTIONS])
    if not report.candidates and recipe.ranges is not None:
        yield "ranges", [recipe.ranges, "by the recipe"]
    if report.quantised:
        yield "int8 weights", [number(len(report.quantised), "layer")]
    if recipe.kept_float:
        yield "kept in float32", [*recipe.kept_float]
    if made.drop is not None:
        points = f"{100 * made.drop.value:.2f} points [{100 * made.drop.low:.2f} {100 * made.drop.high:.2f}]"
        yield "accuracy", [f"{points} below float32", f"on {number(made.drop.pictures, 'labelled picture')}"]
    yield "pictures run", [f"{report.pictures_run:,}"]


def _candidates(name: str, tried: Sequence[Candidate]) -> Iterator[tuple[str, list[str]]]:
    """What was tried for a choice, with its noise, the chosen ones marked."""
    if tried:
        shown = [f"{one.what} {one.sqnr_db:.1f} dB{' (taken)' if one.chosen else ''}" for one in tried]
        yield name, shown if any(one.chosen for one in tried) else [*shown, "none taken"]


def _findings(report: QuantizeReport) -> Iterator[str]:
    """What stands below the table of runtimes, a sentence each."""
    held_out = [one.agreement.pictures for one in report.proofs if one.agreement is not None]
    if held_out:
        yield f"agrees: the class is float32's, on {max(held_out):,} pictures that were held out"
    for one in report.proofs:
        if one.error is not None:
            yield f"{one.runtime}: {one.error}"
        if one.integer is not None:
            yield f"{one.runtime} computes {len(one.integer)} of {number(len(report.quantised), 'layer')} in int8"
        if one.floating:
            yield (
                f"{one.runtime} computes these in float32 all the same, with {one.floating_share:.0%} of the "
                f"multiply-adds: {and_more(one.floating, MOST_LAYERS)}"
            )
            yield from () if one.why is None else (one.why,)
    if any(one.ratio is not None and not one.ratio.has_interval for one in report.proofs):
        yield FEW_LAUNCHES


def _verdict(report: QuantizeReport) -> Iterator[str]:
    """Whether it was written, and why not, a sentence each."""
    if report.passed:
        yield f"Written: {report.path}."
        return
    yield from (f"FAILED: {failure}" for failure in report.failures)
    if report.undecided is not None:
        yield f"CAN'T TELL: {report.undecided}"
    yield "It was written all the same, and is marked." if report.written else "Nothing was written."


def _proof(found: RuntimeProof) -> tuple[str, ...]:
    """A row below `PROOFS`."""
    times = [digits(ms) if ms is not None else "-" for ms in (found.float_ms, found.reduced_ms)]
    ratio = "not timed" if found.ratio is None else f"{found.ratio.value:.3f} {interval(found.ratio)}"
    return found.runtime, *times, ratio, _share(found.agreement)


def _share(found: Share | None) -> str:
    """`98.4% [96.1 99.4]`."""
    return "-" if found is None else f"{found.value:.1%} [{100 * found.low:.1f} {100 * found.high:.1f}]"


def _attempt(found: Attempt) -> tuple[str, ...]:
    """A row below `ATTEMPTS`."""
    low, high = found.drop.interval or (-1.0, 1.0)
    drop = f"{100 * found.drop.value:.2f} [{100 * low:.2f} {100 * high:.2f}]"
    time = "-" if found.ratio is None else f"{found.ratio.value:.3f}"
    return (
        str(len(found.kept_float)),
        drop,
        STATUS[found.status],
        time,
        found.kept_float[-1] if found.kept_float else "",
    )


def _noise(report: QuantizeReport) -> Iterator[str]:
    """The SQNR of each step; noise above the signal is drawn as 0."""
    if not report.layers:
        return
    chart = svg.Chart(
        "SQNR of each step",
        "In the order of the network",
        svg.categorical([one.step for one in report.layers], upright=True),
        svg.linear([max(one.sqnr_db, 0.0) for one in report.layers], "SQNR, dB"),
        svg.Frame(width=80 + ACROSS * len(report.layers), height=300, bottom=120),
    )
    for at, one in enumerate(report.layers):
        chart.bar(at, max(one.sqnr_db, 0.0), "bar", f"{one.step} ({one.op}): {one.sqnr_db:.1f} dB")
    yield "<h2>Noise, layer by layer</h2>"
    yield page.figure(chart.svg(), name="SQNR of each step", caption=SQNR)


def _search(report: QuantizeReport) -> Iterator[str]:
    """The search for the layers that stay in float32: each attempt, and what accuracy costs in time."""
    if not report.attempts:
        return
    yield "<h2>Accuracy against latency</h2>"
    yield from page.table("Attempts", ATTEMPTS, map(_attempt, report.attempts), left=(2, 4))
    drawn = [(one, one.ratio) for one in report.attempts if one.ratio is not None]
    if not drawn:
        return
    ends = [100 * (end or 0.0) for one in report.attempts for end in (one.drop.low, one.drop.value, one.drop.high)]
    low, high = min(*ends, 0.0), max(*ends, 0.01)
    x = svg.linear([ratio.high or ratio.value for _, ratio in drawn], "time over float32's")
    y = svg.Axis(low, high, "drop, points", tuple((end, f"{end:.2f}") for end in sorted({low, 0.0, high})))
    chart = svg.Chart("Accuracy against latency", "An attempt each, with its 95 % intervals", x, y)
    for one, ratio in drawn:
        drop = 100 * one.drop.value
        if one.drop.interval is not None:
            bottom, top = (100 * end for end in one.drop.interval)
            chart.upright(ratio.value, bottom, top, "error")
        tip = f"{len(one.kept_float)} layers in float32: drop {drop:.2f} points, time {ratio.value:.3f}"
        chart.mark(ratio.value, drop, "error", "circle", tip)
    if report.check is not None:
        chart.bound(100 * report.check.limit, "--max-drop")
    yield page.figure(chart.svg())
