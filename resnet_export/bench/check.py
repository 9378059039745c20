"""Whether a result is slower than a baseline: `check(result, baseline)`, both as `bench --output` wrote them.

Each case has a time t with its 95 % interval [low, high]: the median of its main series, distribution-free and resting
on effective samples (see `statistics`); in the scenario `offline`, which may choose another batch every time, the time
of an image in the mean. On logarithms:

    s      = (log high - log low) / (2 z)                     standard error of log t, z = 1.96
    d      = log(t of the result / t of the baseline)
    ratio  = exp(d),  95 % interval  exp(d -+ z sqrt(s_result^2 + s_baseline^2))

The logarithm of a median is normal in the limit, as its interval from order statistics is, and the two runs know
nothing of each other, so that their variances add. A regression is a ratio above 1 + tolerance whose interval lies
above 1: both, since a difference may be certain and small, or large and nothing but noise. Two runs differ by more than
their samples say, by a percent or so, because each has the memory that it happened to get; the tolerance has to be
wider than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal

from resnet_export.bench.results import SCHEMA_VERSION
from resnet_export.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Status = Literal["same", "slower", "faster", "unmeasured", "unsupported", "missing", "new"]
Quantity = Literal["p50", "image"]
TOLERANCE = 0.05
"""Twice and more of what two runs of one file on one idle machine differ by."""
REPORT_SCHEMA_VERSION = 1
"""Of `CheckReport.as_dict`. Raised when a key changes its meaning or goes."""
Z = 1.959964
"""Of the 95 % intervals."""
FAILING: tuple[Status, ...] = ("slower", "unmeasured", "unsupported", "missing")
"""What fails the check: what isn't known not to be slower is no pass."""


@dataclass(frozen=True)
class Checked:
    """A case of the result, the baseline or both."""

    label: str
    """For people; no two of a report are the same."""
    status: Status
    quantity: Quantity = "p50"
    """What is compared: the median latency of a run, or the time of an image."""
    result_ms: float | None = None
    """It, in the result; None where that can't say."""
    baseline_ms: float | None = None
    """It, in the baseline."""
    ratio: float | None = None
    """The time of the result over that of the baseline."""
    low: float | None = None
    """Lower end of the ratio's 95 % interval."""
    high: float | None = None
    """Upper end."""
    reason: str | None = None
    """Why there is no ratio."""

    @property
    def failed(self) -> bool:
        """Whether the check fails because of it."""
        return self.status in FAILING


@dataclass(frozen=True)
class CheckReport:
    """What the check found."""

    cases: tuple[Checked, ...]
    """In the order of the baseline, then what is new."""
    tolerance: float
    notes: tuple[str, ...] = ()
    """In what the two were not measured alike."""

    @property
    def passed(self) -> bool:
        """Whether nothing became slower."""
        return not self.failures

    @property
    def failures(self) -> tuple[Checked, ...]:
        """The cases that fail the check."""
        return tuple(case for case in self.cases if case.failed)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; documented in docs/bench-compare.md."""
        return {
            "schema_version": REPORT_SCHEMA_VERSION,
            "passed": self.passed,
            "tolerance": self.tolerance,
            "notes": list(self.notes),
            "cases": [
                {
                    "case": case.label,
                    "status": case.status,
                    "quantity": case.quantity,
                    "result_ms": case.result_ms,
                    "baseline_ms": case.baseline_ms,
                    "ratio": case.ratio,
                    "ratio_low": case.low,
                    "ratio_high": case.high,
                    "reason": case.reason,
                }
                for case in self.cases
            ],
        }


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
    notes += _changes(ours, theirs)
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
                _time(case), case["version"], case["sha256"], case["p50_needs"], case["fallback"]
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
    one = baseline if result is None else result
    quantity: Quantity = "image" if one is not None and _is_offline(one) else "p50"
    now, before = (None if case is None else _time(case) for case in (result, baseline))
    values = quantity, now and now[0], before and before[0]
    if baseline is None:
        return Checked(label, "new", *values)
    if result is None:
        return Checked(label, "missing", *values, reason="the result does not have it")
    for name, case in (("result", result), ("baseline", baseline)):
        if case["status"] != "measured":
            return Checked(label, "unmeasured", *values, reason=f"the {name}: {case['reason'] or case['status']}")
    if (result.get("scenario") or {}).get("slo_p99_ms") is not None:
        reason = "a rate that was searched for has no interval; check the loads of server without a bound"
        return Checked(label, "unsupported", *values, reason=reason)
    if now is None or before is None:
        short = " and ".join(name for name, time in (("result", now), ("baseline", before)) if time is None)
        return Checked(label, "unsupported", *values, reason=f"too few samples in the {short}")
    ratio, low, high = _ratio(now, before)
    status: Status = "same"
    if ratio > 1 + tolerance and low > 1:
        status = "slower"
    elif ratio < 1 / (1 + tolerance) and high < 1:
        status = "faster"
    return Checked(label, status, *values, ratio, low, high)


def _is_offline(case: Mapping[str, Any]) -> bool:
    return (case.get("scenario") or {}).get("name") == "offline"


def _time(case: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """(the time that is compared in milliseconds, both ends of its interval); None where the samples can't tell."""
    if case["status"] != "measured":
        return None
    if _is_offline(case):
        rates = [case[f"images_per_s{end}"] for end in ("", "_high", "_low")]
        times = [1e3 / rate for rate in rates if rate is not None]
    else:
        times = [case[f"p50{end}_ms"] for end in ("", "_low", "_high") if case[f"p50{end}_ms"] is not None]
    if len(times) < 3:
        return None
    value, low, high = map(float, times)
    if not 0 < low <= value <= high:
        raise ValueError(f"a time of {value} between {low} and {high}")
    return value, low, high


def _ratio(result: tuple[float, float, float], baseline: tuple[float, float, float]) -> tuple[float, float, float]:
    """(the ratio, both ends of its interval)."""
    variance = sum((math.log(high / low) / (2 * Z)) ** 2 for _, low, high in (result, baseline))
    difference, half = math.log(result[0] / baseline[0]), Z * math.sqrt(variance)
    return math.exp(difference), math.exp(difference - half), math.exp(difference + half)


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


def _changes(ours: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What else is not as it was: it may be the very thing to be checked, and has to be known."""
    both = [(label, ours[label], theirs[label]) for label in theirs if label in ours]
    ran = [pair for pair in both if pair[1]["status"] == pair[2]["status"] == "measured"]
    notes = [f"{before['version']} then, {now['version']} now" for _, now, before in ran
             if now["version"] != before["version"]]  # fmt: skip
    notes += [f"{label}: FALLBACK: {now['fallback']}" for label, now, before in ran if now["fallback"]]
    notes += [f"{now['model']} is another file than then" for _, now, before in both
              if now["sha256"] != before["sha256"]]  # fmt: skip
    return list(dict.fromkeys(notes))


def _some(labels: Iterable[str], limit: int = 2) -> str:
    listed = list(labels)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return f"{'; '.join(listed[:limit])}{more}" if listed else "none"
