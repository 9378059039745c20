"""How the figures of a measurement are written: the same digits and words on the terminal, in a page and in a table."""

from __future__ import annotations

import ntpath
from typing import TYPE_CHECKING, Any

from resnet_export.plain import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = {
    "batch": lambda value: f"batch {value:g}",
    "callers": lambda value: number(int(value), "caller"),
    "gap_ms": lambda value: f"after {value:g} ms",
    "rate_per_s": lambda value: f"{digits(value)} requests/s",
    "load": lambda value: f"load {value:.0%}",
}
"""A series' condition -> the words for its value."""


def digits(value: float) -> str:
    """Four digits, three below 1: 0.0123, 20.12, 12345."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.{3 if abs(value) < 1 else 4}g}".rstrip(".")


def megabytes(count: float) -> str:
    """Bytes in whole millions, without the unit: 250."""
    return f"{count / 1e6:.0f}"


def estimate(found: Mapping[str, Any], name: str) -> str:
    """`20.12 [20.05 20.19]`, or `20.12 ?` where the samples support no interval.

    Args:
        found: with the keys `<name>_ms`, `<name>_low_ms` and `<name>_high_ms`.
        name: such as `p50`.
    """
    value, low, high = (found.get(f"{name}{part}_ms") for part in ("", "_low", "_high"))
    return "-" if value is None else with_interval(value, low, high)


def throughput(found: Mapping[str, Any]) -> str:
    """`49.7 [49.5 49.9]` images a second; a dash where it isn't known."""
    value, low, high = (found.get(f"images_per_s{part}") for part in ("", "_low", "_high"))
    return "-" if value is None else with_interval(value, low, high)


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """`20.12 [20.05 20.19]`, or `20.12 ?` where the samples support no interval."""
    return f"{digits(value)} ?" if low is None or high is None else f"{digits(value)} [{digits(low)} {digits(high)}]"


def relative(found: Mapping[str, Any]) -> str | None:
    """How a case stands to the reference network, as a sentence, or why nobody knows; None where nobody asked.

    Args:
        found: with the keys `relative` and `relative_reason`.
    """
    told = found.get("relative")
    if told is None:
        reason = found.get("relative_reason")
        return None if reason is None else f"Not beside the reference network: {reason}"
    ratio = with_interval(told["ratio"], told["ratio_low"], told["ratio_high"])
    return f"It takes {ratio} times as long as {told['reference']}."


def condition(series: Mapping[str, Any]) -> str:
    """What tells a series from the others of its case: `28.2 requests/s, load 50%`; empty where nothing does."""
    return ", ".join(
        KINDS[name](value) if name in KINDS else f"{name} {value:g}" for name, value in series["condition"].items()
    )


def case_name(case: Mapping[str, Any]) -> str:
    """`ort:cpu, batch 1, 2 threads`, and what else was asked for."""
    runtime, *others = _group(case)
    return ", ".join([runtime, size_name(case), *others])


def caption(cases: Sequence[Mapping[str, Any]], case: Mapping[str, Any], own: str = "") -> str:
    """The name of a case, with its file where there are several.

    Args:
        cases: all of them.
        case: one of them.
        own: what tells its series from the others.
    """
    several = len({other["model"] for other in cases}) > 1
    return ", ".join(filter(None, [file_name(case["model"]) if several else "", case_name(case), own]))


def group_name(case: Mapping[str, Any]) -> str:
    """What a case has in common with its neighbours, or its series with each other: `openvino, device to device`."""
    several = len(case.get("series") or ()) > 1
    return ", ".join([*_group(case), *([size_name(case)] if several else [])])


def size_name(case: Mapping[str, Any]) -> str:
    """What tells it from them: `batch 1, 2 threads`."""
    threads = number(case["threads"], "thread")
    return threads if case["scenario"]["name"] == "offline" else f"batch {case['batch']}, {threads}"


def _group(case: Mapping[str, Any]) -> list[str]:
    boundary, scenario = case["boundary"], case["scenario"]["name"]
    parts = [case["runtime"]]
    parts += [] if boundary == "host" else [f"{boundary} to {boundary}"]
    return parts if scenario == "single" else [*parts, scenario]


def place(found: Mapping[str, Any]) -> str:
    """Where it ran: the provider with the most nodes, and how many others there are: `CUDA +1`; else the device."""
    nodes = found["nodes"]
    if not nodes:
        return str(found["device"])
    most = max(nodes, key=lambda name: nodes[name]).removesuffix("ExecutionProvider")
    return most if len(nodes) == 1 else f"{most} +{len(nodes) - 1}"


def file_name(path: str) -> str:
    """The last part of a path of any system."""
    return ntpath.basename(path) or path
