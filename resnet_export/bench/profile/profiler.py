"""Profiling a file: `profile("resnet18.onnx")` gives a `Profile`, by operator and by layer.

The times are ONNX Runtime's own, at the optimisation level at which the file is deployed, in a fresh process. The
profiler costs time itself, so the same process measures the latency without it first.
"""

import contextlib
import itertools
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from resnet_export.bench.case import RUNTIMES, Case, expand_cases
from resnet_export.bench.profile.executed import Executed, Place, place
from resnet_export.bench.profile.results import LayerTime, OperatorTime, Profile
from resnet_export.bench.profile.trace import NodeTime, Run, read_trace
from resnet_export.bench.profile.worker import GRAPH, TARGET, Recorded
from resnet_export.bench.request import Request
from resnet_export.bench.statistics import summarise
from resnet_export.errors import RuntimeCrashedError, RuntimeFailedError, UsageError
from resnet_export.graph import cost
from resnet_export.graph.file import read
from resnet_export.graph.shapes import resolve_shapes
from resnet_export.machine import Machine, read_machine
from resnet_export.progress import Progress
from resnet_export.runtimes import RUNTIMES as KNOWN
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.bundle import is_bundle
from resnet_export.workers import TIMEOUT_S, Worker

SECONDS = 10.0
"""Where nobody says how long."""
READING_S = 0.7
"""To read what the profiler wrote, and to find the layers."""


def profile(
    path: str | os.PathLike[str],
    runtime: str = RUNTIMES[0],
    batch: int | None = None,
    threads: int | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
    *,
    begun: float | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Profile:
    """Profiles a file.

    Args:
        path: an `.onnx` file that takes images, written by this package or not.
        runtime: one of ONNX Runtime's, with its options, such as `ort:cpu,optimization=extended`.
        batch: images in a run; None for 1, or the only number that the file takes.
        threads: threads of a run; None for what affinity and cgroup allow.
        seconds: for all of it, with the start of the process.
        progress: entered around the work with what is done.
        begun: when that time began to run, on the clock `time.monotonic`; None for now.
        timeout_s: seconds without a sign of life after which the process is ended.

    Raises:
        UsageError: the runtime has no profiler, there is none of that name, or a number is below 1.
        InputError: the file can't be read, or takes no image, or not so many.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeCrashedError: its process died, with the signal, or gave no sign of life.
        RuntimeFailedError: it failed while it ran the network.
    """
    end_s = (time.monotonic() if begun is None else begun) + seconds
    spec = parse_runtime(runtime)
    if not spec.is_onnxruntime:
        known = ", ".join(name for name in KNOWN if parse_runtime(name).is_onnxruntime)
        raise UsageError(f"{spec.name} has no profiler.", hint=f"Those of ONNX Runtime have one: {known}.")
    if is_bundle(Path(path)):
        raise UsageError(f"{path} is no .onnx file, whose layers could be named.", hint="Give the .onnx file.")
    (case,) = expand_cases([path], [runtime], None if batch is None else [batch], [threads])
    return _measure(case, read_machine(), end_s, progress or (lambda name: contextlib.nullcontext()), timeout_s)


def _measure(case: Case, machine: Machine, end_s: float, stage: Progress, timeout_s: float) -> Profile:
    """Profiles a case of sequential calls, up to the time `end_s` of the clock `time.monotonic`."""
    request = Request.of(case, machine.usable_cpus)
    with (
        stage(f"profile {case.label}"),
        tempfile.TemporaryDirectory(prefix="resnet-export-", ignore_cleanup_errors=True) as folder,
    ):
        with Worker(TARGET, environment=request.environment, timeout_s=timeout_s) as worker, _named(case):
            worker.call("load", request, doing="importing the runtime")
            worker.call("open", case.scenario, doing="opening the file")
            worker.call("first_run", doing="running it for the first time")
            warm = worker.call("warm_up", max(0.0, end_s - READING_S - time.monotonic()), doing="warming up")
            ran = worker.call("ran")
            left = max(0.0, end_s - READING_S - time.monotonic())
            recorded: Recorded = worker.call("record", warm, folder, left, doing="sampling")
        runs, places = _read(case, recorded, Path(folder))
    profiled = [one / 1e6 for one in recorded.profiled_ns]
    middle = middle_of(profiled)
    runs = tuple(runs[at] for at in middle)
    profiled_ms = statistics.fmean(profiled[at] for at in middle)
    layers, operators = tabulate(runs, places, _multiply_adds(case), profiled_ms)
    return Profile(
        case=case,
        threads=request.threads,
        machine=machine,
        ran=ran,
        settled=warm.settled,
        latency_ms=summarise(np.asarray(recorded.samples_ns) / 1e6).p50,
        unprofiled_runs=len(recorded.samples_ns),
        runs=len(profiled),
        profiled_median_ms=statistics.median(profiled),
        profiled_ms=profiled_ms,
        run_ms=statistics.fmean(run.duration_us for run in runs) / 1e3,
        operators=operators,
        layers=layers,
    )


@contextlib.contextmanager
def _named(case: Case) -> Iterator[None]:
    """Puts the runtime's name before the message of a crash."""
    try:
        yield
    except RuntimeCrashedError as error:
        last = f" It printed last: {error.log[-1]}" if error.log else ""
        error.message, error.hint = f"{case.runtime}: {error.message}.", f"Profile it in another runtime.{last}"
        raise


def middle_of(times: Sequence[float]) -> tuple[int, ...]:
    """Which runs lie between the quartiles of their times: what was disturbed is not among them.

    Their mean is near the median, and the means of parts add up to the mean of the whole, as medians don't: where each
    run is held up somewhere, the median of no node shows it.
    """
    order = sorted(range(len(times)), key=lambda at: times[at])
    cut = len(times) // 4
    return tuple(order[cut : len(times) - cut])


def tabulate(
    runs: Sequence[Run], places: Sequence[Place], multiply_adds: Mapping[str, int], latency_ms: float
) -> tuple[tuple[LayerTime, ...], tuple[OperatorTime, ...]]:
    """The times of the nodes, and of the operators.

    Args:
        runs: at least one.
        places: what the nodes of the first run compute, in their order.
        multiply_adds: layer of the file -> number in a run.
        latency_ms: latency of these runs, which the shares refer to.

    Returns:
        The nodes in the order in which they run, and the operators with the longest first.
    """
    times: dict[Hashable, list[float]] = defaultdict(list)
    for run in runs:
        for order, node in enumerate(run.nodes):
            times[_key(node, order)].append(node.own_us / 1e3)
    layers: dict[Hashable, LayerTime] = {}
    for order, (node, own) in enumerate(zip(runs[0].nodes, places, strict=True)):
        key = _key(node, order)
        mean_ms = math.fsum(times[key]) / len(runs)
        counts = [multiply_adds[name] for name in own.layers if name in multiply_adds]
        layers[key] = LayerTime(
            own.layer,
            own.layers,
            node.name,
            node.op,
            node.provider,
            calls=len(times[key]) / len(runs),
            mean_ms=mean_ms,
            share=mean_ms / latency_ms,
            multiply_adds=sum(counts) if counts else None,
        )
    return tuple(layers.values()), _by_operator(layers.values())


def _by_operator(layers: Iterable[LayerTime]) -> tuple[OperatorTime, ...]:
    """The longest first."""
    members: dict[str, list[LayerTime]] = defaultdict(list)
    for layer in layers:
        members[layer.op].append(layer)
    operators = (
        OperatorTime(
            op,
            len(own),
            calls=sum(one.calls for one in own),
            mean_ms=sum(one.mean_ms for one in own),
            share=sum(one.share for one in own),
        )
        for op, own in members.items()
    )
    return tuple(sorted(operators, key=lambda one: -one.mean_ms))


def _key(node: NodeTime, order: int) -> Hashable:
    """A node that a loop runs several times is one node; those without a name are told apart by their place."""
    return (node.name, node.op) if node.name else order


def _read(case: Case, recorded: Recorded, folder: Path) -> tuple[tuple[Run, ...], tuple[Place, ...]]:
    """The runs, and what the nodes of the first compute.

    Raises:
        RuntimeFailedError: the profiler wrote something else.
    """
    try:
        runs = read_trace(Path(recorded.trace), len(recorded.profiled_ns))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeFailedError(f"The profile of {case.runtime} can't be read: {error}.") from error
    executed = [Executed(node.name, node.op) for node in runs[0].nodes]
    if (folder / GRAPH).exists():
        nodes = onnx.load_model(folder / GRAPH, load_external_data=False).graph.node
        # The profiler makes up a name where there is none.
        pairs = itertools.zip_longest(nodes, runs[0].nodes)
        if all(one and ran and one.op_type == ran.op and one.name in ("", ran.name) for one, ran in pairs):
            executed = [Executed(node.name, node.op_type, tuple(node.output)) for node in nodes]
    file = onnx.load_model(case.model.path, load_external_data=False).graph
    return runs, place(file, executed)


def _multiply_adds(case: Case) -> dict[str, int]:
    """Layer -> multiply-adds in a run, for every layer that has a name of its own and whose sizes are known."""
    model = read(Path(case.model.path))
    resolve_shapes(model, case.model.images.shape(case.batch))
    found: dict[str, int | None] = {}
    for node in cost.layers(model):
        name = node.name or node.outputs[0].name or ""
        found[name] = None if name in found else cost.multiply_adds(node)
    return {name: count for name, count in found.items() if count is not None}
