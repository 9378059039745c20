"""A report of measurements with every kind of case."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_export.bench import _Measurement
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.profile.results import LayerTime, OperatorTime, Profile
from resnet_export.bench.results import BenchReport, CaseResult, Relative
from resnet_export.bench.roofline import Peaks
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenarios import make_scenario
from resnet_export.bench.statistics import summarise
from resnet_export.graph.cost import Cost
from resnet_export.machine import Machine
from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.cpu import Cpu
from resnet_export.machine.gpu import Gpus
from resnet_export.machine.system import System
from tests.bench.examples import CASE, NOISE, RAN, crashed, measured, result, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINE = Machine(
    Cpu("AMD EPYC", "x86_64", 1, 2, 2, {"AVX2": True, "VNNI": False}, True, clock=Clock(2400.0, None, 3100.0)),
    8_000_000_000,
    Limits(),
    Gpus(),
    System("Debian GNU/Linux 12 (bookworm)", "Linux 6.1", "glibc 2.36", None, "CPython 3.11.7"),
    {"onnxruntime": "1.31.1"},
)
"""With two CPUs, and without a GPU."""
COST = Cost(1_814_073_344, 0, 46_800_000, 606_112, (3_211_264,))
RELATIVE = Relative(Estimate(2.824, 2.783, 2.863), 11, "reference network 1 in onnxruntime 1.31.1", 6.1, ())
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
    Peaks("cuda", 2, {"float32": 25e12}, {"float32": "ONNX Runtime's MatMul", "memory": "ONNX Runtime's Neg"}, 4.1e12),
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


def replaced(value: Any, **changes: Any) -> Any:
    """A copy with other values, each named by its path: `replaced(result, case__runtime="openvino")`."""
    for path, new in changes.items():
        name, _, rest = path.partition("__")
        value = dataclasses.replace(value, **{name: replaced(getattr(value, name), **{rest: new}) if rest else new})
    return value


def graded(
    *cases: CaseResult, machine: Machine = MACHINE, budget: Budget = DEFAULT, peaks: Sequence[Peaks] = ()
) -> BenchReport:
    """A report of these cases, with their grades and their shares of the roofline."""
    found = _Measurement(machine, budget, None, None, 0.0).graded(cases, peaks)  # type: ignore[arg-type]
    return BenchReport("plan", budget, machine, tuple(found), peaks=tuple(peaks))


COSTED = replaced(CASE, model__cost=COST)


def profile(**changes: Any) -> Profile:
    """Of `CASE`, as it could have been measured."""
    whole = sum(layer[-1] for layer in LAYERS)
    layers = tuple(
        LayerTime(
            *one[:4], "CPUExecutionProvider", 1.0, one[-1], one[-1] / (LATENCY * whole), MULTIPLY_ADDS.get(one[0])
        )
        for one in LAYERS
    )
    operators = tuple(
        OperatorTime(op, len(own), len(own), sum(own), sum(own) / (LATENCY * whole))
        for op in dict.fromkeys(layer[3] for layer in LAYERS)
        for own in [[layer[-1] for layer in LAYERS if layer[3] == op]]
    )
    usual = Profile(
        case=CASE,
        threads=2,
        machine=MACHINE,
        ran=RAN,
        settled=True,
        latency_ms=summarise([17.0 + 0.01 * (at % 7) for at in range(500)]).p50,
        unprofiled_runs=500,
        runs=170,
        profiled_median_ms=17.2,
        profiled_ms=whole * LATENCY,
        run_ms=whole * 1.01,
        operators=operators,
        layers=layers,
    )
    return replaced(usual, **changes)  # type: ignore[no-any-return]


def latencies(samples: int, median_ms: float, seed: int, spread: float = 0.06, tail: float = 0.02) -> tuple[float, ...]:
    """Lognormal, with a few slow ones."""
    generator = np.random.default_rng(seed)
    drawn = median_ms * generator.lognormal(0.0, spread, samples)
    drawn[generator.random(samples) < tail] *= 1.6
    return tuple(drawn.tolist())


def single(runtime: str, batch: int, threads: int, median_ms: float, seed: int) -> Any:
    """A case of one caller."""
    one = series_of(latencies(900, median_ms, seed), batch=batch)
    case = dataclasses.replace(COSTED, runtime=runtime, batch=batch, threads=threads)
    return result(case=case, threads=threads, measured=measured(series=(one,)), noise=NOISE)


def server() -> Any:
    """Open loop at several rates; the highest has too few samples for a p99."""
    series = [
        series_of(
            latencies(samples, 20.0 / (1 - load) ** 0.7, at, 0.2),
            condition={"rate_per_s": 45.0 * load, "load": load},
            loop="open",
            duration_ns=round(samples / (45.0 * load) * 1e9),
            slo_ms=80.0,
        )
        for at, (load, samples) in enumerate(((0.3, 2000), (0.5, 2000), (0.7, 2000), (0.8, 2000), (0.9, 300)))
    ]
    case = dataclasses.replace(COSTED, scenario=make_scenario("server", slo_p99_ms=80.0))
    return result(case=case, measured=measured(series=tuple(series), headline=3))


def idle() -> Any:
    """After pauses."""
    series = tuple(
        series_of(latencies(samples, median, 7), condition={"gap_ms": gap}, duration_ns=10_000_000_000)
        for gap, median, samples in (
            (0.0, 20, 900),
            (1.0, 20.4, 900),
            (10.0, 23, 900),
            (100.0, 26, 500),
            (1000.0, 33, 70),
        )
    )
    case = dataclasses.replace(COSTED, scenario=make_scenario("idle"))
    return result(case=case, measured=measured(series=series))


def on_gpu() -> Any:
    """From device to device."""
    found = measured(
        ran=dataclasses.replace(RAN, device="GPU 0", nodes={"CUDAExecutionProvider": 30}),
        series=(series_of(latencies(900, 1.2, 8)),),
    )
    found = replaced(found, memory__gpu_memory_bytes=640_400_000)
    case = dataclasses.replace(COSTED, runtime="ort:cuda", io="device")
    return result(case=case, measured=found, noise=dataclasses.replace(NOISE, gpu_slowed_s=1.5))


CASES = (
    *(
        single(runtime, batch, threads, factor * batch**0.9 * 36.0 / threads**0.8, 10 * batch + threads)
        for runtime, factor in (("ort:cpu", 1.0), ("openvino", 0.9))
        for batch in (1, 8, 32)
        for threads in (1, 2)
    ),
    result(case=COSTED, measured=measured(40)),
    server(),
    idle(),
    on_gpu(),
    crashed(hint="Measure it with fewer threads."),
)
EXAMPLE = graded(CASES[0], dataclasses.replace(CASES[1], noise=DISTURBED), *CASES[2:], peaks=PEAKS)


def of(*cases: Any, **changes: Any) -> Any:
    """The example with these cases alone, and other values."""
    return dataclasses.replace(EXAMPLE, cases=cases, **changes)
