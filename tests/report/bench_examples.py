"""A report of measurements as plain data, with every kind of case."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import numpy as np

from resnet_export.bench.measured import Series
from resnet_export.bench.profile.profiled import LayerTime, OperatorTime, Profile
from resnet_export.bench.results import BenchReport
from resnet_export.bench.roofline import Peaks
from resnet_export.bench.sampling import DEFAULT
from resnet_export.bench.scenario import make_scenario
from resnet_export.bench.statistics import summarise
from resnet_export.graph.cost import Cost
from resnet_export.machine import read_machine
from tests.bench.examples import CASE, MODEL, NOISE, crashed, measured, result

LAYERS = (
    ("conv1", ("conv1", "relu"), "relu_nchwc", "Conv", 2.4),
    ("maxpool", ("maxpool",), "maxpool_nchwc", "MaxPool", 0.15),
    *(
        (f"layer{stage}.0.conv{at}", (f"layer{stage}.0.conv{at}",), f"layer{stage}.0.conv{at}_nchwc", "Conv", 1 / stage)
        for stage in (1, 2, 3, 4)
        for at in (1, 2, 3)
    ),
    ("ReorderOutput", (), "ReorderOutput", "ReorderOutput", 0.01),
    ("fc", ("fc",), "fc", "Gemm", 0.1),
)


MULTIPLY_ADDS = {"conv1": 118_013_952, "layer1.0.conv1": 115_605_504, "fc": 512_000}


COSTS = {MODEL.sha256: Cost(1_814_073_344, 0, 46_800_000, 606_112, (3_211_264,))}
HOW = "ONNX Runtime's MatMul"
PEAKS = (
    *(
        Peaks(
            "cpu",
            threads,
            {"float32": 60e9 * threads, "int8": 200e9 * threads},
            {"float32": "NumPy's BLAS", "int8": "ONNX Runtime's MatMulInteger", "memory": "NumPy's copy"},
            12e9,
        )
        for threads in (1, 2)
    ),
    Peaks("cuda", 2, {"float32": 25e12}, {"float32": HOW, "memory": "ONNX Runtime's Neg"}, 4.1e12),
)
LATENCY = 1.02
"""Times what the nodes take: the latency with the profiler."""
DISTURBED = dataclasses.replace(
    NOISE,
    others_cpus=0.4,
    steal_share=0.0123,
    load_before=0.52,
    load_after=1.93,
    involuntary_per_s=35.5,
    voluntary_per_s=1234.5,
    clock_low_mhz=2400.0,
    clock_high_mhz=3100.0,
)


def profile(**changes: Any) -> Profile:
    """Of `CASE`, as it could have been measured."""
    whole = sum(layer[-1] for layer in LAYERS)
    layers = tuple(
        LayerTime(
            *layer[:4],
            "CPUExecutionProvider",
            1.0,
            layer[-1],
            layer[-1] / (LATENCY * whole),
            MULTIPLY_ADDS.get(layer[0]),
        )
        for layer in LAYERS
    )
    operators = tuple(
        OperatorTime(op, len(own), len(own), sum(own), sum(own) / (LATENCY * whole))
        for op in dict.fromkeys(layer[3] for layer in LAYERS)
        for own in [[layer[-1] for layer in LAYERS if layer[3] == op]]
    )
    usual = Profile(
        case=CASE,
        threads=2,
        machine=read_machine(),
        version="onnxruntime 1.31.1, CPUExecutionProvider",
        precision="float32",
        device="CPU",
        settled=True,
        plain=summarise([17.0 + 0.01 * (at % 7) for at in range(500)]).median,
        plain_runs=500,
        runs=170,
        profiled_median_ms=17.2,
        profiled_ms=whole * LATENCY,
        run_ms=whole * 1.01,
        operators=operators,
        layers=layers,
    )
    return dataclasses.replace(usual, **changes)


def latencies(samples: int, median_ms: float, seed: int, spread: float = 0.06, tail: float = 0.02) -> tuple[float, ...]:
    """Lognormal, with a few slow ones."""
    generator = np.random.default_rng(seed)
    drawn = median_ms * generator.lognormal(0.0, spread, samples)
    drawn[generator.random(samples) < tail] *= 1.6
    return tuple(drawn.tolist())


def single(runtime: str, batch: int, threads: int, median_ms: float, seed: int) -> Any:
    """A case of one caller."""
    times = latencies(900, median_ms, seed)
    one = Series({}, batch, 1, "closed", False, sum(times), times)
    case = dataclasses.replace(CASE, runtime=runtime, batch=batch, threads=threads)
    return result(case=case, threads=threads, measured=dataclasses.replace(measured(), series=(one,)))


def server() -> Any:
    """Open loop at several rates; the highest has too few samples for a p99."""
    series = []
    for at, (load, samples) in enumerate(((0.3, 2000), (0.5, 2000), (0.7, 2000), (0.8, 2000), (0.9, 300))):
        times = latencies(samples, 20.0 / (1 - load) ** 0.7, at, 0.2)
        condition = {"rate_per_s": 45.0 * load, "load": load}
        series.append(Series(condition, 1, 1, "open", False, samples / (45.0 * load) * 1e3, times))
    case = dataclasses.replace(CASE, scenario=make_scenario("server", slo_p99_ms=80.0))
    return result(case=case, measured=dataclasses.replace(measured(), series=tuple(series), headline=3))


def idle() -> Any:
    """After pauses."""
    series = tuple(
        Series({"gap_ms": gap}, 1, 1, "closed", False, 1e4, latencies(samples, median, 7))
        for gap, median, samples in (
            (0.0, 20, 900),
            (1.0, 20.4, 900),
            (10.0, 23, 900),
            (100.0, 26, 500),
            (1000.0, 33, 70),
        )
    )
    case = dataclasses.replace(CASE, scenario=make_scenario("idle"))
    return result(case=case, measured=dataclasses.replace(measured(), series=series))


def on_gpu() -> Any:
    """From device to device."""
    times = latencies(900, 1.2, 8)
    told = dataclasses.replace(
        measured(),
        device="GPU 0",
        nodes={"CUDAExecutionProvider": 30},
        series=(Series({}, 1, 1, "closed", False, sum(times), times),),
        submit_ms=(0.1, 0.2, 0.9),
        gpu_memory_bytes=640_400_000,
    )
    case = dataclasses.replace(CASE, runtime="ort:cuda", boundary="device")
    return result(case=case, measured=told, noise=dataclasses.replace(NOISE, gpu_slowed_s=1.5))


def example() -> dict[str, Any]:
    """The JSON object of a report, as a reader gets it."""
    cases = (
        *(
            single(runtime, batch, threads, factor * batch**0.9 * 36.0 / threads**0.8, 10 * batch + threads)
            for runtime, factor in (("ort:cpu", 1.0), ("openvino", 0.9))
            for batch in (1, 8, 32)
            for threads in (1, 2)
        ),
        result(measured=measured(40)),
        server(),
        idle(),
        on_gpu(),
        crashed(hint="Measure it with fewer threads."),
    )
    cases = (cases[0], dataclasses.replace(cases[1], noise=DISTURBED), *cases[2:])
    data = BenchReport("plan", DEFAULT, read_machine(), cases, peaks=PEAKS, costs=COSTS).as_dict()
    for at, case in enumerate(data["cases"]):
        if case["status"] == "measured":
            case["grade"] = {"letter": "ABC"[at % 3], "reasons": [], "advice": []}
    data["cases"][1]["grade"] |= {
        "reasons": ["Other processes used 0.4 of 2 CPUs meanwhile."],
        "advice": ["Run it on an idle machine."],
    }
    data["profile"] = profile().as_dict()
    plain: dict[str, Any] = json.loads(json.dumps(data, allow_nan=False))
    return plain


EXAMPLE = example()


def changed(**changes: Any) -> dict[str, Any]:
    """A copy of the example with other values."""
    return {**copy.deepcopy(EXAMPLE), **changes}
