"""Whether a result is slower than a baseline: `check(result, baseline)`, both as `read_report` reads them.

A regression is a ratio of the times (see `times`) above 1 + tolerance whose interval lies above 1: both, since a
difference may be certain and small, or large and nothing but noise. An interval that is wider than +- 5 % and has
1 + tolerance in it tells nothing. Two runs differ by more than their intervals say.
Medians do by a percent or so, because each process has the memory that it happened to get, and by as much as the
machine's pace differs from one run to the other; times relative to the reference network's do by a percent. The
tolerance has to be wider than that.
"""

import math
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from resnet_export.bench.check.results import Checked, CheckReport, Status
from resnet_export.bench.check.times import Compared, compare_times, same_reference, time_ms
from resnet_export.bench.grade import DOUBTFUL
from resnet_export.bench.results import SCHEMA_VERSION, BenchReport, CaseResult
from resnet_export.data import decode
from resnet_export.errors import InputError, UsageError, and_more
from resnet_export.machine import Machine

TOLERANCE = 0.05
"""Twice and more of what two runs of one file on one idle machine differ by; and half of the widest interval that tells
anything."""


@dataclass(frozen=True)
class Head:
    """The first thing to read of a result."""

    schema_version: int


HINT = "Give what `bench --output` wrote."


def read_report(path: Path) -> BenchReport:
    """Reads what `bench --output` wrote as JSON.

    Raises:
        InputError: it can't be read, is no result, or has another schema version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", hint=HINT) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Give a file that can.") from error
    version = decode(Head, content, str(path), hint=HINT).schema_version
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}, and this release reads {SCHEMA_VERSION}.",
            hint="Measure it anew with this release.",
        )
    report = decode(BenchReport, content, str(path), hint=HINT)
    for case in report.cases:
        if not _is_sound(case):
            raise InputError(f"{path} is damaged: the times of {label_of(case)} contradict each other.", hint=HINT)
    return report


def _is_sound(case: CaseResult) -> bool:
    """Whether the times that a check compares are above 0, and in their intervals."""
    if case.measured is None:
        return True
    if not 0 <= case.measured.headline < len(case.measured.series):
        return False
    main = case.measured.main
    known = (main.latency_ms.p50, main.images_per_s, None if case.relative is None else case.relative.ratio)
    ends = [[one.value if end is None else end for end in (one.low, one.value, one.high)] for one in known if one]
    return all(0 < low <= value <= high < math.inf for low, value, high in ends)


def check(
    result: BenchReport, baseline: BenchReport, tolerance: float = TOLERANCE, *, other_machine: bool = False
) -> CheckReport:
    """Holds a result against a baseline.

    Args:
        result: what was measured now.
        baseline: what was measured earlier.
        tolerance: what the ratio may be above 1 by.
        other_machine: go on where they come from different machines.

    Raises:
        UsageError: the tolerance is below 0.
        InputError: they are from different machines, or have no case in common.
    """
    if not 0 <= tolerance < math.inf:
        raise UsageError(f"A tolerance of {tolerance:g} is below 0.", hint="Give a share such as 0.05.")
    ours, theirs = _by_label(result), _by_label(baseline)
    if not ours.keys() & theirs.keys():
        raise InputError(
            "The result and the baseline have no case in common: the result has "
            f"{and_more(ours, 2, '; ') or 'none'}, the baseline {and_more(theirs, 2, '; ') or 'none'}.",
            hint="Measure the files, runtimes, batches and threads of the baseline.",
        )
    differences = _differences(_facts(result.machine), _facts(baseline.machine), "{0} {1}, and here {2}")
    if differences and not other_machine:
        raise InputError(
            f"The baseline was measured on another machine: {'; '.join(differences)}.",
            hint="Measure a baseline here, or give --other-machine.",
        )
    checked = [_checked(label, ours.get(label), case, tolerance) for label, case in theirs.items()]
    checked += [_checked(label, case, None, tolerance) for label, case in ours.items() if label not in theirs]
    notes = [f"another machine: {one}" for one in differences]
    notes += _differences(_settings(result.machine), _settings(baseline.machine), "{0} {1} then, {2} now")
    absolute = {one.label for one in checked if one.times.quantity != "relative"}
    notes += _changes(ours, theirs, absolute)
    notes += [*_doubts(ours, absolute, "result"), *_doubts(theirs, absolute, "baseline")]
    return CheckReport(tuple(checked), tolerance, tuple(notes))


def _by_label(report: BenchReport) -> dict[str, CaseResult]:
    """Label -> case. Those of files with one name in several folders are told apart by their order."""
    cases: dict[str, CaseResult] = {}
    times: Counter[str] = Counter()
    for case in report.cases:
        label = label_of(case)
        times[label] += 1
        cases[label if times[label] == 1 else f"{label}, #{times[label]}"] = case
    return cases


def label_of(result: CaseResult) -> str:
    """What cases are matched by: the name of the file, and all that was asked for."""
    case, scenario = result.case, result.case.scenario
    # The baseline may come from another system.
    name = PureWindowsPath(PurePosixPath(case.model.path).name).name
    parts = [f"{name} in {case.runtime}", f"batch {case.batch}", f"threads {result.threads}"]
    parts += [] if case.io == "host" else [f"io {case.io}"]
    if scenario.name != "single":
        asked = ((key, getattr(scenario, key)) for key in scenario.__struct_fields__)
        options = "".join(f" {key}={_text(value)}" for key, value in asked if value not in (None, ()))
        parts.append(f"scenario {scenario.name}{options}")
    return ", ".join(parts)


def _text(value: object) -> str:
    return "/".join(map(_text, value)) if isinstance(value, tuple) else f"{value:g}"


def _checked(label: str, result: CaseResult | None, baseline: CaseResult | None, tolerance: float) -> Checked:
    """A case that one of the two has, or both."""
    compared = compare_times(result, baseline)
    status, why = _status(result, baseline, compared, tolerance)
    return Checked(label, status, compared, time_ms(result), time_ms(baseline), why)


def _status(
    result: CaseResult | None, baseline: CaseResult | None, compared: Compared, tolerance: float
) -> tuple[Status, str | None]:
    """What the ratio says, and why it says nothing."""
    if baseline is None:
        return "new", None
    if result is None:
        return "missing", "the result does not have it"
    for name, case in (("result", result), ("baseline", baseline)):
        if case.measured is None:
            return "unmeasured", f"the {name}: {case.reason or case.status}"
    if result.case.scenario.slo_ms is not None:
        return "unchecked", "a rate that was searched for has no interval; check the loads of server without a bound"
    ratio = compared.ratio
    if ratio is None or ratio.interval is None:
        sides = (("result", compared.result), ("baseline", compared.baseline))
        short = [f"the {name}" for name, time in sides if time is None or not time.has_interval]
        have = " and ".join(short) + (" have" if len(short) > 1 else " has")
        return "undecided", f"{have} too few samples, or too unsteady ones, for an interval"
    widest = max(tolerance, TOLERANCE)
    low, high = ratio.interval
    if low <= 1 + tolerance < high and high > low * (1 + widest) ** 2:
        return "undecided", f"the interval of the ratio is too wide: it has to be known to within {widest * 100:g} %"
    if ratio.value > 1 + tolerance and low > 1:
        return "slower", None
    return ("faster" if ratio.value < 1 / (1 + tolerance) and high < 1 else "same"), None


def _facts(machine: Machine) -> dict[str, str]:
    """What tells machines apart, for people."""
    return {
        "CPU": machine.cpu.model,
        "usable CPUs": f"{machine.usable_cpus:g}",
        "GPUs": ", ".join(gpu.name for gpu in machine.gpus.devices) or "none",
    }


def _settings(machine: Machine) -> dict[str, str]:
    """What may change on one machine and move its numbers, for people."""
    return {"kernel": machine.system.kernel, "governor": machine.cpu.clock.governor or "unknown"}


def _differences(here: Mapping[str, str], there: Mapping[str, str], words: str) -> list[str]:
    return [words.format(name, there[name], here[name]) for name in here if here[name] != there[name]]


def _doubts(cases: Mapping[str, CaseResult], absolute: Container[str], name: str) -> list[str]:
    """What speaks against results, for people: their grades, where their own times are compared."""
    notes = [
        f"{label}: the {name} has grade {case.grade.letter}: {case.grade.reasons[0]}"
        for label, case in cases.items()
        if label in absolute and case.grade is not None and case.grade.letter in DOUBTFUL
    ]
    return notes + [
        f"{label}: the {name} beside the reference network: {one}"
        for label, case in cases.items()
        if label not in absolute and case.relative is not None
        for one in case.relative.disturbances
    ]


def _changes(ours: Mapping[str, CaseResult], theirs: Mapping[str, CaseResult], absolute: Container[str]) -> list[str]:
    """What else is not as it was: it may be the very thing to be checked, and has to be known."""
    notes = []
    for label, now, before in ((label, ours[label], theirs[label]) for label in theirs if label in ours):
        if now.measured is not None and before.measured is not None:
            ran, earlier = now.measured.ran, before.measured.ran
            notes += [f"{earlier.version} then, {ran.version} now"] if ran.version != earlier.version else []
            notes += [f"{label}: FALLBACK: {ran.fallback}"] if ran.fallback else []
        if (now.relative is None) != (before.relative is None):
            side = "baseline" if now.relative is None else "result"
            notes.append(f"{label}: only the {side} has a time relative to the reference network; it is left out")
        elif now.relative is not None and before.relative is not None and not same_reference(now, before):
            notes.append(f"{before.relative.reference} then, {now.relative.reference} now: it is left out")
        elif now.relative is not None and label in absolute:
            notes.append(f"{label}: the times relative to the reference network have no interval; p50 is compared")
        if now.case.model.sha256 != before.case.model.sha256:
            notes.append(f"{now.case.model.path} is another file than then")
    return list(dict.fromkeys(notes))
