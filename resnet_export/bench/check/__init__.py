"""Whether a result is slower than a baseline: `check(result, baseline)`, both as `bench --output` wrote them.

A regression is a ratio of the times (see `times`) above 1 + tolerance whose interval lies above 1: both, since a
difference may be certain and small, or large and nothing but noise. An interval that is wider than +- 5 % and has
1 + tolerance in it tells nothing. Two runs differ by more than their intervals say.
Medians do by a percent or so, because each process has the memory that it happened to get, and by as much as the
machine's pace differs from one run to the other; times relative to the reference network's do by a percent. The
tolerance has to be wider than that.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from resnet_export.bench.check.checked import Checked, CheckReport
from resnet_export.bench.check.times import compare_times, read_times, same_reference, time_ms
from resnet_export.bench.results import SCHEMA_VERSION
from resnet_export.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from resnet_export.bench.check.checked import Status
    from resnet_export.bench.check.times import Compared

DOUBTFUL = ("C", "D")
"""Grades of results that compare with nothing but results under the same disturbance."""
TOLERANCE = 0.05
"""Twice and more of what two runs of one file on one idle machine differ by; and half of the widest interval that tells
anything."""


def check(
    result: Mapping[str, Any],
    baseline: Mapping[str, Any],
    tolerance: float = TOLERANCE,
    *,
    other_machine: bool = False,
) -> CheckReport:
    """Holds a result against a baseline.

    Args:
        result: the JSON object of a run.
        baseline: that of an earlier one.
        tolerance: that the ratio may be above 1 by.
        other_machine: go on where they come from different machines.

    Raises:
        UsageError: the tolerance can't be meant so.
        InputError: one of the two is no result, or of another schema version, or another machine's; or they have no
            case in common.
    """
    if not 0 <= tolerance < math.inf:
        raise UsageError(f"A tolerance of {tolerance:g} is below 0.", hint="Give a share such as 0.05.")
    for name, data in (("result", result), ("baseline", baseline)):
        _refuse_other_data(data, name)
    ours, theirs = _cases(result, "result"), _cases(baseline, "baseline")
    if not ours.keys() & theirs.keys():
        raise InputError(
            f"The result and the baseline have no case in common: the result has {_some(ours)}, the baseline "
            f"{_some(theirs)}.",
            hint="Measure the files, runtimes, batches and threads of the baseline.",
        )
    differences = _differences(result["machine"], baseline["machine"])
    if differences and not other_machine:
        raise InputError(
            f"The baseline was measured on another machine: {'; '.join(differences)}.",
            hint="Measure a baseline here, or give --other-machine.",
        )
    checked = [_checked(label, ours.get(label), case, tolerance) for label, case in theirs.items()]
    checked += [_checked(label, case, None, tolerance) for label, case in ours.items() if label not in theirs]
    notes = [f"another machine: {one}" for one in differences]
    notes += _circumstances(result["machine"], baseline["machine"])
    notes += _changes(ours, theirs)
    absolute = {one.label for one in checked if one.quantity != "relative"}
    notes += [*_doubts(ours, absolute, "result"), *_doubts(theirs, absolute, "baseline")]
    return CheckReport(tuple(checked), tolerance, tuple(notes))


def _refuse_other_data(data: Mapping[str, Any], name: str) -> None:
    if not isinstance(data, dict) or not {"schema_version", "machine", "cases"} <= data.keys():
        raise InputError(f"The {name} is no result of a benchmark.", hint="Give what `bench --output` wrote.")
    version = data["schema_version"]
    if version != SCHEMA_VERSION:
        raise InputError(
            f"The {name} has schema version {version}, and this release reads {SCHEMA_VERSION}.",
            hint=f"Measure the {name} anew with this release.",
        )


def _cases(data: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """Label -> case. Those of files with one name in several folders are told apart by their order."""
    cases: dict[str, Mapping[str, Any]] = {}
    try:
        for case in data["cases"]:
            label, count = _label(case), 1
            while (f"{label}, #{count}" if count > 1 else label) in cases:
                count += 1
            cases[f"{label}, #{count}" if count > 1 else label] = case
            if case["status"] == "measured":
                (
                    read_times(case),
                    same_reference(case, None),
                    case["version"],
                    case["sha256"],
                    case["fallback"],
                )
        _facts(data["machine"])
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The {name} is damaged: {type(error).__name__} at {error}.", hint="Give what `bench --output` wrote."
        ) from error
    return cases


def _label(case: Mapping[str, Any]) -> str:
    """What cases are matched by: the name of the file, and all that was asked for."""
    # The baseline may come from another system.
    name = PureWindowsPath(PurePosixPath(case["model"]).name).name
    parts = [f"{name} in {case['runtime']}", f"batch {case['batch']}", f"threads {case['threads']}"]
    if case["boundary"] != "host":
        parts.append(f"boundary {case['boundary']}")
    scenario = case.get("scenario") or {"name": "single"}
    asked = {key: value for key, value in scenario.items() if key != "name" and value not in (None, [], ())}
    if scenario["name"] != "single":
        parts.append(f"scenario {scenario['name']}{''.join(f' {key}={_text(value)}' for key, value in asked.items())}")
    return ", ".join(parts)


def _text(value: Any) -> str:
    return "/".join(map(_text, value)) if isinstance(value, list | tuple) else f"{value:g}"


def _checked(
    label: str, result: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None, tolerance: float
) -> Checked:
    """A case that one of the two has, or both."""
    compared = compare_times(result, baseline)
    times = compared.quantity, time_ms(result), time_ms(baseline), compared.ratio
    if baseline is None:
        return Checked(label, "new", *times)
    if result is None:
        return Checked(label, "missing", *times, reason="the result does not have it")
    for name, case in (("result", result), ("baseline", baseline)):
        if case["status"] != "measured":
            return Checked(label, "unmeasured", *times, reason=f"the {name}: {case['reason'] or case['status']}")
    if (result.get("scenario") or {}).get("slo_p99_ms") is not None:
        reason = "a rate that was searched for has no interval; check the loads of server without a bound"
        return Checked(label, "unchecked", *times, reason=reason)
    status, why = _status(compared, tolerance)
    return Checked(label, status, *times, reason=why)


def _status(compared: Compared, tolerance: float) -> tuple[Status, str | None]:
    """What the ratio says, and why it says nothing."""
    ratio = compared.ratio
    if ratio is None or ratio.low is None or ratio.high is None:
        sides = (("result", compared.result), ("baseline", compared.baseline))
        short = " and ".join(name for name, time in sides if time is None or not time.has_interval)
        return "undecided", f"the {short} has too few samples, or too unsteady ones, for an interval"
    widest = max(tolerance, TOLERANCE)
    if ratio.low <= 1 + tolerance < ratio.high and ratio.high > ratio.low * (1 + widest) ** 2:
        return "undecided", f"the interval of the ratio is too wide: it has to be known to within {widest * 100:g} %"
    if ratio.value > 1 + tolerance and ratio.low > 1:
        return "slower", None
    return ("faster" if ratio.value < 1 / (1 + tolerance) and ratio.high < 1 else "same"), None


def _facts(machine: Mapping[str, Any]) -> dict[str, str]:
    """What tells machines apart, for people."""
    return {
        "CPU": str(machine["cpu"]["model"]),
        "usable CPUs": f"{machine['usable_cpus']:g}",
        "GPUs": ", ".join(gpu["name"] for gpu in machine["gpus"]["devices"]) or "none",
    }


def _differences(result: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[str]:
    """In what the machines differ, for people."""
    here, there = _facts(result), _facts(baseline)
    return [f"{name} {there[name]}, and here {here[name]}" for name in here if here[name] != there[name]]


def _circumstances(result: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[str]:
    """What may change on one machine and move its numbers, for people."""
    here, there = (
        {
            "kernel": (machine.get("system") or {}).get("kernel"),
            "governor": (machine["cpu"].get("clock") or {}).get("governor"),
        }
        for machine in (result, baseline)
    )
    return [
        f"{name} {there[name] or 'unknown'} then, {here[name] or 'unknown'} now"
        for name in here
        if here[name] != there[name]
    ]


def _doubts(cases: Mapping[str, Mapping[str, Any]], absolute: Container[str], name: str) -> list[str]:
    """What speaks against results, for people: their grades, where their own times are compared."""
    grades = ((label, case.get("grade") or {}) for label, case in cases.items() if label in absolute)
    notes = [
        f"{label}: the {name} has grade {grade['letter']}: {grade['reasons'][0]}"
        for label, grade in grades
        if grade.get("letter") in DOUBTFUL
    ]
    relative = ((label, case["relative"]) for label, case in cases.items() if label not in absolute)
    notes += [
        f"{label}: the {name} beside the reference network: {one}"
        for label, told in relative
        for one in (told or {}).get("disturbances", ())
    ]
    return notes


def _changes(ours: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What else is not as it was: it may be the very thing to be checked, and has to be known."""
    both = [(label, ours[label], theirs[label]) for label in theirs if label in ours]
    ran = [pair for pair in both if pair[1]["status"] == pair[2]["status"] == "measured"]
    notes = [f"{before['version']} then, {now['version']} now" for _, now, before in ran
             if now["version"] != before["version"]]  # fmt: skip
    notes += [f"{label}: FALLBACK: {now['fallback']}" for label, now, before in ran if now["fallback"]]
    notes += [f"{label}: only the {'result' if now.get('relative') else 'baseline'} has a time relative to the "
              "reference network; it is left out"
              for label, now, before in ran if bool(now.get("relative")) != bool(before.get("relative"))]  # fmt: skip
    notes += [f"{before['relative']['reference']} then, {now['relative']['reference']} now: it is left out"
              for _, now, before in ran if not same_reference(now, before)]  # fmt: skip
    notes += [f"{now['model']} is another file than then" for _, now, before in both
              if now["sha256"] != before["sha256"]]  # fmt: skip
    return list(dict.fromkeys(notes))


def _some(labels: Iterable[str], limit: int = 2) -> str:
    listed = list(labels)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return f"{'; '.join(listed[:limit])}{more}" if listed else "none"
