"""What has to be known of a case besides its numbers, a sentence each, the most important first."""

from collections.abc import Iterator

from resnet_export.bench.results import CaseResult, Measured
from resnet_export.report.bench.words import digits, milliseconds, place, places, shown
from resnet_export.terminal import number

LONG_WARM_UP_NS = 1_000_000_000
"""Duration of a warm-up that somebody who waits notices, so that it is said."""


def warnings(result: CaseResult) -> list[str]:
    """Why it failed; else what it fell back to, whether it keeps its bound, its ratio, and what disturbed it."""
    if result.measured is None:
        return [" ".join(filter(None, (result.reason, result.hint)))]
    fallback = result.measured.ran.fallback
    told = [f"FALLBACK: {fallback}"] if fallback else []
    told += _slo(result.measured)
    if result.relative is not None:
        told.append(f"It takes {shown(result.relative.ratio)} times as long as {result.relative.reference}.")
    elif result.relative_reason is not None:
        told.append(f"Not beside the reference network: {result.relative_reason}")
    return told + list(result.grade.reasons if result.grade is not None else ())


def facts(result: CaseResult) -> Iterator[str]:
    """The cold start and the memory, then what few ask for; nothing of a case that failed."""
    found = result.measured
    if found is None:
        return
    yield _cold_start(found)
    main, ran = found.main.latency_ms, found.ran
    worth = f"{number(main.samples, 'sample')}, worth {main.effective_samples:.0f} independent ones"
    yield f"{worth}. It ran on {place(ran)}, in {ran.precision}: {ran.version}."
    if found.new_shape_ns is not None:
        yield f"The first run of another batch took {milliseconds(found.new_shape_ns)} ms."
    if sum(found.warm_up_ns) >= LONG_WARM_UP_NS:
        took = milliseconds(sum(found.warm_up_ns))
        yield f"The warm-up took {number(len(found.warm_up_ns), 'run')}, {took} ms."
    if len(ran.nodes) > 1:
        yield f"Nodes on each provider: {places(ran)}."


def _cold_start(found: Measured) -> str:
    """The time before the steady state, and the memory that it takes."""
    steps = {"import": found.import_ns, "open": found.open_ns, "first run": found.first_run_ns}
    memory = {"": found.memory.peak_rss_bytes, " on the GPU": found.memory.gpu_memory_bytes}
    sizes = " and ".join(f"{value / 1e6:.0f} MB{where}" for where, value in memory.items() if value)
    parts = ", ".join(f"{name} {value / 1e6:.0f}" for name, value in steps.items())
    return f"Cold start {sum(steps.values()) / 1e6:.0f} ms ({parts}){f', peak memory {sizes}' if sizes else ''}."


def _slo(found: Measured) -> list[str]:
    slo = found.main.slo
    if slo is None:
        return []
    bound, rate = f"p99 within {slo.bound_ms:g} ms", f"{digits(found.main.condition['rate_per_s'])} requests/s"
    told = f"{slo.broken} of {number(slo.requests, 'request')} took longer"
    if slo.holds:
        return [f"{bound} is shown up to {rate}: {told}."]
    few = "" if slo.breaks else ", which is too little to tell"
    return [f"{bound} is not shown: at {rate} {told}{few}."]
