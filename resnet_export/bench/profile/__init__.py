"""Where the time of a run goes: `profile("resnet18.onnx")` gives a `Profile`, by operator and by layer.

The times are ONNX Runtime's own, at the optimisation level at which the file is deployed, in a fresh process. The
profiler costs time itself, so the same process measures the latency without it first.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from resnet_export.bench import Progress
    from resnet_export.bench.case import Case
    from resnet_export.bench.profile.executed import Place
    from resnet_export.bench.profile.profiled import LayerTime, OperatorTime, Profile
    from resnet_export.bench.profile.trace import NodeTime, Run
    from resnet_export.bench.request import Request

RUNTIME = "ort:cpu"
"""Where none is named."""
SECONDS = 10.0
"""Where nobody says how long."""
READING_S = 0.7
"""To read what the profiler wrote, and to find the layers."""
COMMAND = ("-P", "-m", "resnet_export.bench.profile.worker")
LEAVE_OUT = "Profile it in another runtime."
"""What to do about one that crashed."""
ONNX_RUNTIME = "resnet_export.runtimes.ort:"
"""Where the runtimes that have a profiler come from."""


def profile(
    path: str | os.PathLike[str],
    runtime: str = RUNTIME,
    batch: int | None = None,
    threads: int | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
    *,
    begun: float | None = None,
    patience: float | None = None,
) -> Profile:
    """Profiles a file.

    Args:
        path: of an `.onnx` file that takes images, written by this package or not.
        runtime: one of ONNX Runtime's, with its options, such as `ort:cpu,optimization=extended`.
        batch: images in a run; None for 1, or the only number that the file takes.
        threads: of a run; None for what affinity and cgroup allow.
        seconds: for all of it, with the start of the process.
        progress: entered around the work with what is done.
        begun: when that time began to run, as `time.monotonic` has it; None for now.
        patience: seconds without a sign of life after which the process is ended; None for five minutes.

    Raises:
        UsageError: the runtime has no profiler, there is none of that name, or a number is below 1.
        InputError: the file can't be read, or takes no image, or not so many.
        UnavailableError: the runtime lacks a library, driver or device.
        RuntimeCrashedError: its process died, with the signal, or gave no sign of life.
        RuntimeFailedError: it failed while it ran the network.
    """
    from resnet_export.bench.case import make_plan
    from resnet_export.bench.isolation import PATIENCE
    from resnet_export.bench.request import Request
    from resnet_export.machine import read_machine

    end_s = (time.monotonic() if begun is None else begun) + seconds
    _refuse(runtime)
    (case,) = make_plan([path], [runtime], None if batch is None else [batch], [threads])
    machine = read_machine()
    request = Request.of(case, max(1, int(machine.usable_cpus)))
    stage = progress or (lambda name: contextlib.nullcontext())
    with (
        stage(f"profile {case.label}"),
        tempfile.TemporaryDirectory(prefix="resnet-export-", ignore_cleanup_errors=True) as folder,
    ):
        answer = _ask(case.runtime, request, end_s, Path(folder), PATIENCE if patience is None else patience)
        runs, places = _read(case, answer, Path(folder))
    from resnet_export.bench.profile.profiled import Profile
    from resnet_export.bench.statistics import summarise

    plain, profiled = ([one / 1e6 for one in answer[key]] for key in ("samples_ns", "profiled_ns"))
    middle = middle_of(profiled)
    runs = tuple(runs[at] for at in middle)
    profiled_ms = statistics.fmean(profiled[at] for at in middle)
    layers, operators = tabulate(runs, places, _multiply_adds(case), profiled_ms)
    return Profile(
        case=case,
        threads=request.threads,
        machine=machine,
        version=answer["version"],
        precision=answer["precision"],
        device=answer["device"],
        settled=answer["settled"],
        plain=summarise(plain).median,
        plain_runs=len(plain),
        runs=len(profiled),
        profiled_median_ms=statistics.median(profiled),
        profiled_ms=profiled_ms,
        run_ms=statistics.fmean(run.duration_us for run in runs) / 1e3,
        operators=operators,
        layers=layers,
    )


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
        multiply_adds: of a run, layer of the file -> number.
        latency_ms: of these runs, which the shares are of.

    Returns:
        The nodes in the order in which they run, and the operators with the longest first.
    """
    from resnet_export.bench.profile.profiled import LayerTime

    times: dict[Hashable, list[list[float]]] = defaultdict(lambda: [[] for _ in runs])
    for at, run in enumerate(runs):
        for order, node in enumerate(run.nodes):
            times[_key(node, order)][at].append(node.own_us / 1e3)
    means = {key: statistics.fmean(sum(run) for run in found) for key, found in times.items()}
    layers: dict[Hashable, LayerTime] = {}
    for order, (node, place) in enumerate(zip(runs[0].nodes, places, strict=True)):
        key = _key(node, order)
        counts = [multiply_adds[name] for name in place.layers if name in multiply_adds]
        layers[key] = LayerTime(
            place.layer,
            place.layers,
            node.name,
            node.op,
            node.provider,
            calls=sum(map(len, times[key])) / len(runs),
            mean_ms=means[key],
            share=means[key] / latency_ms,
            multiply_adds=sum(counts) if counts else None,
        )
    return tuple(layers.values()), _by_operator(layers.values())


def _by_operator(layers: Iterable[LayerTime]) -> tuple[OperatorTime, ...]:
    """The longest first."""
    from resnet_export.bench.profile.profiled import OperatorTime

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


def has_profiler(runtime: str) -> bool:
    """Whether a runtime, with its options, is one of ONNX Runtime's.

    Raises:
        UsageError: there is no such runtime or option.
    """
    from resnet_export.runtimes import choose

    return choose(runtime).is_onnxruntime


def _refuse(runtime: str) -> None:
    """Finds out whether there is a profiler.

    Raises:
        UsageError: there is none.
    """
    from resnet_export.errors import UsageError
    from resnet_export.runtimes import RUNTIMES

    if not has_profiler(runtime):
        known = ", ".join(name for name, where in RUNTIMES.items() if where.startswith(ONNX_RUNTIME))
        name = runtime.partition(",")[0]
        raise UsageError(f"{name} has no profiler.", hint=f"Those of ONNX Runtime have one: {known}.")


def _ask(name: str, request: Request, end_s: float, folder: Path, patience: float) -> dict[str, Any]:
    """What the process measured."""
    from resnet_export.bench.turns import Turns

    def left() -> float:
        return max(0.0, end_s - READING_S - time.monotonic())

    environment = os.environ | request.environment
    with Turns(name, (sys.executable, *COMMAND), environment, patience, LEAVE_OUT) as process:
        process.ask("start", request=request.as_dict())
        opened = process.ask("open", seconds=left())
        nodes = sum(opened["nodes"].values())
        measured = process.ask("block", folder=str(folder), seconds=left(), nodes=nodes)
    return {**opened, **measured}


def _read(case: Case, answer: dict[str, Any], folder: Path) -> tuple[tuple[Run, ...], tuple[Place, ...]]:
    """The runs, and what the nodes of the first compute.

    Raises:
        RuntimeFailedError: the profiler wrote something else.
    """
    import onnx

    from resnet_export.bench.profile.executed import Executed, place
    from resnet_export.bench.profile.trace import read_trace
    from resnet_export.bench.profile.worker import GRAPH
    from resnet_export.errors import RuntimeFailedError

    try:
        runs = read_trace(Path(answer["trace"]), len(answer["profiled_ns"]))
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
    """Of a run, for every layer that has a name of its own and whose sizes are known."""
    from resnet_export.graph import cost
    from resnet_export.graph.file import read
    from resnet_export.graph.shapes import resolve_shapes

    model = read(Path(case.model.path))
    resolve_shapes(model, case.model.images.shape(case.batch))
    found: dict[str, int | None] = {}
    for node in cost.layers(model):
        name = node.name or node.outputs[0].name or ""
        found[name] = None if name in found else cost.multiply_adds(node)
    return {name: count for name, count in found.items() if count is not None}
