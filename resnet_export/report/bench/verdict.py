"""Which of several cases is the fastest, and by how much: one sentence, such as `1 thread beats 2 threads: ...`."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from resnet_export.bench.grade import DOUBTFUL, WORST
from resnet_export.bench.results import BenchReport, CaseResult
from resnet_export.report.bench.words import digits, told_apart
from resnet_export.terminal import printable

SCENARIOS = ("single", "concurrent", "offline")
"""The scenarios in which cases do the same work: a server's rates follow from how fast each is, and pauses are no work.
"""


@dataclass(frozen=True)
class Entry:
    """A case in the contest. Costs are milliseconds of a run, or of an image where throughput decides."""

    result: CaseResult
    name: str
    """What tells it from the others."""
    figure: str
    """Its number, for people."""
    cost: float
    low: float
    """Lower end of its 95 % interval; the least sample where there is none."""
    high: float
    """Upper end, likewise; the largest sample where there is none."""
    undisturbed: float
    """What it may come down to when nothing disturbs it: `low`, or the least sample where the grade is doubtful."""

    @classmethod
    def of(cls, result: CaseResult, name: str, *, by_rate: bool) -> Self:
        """A case that was measured."""
        assert result.measured is not None, "only what was measured takes part"
        main = result.measured.main
        latency, images = main.latency_ms, main.batch * main.callers if by_rate else 1
        found = latency.mean if by_rate else latency.p50
        low, high = found.interval or (latency.min, latency.max)
        disturbed = result.grade is not None and result.grade.letter in DOUBTFUL
        rate = main.images_per_s
        figure = f"{digits(rate.value)} images/s" if by_rate and rate is not None else f"{digits(found.value)} ms"
        costs = (one / images for one in (found.value, low, high, latency.min if disturbed else low))
        return cls(result, name, figure, *costs)


def verdicts(report: BenchReport) -> Iterator[tuple[str, str]]:
    """A sentence for each scenario with several cases, and a command that tells more where it is too close to call."""
    for scenario in SCENARIOS:
        cases = [one for one in report.cases if one.measured is not None and one.case.scenario.name == scenario]
        if len(cases) > 1:
            yield _verdict(cases, usual_threads=max(1, int(report.machine.usable_cpus)))


def _verdict(cases: Sequence[CaseResult], usual_threads: int) -> tuple[str, str]:
    by_rate = cases[0].case.scenario.name != "single" or len({one.case.batch for one in cases}) > 1
    _, names = told_apart(cases)
    entries = [Entry.of(case, printable(name), by_rate=by_rate) for case, name in zip(cases, names, strict=True)]
    best, second = sorted(entries, key=lambda entry: entry.cost)[:2]
    if best.high >= second.undisturbed:
        reason = "their intervals overlap" if best.high >= second.low else "what disturbed them may be the difference"
        told = f"Too close to call: {best.name} ({best.figure}) and {second.name} ({second.figure}); {reason}."
        return told, "" if by_rate else _compare(second.result, best.result, usual_threads)
    doubted = any(one.result.grade is not None and one.result.grade.letter == WORST for one in (best, second))
    doubt = " The machine was disturbed, which may be the difference: compare them in turns." if doubted else ""
    command = _compare(second.result, best.result, usual_threads) if doubted and not by_rate else ""
    ratio = f"{second.cost / best.cost:.2f} times as fast"
    several = re.match(r"\d+ ", best.name) and not best.name.startswith("1 ")  # 2 threads, 4 concurrent callers
    if len(cases) > 2:
        verb, next_one = "are" if several else "is", f"{second.name}, {second.figure}"
        told = f"{best.name} {verb} the fastest of {len(cases)}: {best.figure}. Next: {next_one} ({ratio})."
    else:
        verb = "beat" if several else "beats"
        told = f"{best.name} {verb} {second.name}: {best.figure} against {second.figure} ({ratio})."
    return told + doubt, command


def _compare(a: CaseResult, b: CaseResult, usual_threads: int) -> str:
    """The command in which both take turns; empty where it could not be written."""
    first, second = sorted((_side(case, usual_threads) for case in (a, b)), key=len)
    # B inherits what it leaves out, and a comma ends a value.
    if first.keys() - second.keys() or any("," in side["model"] for side in (first, second)):
        return ""
    written = (",".join(f"{key}={value}" for key, value in side.items()) for side in (first, second))
    return shlex.join(["resnet-export", "bench", "compare", *chain(*zip(("--a", "--b"), written, strict=True))])


def _side(result: CaseResult, usual_threads: int) -> dict[str, str]:
    """Key -> value, as `bench compare` reads them."""
    case = result.case
    runtime, *options = case.runtime.split(",")
    side = {"model": case.model.path, "runtime": runtime, **dict(option.split("=", 1) for option in options)}
    side |= {} if case.batch == 1 else {"batch": str(case.batch)}
    side |= {} if result.threads == usual_threads else {"threads": str(result.threads)}
    side |= {} if case.io == "host" else {"io": case.io}
    fell_back = result.measured is not None and result.measured.ran.fallback
    return side | ({"allow_fallback": "true"} if fell_back else {})
