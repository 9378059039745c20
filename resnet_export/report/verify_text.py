"""What `verify` found for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resnet_export.parity.tolerances import TOLERANCES
from resnet_export.plain import fact, number, printable, wrapped

if TYPE_CHECKING:
    from resnet_export.parity.results import VerifyReport

ROWS = 8
"""Sentences about failures, so that they stay on one screen; JSON has the rest."""
LONGEST_NAME = 16
"""Characters of a runtime that share a line with its numbers; with more options than that it has a line of its own."""
LONGEST_REASON = 160
"""Characters of a reason, two lines; JSON has the whole of it."""
ELSEWHERE = ("unsupported", "not applicable", "crashed")
"""What is told of the runtimes that did not run, one by one; those that are not here are only named."""


def render(report: VerifyReport) -> str:
    """The verdict, what it was held against, the runtimes, and what failed."""
    return "\n".join([
        *wrapped(title(report)),
        *fact("truth", f"{report.truth}, in float64"),
        *fact("yardstick", report.yardstick),
        *_numbers(report),
        *_absent(report),
        *_notes(report),
        *_bisection(report.bisection),
        *_failures(report),
    ])  # fmt: skip


def title(report: VerifyReport) -> str:
    """The verdict in a line."""
    name = printable(Path(report.file).name)
    ran = [result for result in report.runtimes if result.status in ("passed", "failed")]
    failed = [result for result in ran if result.status == "failed"]
    if report.passed:
        return f"{name}: passed in {number(len(ran), 'runtime')}"
    return f"{name}: FAILED" + (f" in {len(failed)} of {number(len(ran), 'runtime')}" if failed else "")


def explanations(report: VerifyReport) -> list[str]:
    """What the numbers of the runtimes' table mean, and how large they may be."""
    first = report.comparisons[0]
    single = next((entry for entry in report.comparisons if _factor(entry) <= PLAIN_FACTORS), None)
    passes = "" if single is None else f"; up to {_factor(single):g} passes"
    sentences = [
        f"error: largest and mean distance from the {first.quantity} of the truth, which reach {first.scale:.3g}; "
        f"ratio: over the yardstick's error, or the floor of rounding where that is larger{passes}."
    ]
    for precision in dict.fromkeys(result.precision for result in report.runtimes):
        if precision in TOLERANCES:
            tolerance = TOLERANCES[precision]
            sentences.append(f"{precision}: up to {tolerance.relative:.2g} of what they reach ({tolerance.reason}).")
    exempt = sum(entry.top1_exempt for entry in report.comparisons)
    if exempt:
        sentences.append(f"In {number(exempt, 'run')} of an image the two best classes are too close to call.")
    return sentences
