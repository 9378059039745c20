"""What `bench profile` measured for a person at a terminal: plain text, 100 columns, fit for a bug report."""

from collections import Counter
from collections.abc import Iterator, Sequence

from resnet_export.bench.profile.results import Profile
from resnet_export.report.bench.words import digits, machine_line, shown
from resnet_export.terminal import WIDE, blocks, fact, file_size, number, printable, shortened, table, wrapped

TOP = 10
"""Layers that are shown unless somebody asks for more; JSON has them all."""
LONGEST_NAME, LONGEST_OPERATOR = 44, 18
"""Characters of a layer and of an operator: what 100 columns leave beside the numbers and a provider."""
NOTABLE = 0.1
"""Difference of the latency with the profiler from that without it from which on it is remarked."""
REST = {
    "between_nodes_ms": "between the nodes",
    "around_run_ms": "around the run",
    "profiled_ms": "latency with the profiler",
}
"""What a latency holds besides the nodes, and what all of it adds up to: key -> name. Between the nodes are ONNX
Runtime's session and the profiler's own work; around the run the call from Python and copies of input and output."""
COARSE_US = 1.0
"""The profiler's resolution: half of it is lost of each node on the average."""
COARSE_SHARE = 0.02
"""Of a run's time, from which on what the resolution loses is remarked."""


def render(profile: Profile, *, top: int = TOP) -> str:
    """The latency and what the nodes explain of it, the operators, the longest layers, and what has to be known.

    Args:
        profile: what was measured.
        top: how many layers.
    """
    remarked = [line for remark in remarks(profile) for line in wrapped(remark)]
    title = wrapped(printable(machine_line(profile.machine)))
    return blocks(title, _latency(profile), _operators(profile), _layers(profile, top), remarked)


def remarks(profile: Profile) -> Iterator[str]:
    """What has to be known of the numbers."""
    if not profile.settled:
        yield "The warm-up did not settle: its last two windows differed still."
    if profile.overhead > NOTABLE:
        yield f"The profiler, or something else on this machine, slowed the runs by {profile.overhead:.0%}."
    elif profile.overhead < -NOTABLE:
        yield (
            f"Runs with the profiler took {-profile.overhead:.0%} less than those without it: something else used this "
            "machine meanwhile. Measure again when it is idle."
        )
    lost = sum(one.calls for one in profile.layers) * COARSE_US / 2e3
    if lost > COARSE_SHARE * profile.profiled_ms:
        yield (
            f"The profiler counts whole microseconds, so that about {lost / profile.profiled_ms:.0%} of so short a run "
            "stands between the nodes that belongs to them."
        )
    if profile.ran.device.startswith("GPU"):
        yield "On a GPU these are the times of handing the work over, which the GPU does later: shares of them mislead."
    others = [one for one in profile.layers if not one.layers]
    if others:
        counts = ", ".join(f"{count} {op}" for op, count in Counter(one.op for one in others).items())
        share = sum(one.share for one in others)
        yield f"Nodes that ONNX Runtime put in, and that belong to no layer of the file: {counts} ({share:.1%})."


def fused(layer: str, layers: Sequence[str]) -> str:
    """The layer with what was fused into it: `layer1.0.conv2 + add + relu2`."""
    block = layer.rpartition(".")[0]
    others = (name.removeprefix(f"{block}.") if block else name for name in layers if name != layer)
    whole = " + ".join([layer, *others])
    return whole if len(whole) <= LONGEST_NAME else f"{layer} + {len(layers) - 1} more"


def _latency(profile: Profile) -> Iterator[str]:
    case, overhead = profile.case, f"{profile.overhead:+.1%}"
    named = f"{case.model.path} ({file_size(case.model.size)}) in {case.runtime}, batch {case.batch}"
    yield printable(f"{named}, {number(profile.threads, 'thread')}")
    yield from fact("latency", f"{shown(profile.latency_ms)} ms", f"{profile.unprofiled_runs} runs")
    yield from fact("profiled", f"{digits(profile.profiled_median_ms)} ms ({overhead})", f"{profile.runs} runs")


def _operators(profile: Profile) -> Iterator[str]:
    yield "By operator"
    rows = [(one.op, str(one.nodes), digits(one.mean_ms), f"{one.share:.1%}") for one in profile.operators]
    for key, name in REST.items():
        rest = getattr(profile, key)
        rows.append((name, "", digits(rest), f"{rest / profile.profiled_ms:.1%}"))
    yield from table(("operator", "nodes", "ms", "share"), rows, width=WIDE)


def _layers(profile: Profile, top: int) -> Iterator[str]:
    longest = sorted(profile.layers, key=lambda one: -one.mean_ms)[:top]
    share = sum(one.share for one in longest)
    among = f"the {len(longest)} longest of {len(profile.layers)}, " if len(longest) < len(profile.layers) else ""
    yield f"By layer: {among}{share:.1%} of the latency"
    several = len({one.provider for one in profile.layers}) > 1
    rows = []
    for one in longest:
        where = one.provider.removesuffix("ExecutionProvider") if several else ""
        speed = "" if one.multiply_adds_per_s is None else digits(one.multiply_adds_per_s / 1e9)
        name, op = shortened(printable(fused(one.layer, one.layers)), LONGEST_NAME), shortened(one.op, LONGEST_OPERATOR)
        rows.append((name, op, digits(one.mean_ms), f"{one.share:.1%}", speed, where))
    yield from table(("layer", "operator", "ms", "share", "GMAC/s", "ran on"), rows, left=(0, 1, 5), width=WIDE)
