"""Which of several cases is the fastest, and by how much: one sentence, such as `1 thread beats 2 threads: ...`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from resnet_export.plain import printable
from resnet_export.report.figures import digits, told_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Case = Mapping[str, Any]

SCENARIOS = ("single", "concurrent", "offline")
"""Of those only, cases do the same work: a server's rates follow from how fast each is, and pauses are no work."""
DISTURBED = ("C", "D")
"""Grades of cases that are slower than another only where even their fastest run is."""


@dataclass(frozen=True)
class Entry:
    """A case in the contest."""

    case: Case
    name: str
    """What tells it from the others."""
    cost: float
    """Milliseconds: of a run; of an image, where throughput decides."""
    low: float
    """Lower end of its 95 % interval; the least sample where there is none."""
    high: float
    """Upper end, likewise; the largest sample where there is none."""
    undisturbed: float
    """What it may come down to when nothing disturbs it: `low`, or the least sample of a case that was disturbed."""


def verdicts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A sentence for each scenario with several cases, and a command that tells more where it is too close to call.

    Args:
        report: as `BenchReport.as_dict` gives it.
    """
    measured = [case for case in report["cases"] if case["status"] == "measured"]
    for scenario in SCENARIOS:
        cases = [case for case in measured if case["scenario"]["name"] == scenario]
        if len(cases) > 1:
            yield _verdict(cases, usual_threads=max(1, int(report["machine"]["usable_cpus"])))


def _verdict(cases: Sequence[Case], usual_threads: int) -> tuple[str, str]:
    by_rate = cases[0]["scenario"]["name"] != "single" or len({case["batch"] for case in cases}) > 1
    _, names = told_apart(cases)
    entries = [_entry(case, printable(name), by_rate=by_rate) for case, name in zip(cases, names, strict=True)]
    best, second = sorted(entries, key=lambda entry: entry.cost)[:2]
    fast, slow = (_figure(entry, by_rate=by_rate) for entry in (best, second))
    if best.high >= second.undisturbed:
        reason = "their intervals overlap" if best.high >= second.low else "what disturbed them may be the difference"
        told = f"Too close to call: {best.name} ({fast}) and {second.name} ({slow}); {reason}."
        return told, "" if by_rate else _compare(second.case, best.case, usual_threads)
    ratio = f"{second.cost / best.cost:.2f} times as fast"
    several = re.match(r"\d+ ", best.name) and not best.name.startswith("1 ")  # 2 threads, 4 concurrent callers
    if len(cases) > 2:
        verb = "are" if several else "is"
        return f"{best.name} {verb} the fastest of {len(cases)}: {fast}. Next: {second.name}, {slow} ({ratio}).", ""
    return f"{best.name} {'beat' if several else 'beats'} {second.name}: {fast} against {slow} ({ratio}).", ""


def _entry(case: Case, name: str, *, by_rate: bool) -> Entry:
    series = case["series"][case["headline"]]
    images = series["batch"] * series["callers"] if by_rate else 1
    value, *ends = (case[f"{'mean' if by_rate else 'p50'}{end}_ms"] for end in ("", "_low", "_high"))
    low, high = [case["min_ms"], case["max_ms"]] if None in ends else ends
    undisturbed = case["min_ms"] if (case["grade"] or {}).get("letter") in DISTURBED else low
    return Entry(case, name, value / images, low / images, high / images, undisturbed / images)


def _figure(entry: Entry, *, by_rate: bool) -> str:
    return f"{digits(entry.case['images_per_s'])} images/s" if by_rate else f"{digits(entry.case['p50_ms'])} ms"


def _compare(a: Case, b: Case, usual_threads: int) -> str:
    """The command in which both take turns; empty where it could not be written."""
    first, second = sorted((_side(case, usual_threads) for case in (a, b)), key=len)
    # B inherits what it leaves out, and a comma ends a value.
    if first.keys() - second.keys() or any("," in side["model"] for side in (first, second)):
        return ""
    written = (",".join(f"{key}={value}" for key, value in side.items()) for side in (first, second))
    return shlex.join(["resnet-export", "bench", "compare", *chain(*zip(("--a", "--b"), written, strict=True))])


def _side(case: Case, usual_threads: int) -> dict[str, str]:
    """Key -> value, as `bench compare` reads them."""
    runtime, *options = case["runtime"].split(",")
    side = {"model": case["model"], "runtime": runtime, **dict(option.split("=", 1) for option in options)}
    if case["batch"] != 1:
        side["batch"] = str(case["batch"])
    if case["threads"] != usual_threads:
        side["threads"] = str(case["threads"])
    if case["boundary"] != "host":
        side["boundary"] = case["boundary"]
    return side | ({"allow_fallback": "true"} if case["fallback"] else {})
