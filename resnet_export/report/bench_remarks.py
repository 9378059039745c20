"""What has to be known of a case besides its numbers, a sentence each, the most important first."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from resnet_export import plain
from resnet_export.report.figures import digits, megabytes, place, relative

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Case = Mapping[str, Any]

LONG_WARM_UP_MS = 1000.0
"""From which on somebody who waits notices it, so that it is said."""


def warnings(case: Case) -> list[str]:
    """Why it failed; else what it fell back to, whether it keeps its bound, its ratio, and what disturbed it.

    Args:
        case: one of `BenchReport.as_dict`.
    """
    told = [" ".join(filter(None, (case["reason"], case["hint"])))]
    told += [f"FALLBACK: {case['fallback']}"] if case.get("fallback") else []
    told += _slo(case) if case["status"] == "measured" else []
    told += [relative(case) or ""]
    return [*filter(None, told), *(case.get("grade") or {}).get("reasons", ())]


def facts(case: Case) -> Iterator[str]:
    """The cold start and the memory, then what few ask for; nothing of a case that failed."""
    if case["status"] != "measured":
        return
    yield _cold_start(case)
    main = case["series"][case["headline"]]
    worth = f"{plain.number(main['samples'], 'sample')}, worth {main['effective_samples']:.0f} independent ones"
    yield f"{worth}. It ran on {place(case)}, in {case['precision']}: {case['version']}."
    if case["new_shape_ms"] is not None:
        yield f"The first run of another batch took {digits(case['new_shape_ms'])} ms."
    if sum(case["warm_up_ms"]) >= LONG_WARM_UP_MS:
        yield f"The warm-up took {plain.number(len(case['warm_up_ms']), 'run')}, {digits(sum(case['warm_up_ms']))} ms."
    if len(case["nodes"]) > 1:
        nodes = (f"{name.removesuffix('ExecutionProvider')} {count}" for name, count in case["nodes"].items())
        yield f"Nodes on each provider: {', '.join(nodes)}."
    if case["submit_ms"] is not None:
        yield f"Of a run, {digits(statistics.median(case['submit_ms']))} ms (the median) go into handing it over."


def _cold_start(case: Case) -> str:
    """Before the steady state, and the memory that it takes."""
    steps = {"import": case["import_ms"], "open": case["open_ms"], "first run": case["first_run_ms"]}
    memory = {"": case["peak_rss_bytes"], " on the GPU": case["gpu_memory_bytes"]}
    sizes = " and ".join(f"{megabytes(value)} MB{where}" for where, value in memory.items() if value)
    parts = ", ".join(f"{name} {value:.0f}" for name, value in steps.items())
    return f"Cold start {sum(steps.values()):.0f} ms ({parts}){f', peak memory {sizes}' if sizes else ''}."


def _slo(case: Case) -> list[str]:
    main = case["series"][case["headline"]]
    found = main["slo"]
    if found is None:
        return []
    bound, rate = f"p99 within {found['bound_ms']:g} ms", f"{main['condition']['rate_per_s']:.3g} requests/s"
    told = f"{found['broken']} of {plain.number(found['requests'], 'request')} took longer"
    if found["holds"]:
        return [f"{bound} is shown up to {rate}: {told}."]
    few = "" if found["breaks"] else ", which is too little to tell"
    return [f"{bound} is not shown: at {rate} {told}{few}."]
