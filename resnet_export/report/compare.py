"""What `bench compare` found for a person at a terminal: plain text, 80 columns."""

import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from resnet_export.bench.compare.results import Comparison, Measured
from resnet_export.report.bench.words import FEW_LAUNCHES, digits, interval, machine_line, places
from resnet_export.terminal import blocks, fact, file_size, number, printable, wrapped

EXPLANATION = (
    "B / A: the time of B over that of A in short blocks that take turns, in launches: fresh processes. The median of "
    "the launches, with its 95 % interval. On a busy machine it differs from the ratio of the two p50, and is the "
    "better one."
)

LONGEST_ADVICE = 600
"""Seconds of a comparison that anyone would wait for."""


def render(found: Comparison) -> str:
    """The machine, both sides, the ratio, and the verdict in words."""
    ratio, launches = found.ratio, number(len(found.launches), "launch", "launches")
    facts = [
        *_side("A", found.a),
        *_side("B", found.b),
        *fact("B / A", f"{ratio.value:.4f} {interval(ratio, 4)}"),
        *fact("from", launches, f"{found.seconds:.0f} s", f"seed {found.seed}"),
    ]
    verdict = wrapped(_verdict(found))
    if found.interrupted:
        after = f"It was interrupted after {found.seconds:.0f} of {found.budget_seconds:.0f} s"
        verdict += wrapped(f"{after}; the interval holds unless that was because of what it showed.")
    disturbances = [line for one in found.disturbances for line in wrapped(printable(one))]
    explanation = EXPLANATION if ratio.has_interval else f"{EXPLANATION} {FEW_LAUNCHES}"
    title = wrapped(printable(machine_line(found.machine)))
    return blocks(_other_images(found), title, facts, verdict, disturbances, wrapped(explanation))


def _other_images(found: Comparison) -> Iterator[str]:
    """That the two do not do the same work."""
    if not found.same_images:
        images = (side.case.model.images for side in (found.a, found.b))
        a, b = (f"{one.channels} x {one.height} x {one.width}, {one.dtype}, {one.layout.upper()}" for one in images)
        yield from wrapped(f"Different inputs: A takes {a}, and B {b}.")


def _side(name: str, found: Measured) -> Iterator[str]:
    case, ran = found.case, found.ran
    named = f"{Path(case.model.path).name} ({file_size(case.model.size)})"
    device = [] if case.io == "host" else ["device to device"]
    asked = [named, case.runtime, f"batch {case.batch}", number(found.threads, "thread"), *device]
    yield from fact(name, *map(printable, asked))
    where = [ran.device, *([places(ran)] if len(ran.nodes) > 1 else [])]
    yield from fact("", *map(printable, [*ran.version.split(", "), ran.precision, *where]))
    if ran.fallback is not None:
        yield from wrapped(printable(f"FALLBACK: {ran.fallback}"), " " * 17)
    yield from fact("", f"p50 {digits(found.p50_ms)} ms", number(found.runs, "run"))


def _verdict(found: Comparison) -> str:
    ratio, band = found.ratio, f"{found.band * 100:g} %"
    match found.verdict:
        case "equivalent":
            return f"Equivalent: the interval lies within 1 plus or minus {band}."
        case "faster":
            return f"B is faster: it takes {_percent(1 - ratio.value)} less time than A."
        case "slower":
            return f"B is slower: it takes {_percent(ratio.value - 1)} more time than A."
    told = f"Inconclusive: the interval holds 1, and is not within 1 plus or minus {band}."
    if not ratio.has_interval:
        told = "Inconclusive: there are too few launches for an interval."
    if found.needs_seconds is None:
        return f"{told} No time would tell."
    if found.needs_seconds > LONGEST_ADVICE:
        return f"{told} This machine is too busy to tell them apart: stop what else runs."
    seconds = 10 * math.ceil(found.needs_seconds / 10)
    return f"{told} On a machine as busy as this, some {seconds} s may tell: --seconds {seconds}."


def _percent(share: float) -> str:
    """Two digits, three from 100 % on, never an exponent: 0.52 %, 12 %, 113 %, 1230 %."""
    rounded = f"{share * 100:.{2 if share < 1 else 3}g}"
    return f"{Decimal(rounded):f} %"
