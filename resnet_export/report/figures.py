"""How the figures of a measurement are written: the same digits and words on the terminal, in a page and in a table."""

from __future__ import annotations

import ntpath
from typing import TYPE_CHECKING, Any

from resnet_export.bench.scenario import Scenario
from resnet_export.plain import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resnet_export.bench.estimate import Estimate

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


def throughput(series: Mapping[str, Any]) -> str:
    """`49.7 [49.5 49.9]` images a second; a dash where it isn't known.

    Requests that come at a rate of their own are counted, which leaves nothing to estimate.
    """
    value, low, high = (series[f"images_per_s{part}"] for part in ("", "_low", "_high"))
    if value is None:
        return "-"
    return digits(value) if series["loop"] == "open" else with_interval(value, low, high)


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """`20.12 [20.05 20.19]`, or `20.12 ?` where the samples support no interval."""
    return f"{digits(value)} ?" if low is None or high is None else f"{digits(value)} [{digits(low)} {digits(high)}]"


def interval(ratio: Estimate, places: int = 3) -> str:
    """`[0.981 1.012]`, or `?` where there is none."""
    return "?" if ratio.low is None or ratio.high is None else f"[{ratio.low:.{places}f} {ratio.high:.{places}f}]"


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
    """What tells a series from the others of its case: `28.2 requests/s, load 50%`; empty where nothing does.

    Of a sweep over batches, it says which served to choose another, and which was chosen.
    """
    words = [
        KINDS[name](value) if name in KINDS else f"{name} {value:g}" for name, value in series["condition"].items()
    ]
    if "batch" in series["condition"]:
        words.append("probe" if series["probe"] else "chosen")
    return ", ".join(words)


def told_apart(cases: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """What all of the cases are, and what each is besides: `("ort:cpu, batch 1", ["1 thread", "2 threads"])`."""
    described = [_words(case) for case in cases]
    same = [key for key in described[0] if len({words[key] for words in described}) == 1]
    common = ", ".join(filter(None, (described[0][key] for key in same)))
    own = [", ".join(word for key, word in words.items() if word and key not in same) for words in described]
    return common, own


def case_name(case: Mapping[str, Any]) -> str:
    """`ort:cpu, batch 1, 2 threads`, and what else was asked for."""
    return ", ".join(word for key, word in _words(case).items() if word and key != "file")


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
    words, several = _words(case), len(case.get("series") or ()) > 1
    return ", ".join(filter(None, [words["runtime"], words["boundary"], words["scenario"], size_name(case) * several]))


def size_name(case: Mapping[str, Any]) -> str:
    """What tells it from them: `batch 1, 2 threads`."""
    words = _words(case)
    return ", ".join(filter(None, [words["batch"], words["threads"]]))


def _words(case: Mapping[str, Any]) -> dict[str, str]:
    """What a case is, word by word; empty where it is what is usual."""
    scenario = Scenario.from_dict(case["scenario"])
    return {
        "file": file_name(case["model"]),
        "runtime": case["runtime"],
        "batch": "" if scenario.name == "offline" else f"batch {case['batch']}",
        "threads": number(case["threads"], "thread"),
        "boundary": "" if case["boundary"] == "host" else "device to device",
        "scenario": "" if scenario.name == "single" else scenario.label,
    }


def remedy(advice: str) -> str:
    """A grade's advice as a sentence."""
    return f"Measure it again with {advice}." if advice.startswith("--") else advice


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
