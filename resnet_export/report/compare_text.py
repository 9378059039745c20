"""What `bench compare` found for a person at a terminal: plain text, 80 columns."""

from __future__ import annotations

import math
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_export.plain import fact, file_size, number, printable, wrapped
from resnet_export.report.figures import interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.bench.compare.comparison import Comparison, Ran

EXPLANATION = (
    "B / A: the ratio of the medians, [95 % interval] over launches: fresh processes, in which short blocks of both "
    "take turns."
)


def render(found: Comparison) -> str:
    """The machine, both sides, the ratio, and the verdict in words."""
    machine = found.machine
    cpus = f"{machine.usable_cpus:g} of {machine.cpu.logical_cores} CPUs"
    title = wrapped(printable(f"{machine.cpu.model or 'unknown CPU'}, {cpus}, {machine.system.name}"))
    ratio, notes = found.ratio, list(_other_images(found.a, found.b))
    facts = [
        *_side("A", found.a, found.median_ms("a"), found.runs("a")),
        *_side("B", found.b, found.median_ms("b"), found.runs("b")),
        *fact("B / A", f"{ratio.value:.4f} {interval(ratio, 4)}"),
        *fact("from", number(ratio.launches, "launch", "launches"), f"{found.seconds:.0f} s", f"seed {found.seed}"),
    ]
    verdict = wrapped(_verdict(found))
    if found.interrupted:
        after = f"It was interrupted after {found.seconds:.0f} of {found.budget_seconds:.0f} s"
        verdict += wrapped(f"{after}; the interval holds unless that was because of what it showed.")
    meanwhile = [line for one in found.disturbances for line in wrapped(printable(one))]
    explanation = EXPLANATION if ratio.low is not None else f"{EXPLANATION} ?: too few of them for an interval."
    blocks = [notes, title, facts, verdict, meanwhile, wrapped(explanation)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _other_images(a: Ran, b: Ran) -> Iterator[str]:
    """That the two don't do the same work."""
    ours, theirs = (side.side.case.model.images for side in (a, b))
    if ours != theirs:
        sizes = (" x ".join(map(str, (one.channels, one.height, one.width))) for one in (ours, theirs))
        yield from wrapped("Different image sizes: A takes images of {}, and B of {}.".format(*sizes))


def _side(name: str, ran: Ran, median_ms: float, runs: int) -> Iterator[str]:
    case, python = ran.side.case, ran.side.python
    named = f"{Path(case.model.path).name} ({file_size(case.model.size)})"
    device = [] if case.boundary == "host" else ["device to device"]
    asked = [named, case.runtime, f"batch {case.batch}", number(ran.threads, "thread"), *device]
    yield from fact(name, *map(printable, asked))
    yield from fact("", *map(printable, [*ran.version.split(", "), ran.precision, *_places(ran)]))
    if python is not None or ran.side.python_version != platform.python_version():
        yield from fact("", printable(f"Python {ran.side.python_version}"), printable(python or ""))
    if ran.fallback is not None:
        yield from wrapped(printable(f"FALLBACK: {ran.fallback}"), " " * 17)
    yield from fact("", f"p50 {median_ms:.4g} ms", number(runs, "run"))


def _places(ran: Ran) -> list[str]:
    """The device, or the nodes of each provider where there are several."""
    if len(ran.nodes) < 2:
        return [ran.device]
    return [ran.device, *(f"{name.removesuffix('ExecutionProvider')} {count}" for name, count in ran.nodes.items())]


def _verdict(found: Comparison) -> str:
    ratio, band = found.ratio, f"{found.band * 100:g} %"
    match found.verdict:
        case "equivalent":
            return f"Equivalent: the interval lies within 1 plus or minus {band}."
        case "faster":
            return f"B is faster: it takes {_percent(1 - ratio.value)} less time than A."
        case "slower":
            return f"B is slower: it takes {_percent(ratio.value - 1)} more time than A."
    if found.ratio.low is None:
        told = "Inconclusive: there are too few launches for an interval."
    else:
        told = f"Inconclusive: the interval holds 1, and is not within 1 plus or minus {band}."
    if found.needs_seconds is None:
        return f"{told} No time would tell."
    seconds = 10 * math.ceil(found.needs_seconds / 10)
    return f"{told} On a machine as busy as this, some {seconds} s may tell: --seconds {seconds}."


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %"
