from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.bench import bench, roofline
from resnet_export.bench.roofline import Peaks, Share, bytes_to_move, measure_peaks, share
from resnet_export.bench.roofline.worker import PeaksWorker, best, copy_rate, product_on_cpu
from resnet_export.data import as_plain, decode, to_json
from resnet_export.errors import RuntimeFailedError
from resnet_export.graph.cost import Cost
from tests.bench.examples import result
from tests.doctor.examples import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COST = Cost(
    multiply_adds=2_000_000_000,
    quantized_multiply_adds=0,
    weight_bytes=40_000_000,
    image_bytes=600_000,
    result_bytes=(3_000_000, 1_000_000),
)
QUANTIZED = dataclasses.replace(COST, quantized_multiply_adds=1_500_000_000, weight_bytes=10_000_000)
PEAKS = Peaks("cpu", 2, {"float32": 100e9, "int8": 500e9}, bytes_per_s=20e9, cache_bytes=32_000_000)


def test_bound_by_its_multiply_adds() -> None:
    found = share(COST, PEAKS, 25.0, 1, "float32")
    assert found == Share(pytest.approx(0.8), pytest.approx((40e6 + 0.6e6) / 20e9 / 25e-3))
    assert found is not None
    assert (found.bound, found.of_possible) == ("compute", found.compute)


def test_bound_by_its_bytes() -> None:
    fast = dataclasses.replace(PEAKS, multiply_adds_per_s={"float32": 10e12})
    found = share(COST, fast, 4.06, 1, "float32")
    assert found is not None
    assert (found.bound, found.of_possible) == ("memory", pytest.approx(0.5))


def test_a_batch_reads_the_weights_once() -> None:
    assert bytes_to_move(COST, 1, 32_000_000) == 40_000_000 + 600_000
    assert bytes_to_move(COST, 8, 32_000_000) == 40_000_000 + 8 * 600_000
    # From here on the first layer's result doesn't fit into the cache, and later the second's.
    assert bytes_to_move(COST, 11, 32_000_000) == 40_000_000 + 11 * (600_000 + 2 * 3_000_000)
    assert bytes_to_move(COST, 33, 32_000_000) == 40_000_000 + 33 * (600_000 + 2 * 4_000_000)


def test_weights_that_fit_into_the_cache_stay_there() -> None:
    assert bytes_to_move(QUANTIZED, 1, 32_000_000) == 600_000


def test_integers_have_their_own_peak() -> None:
    found = share(QUANTIZED, PEAKS, 10.0, 2, "float32")
    assert found is not None
    assert found.compute == pytest.approx(2 * (0.5e9 / 100e9 + 1.5e9 / 500e9) / 10e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "tf32"])
def test_a_precision_without_a_peak(precision: str) -> None:
    assert share(COST, PEAKS, 10.0, 1, precision) is None


def test_integers_without_a_peak() -> None:
    without = dataclasses.replace(PEAKS, multiply_adds_per_s={"float32": 100e9})
    assert share(QUANTIZED, without, 10.0, 1, "float32") is None
    assert share(COST, without, 10.0, 1, "float32") is not None
    everything = dataclasses.replace(QUANTIZED, quantized_multiply_adds=QUANTIZED.multiply_adds)
    assert share(everything, PEAKS, 10.0, 1, "bfloat16") is not None, "no float is multiplied"


def test_winograd_exceeds_1() -> None:
    found = share(COST, PEAKS, 10.0, 1, "float32")
    assert found is not None
    assert found.of_possible == pytest.approx(2.0)


@given(st.floats(0.01, 1e4), st.integers(1, 512), st.floats(1.01, 100))
def test_a_slower_run_has_less_of_the_possible(latency_ms: float, batch: int, times: float) -> None:
    fast, slow = (share(COST, PEAKS, time, batch, "float32") for time in (latency_ms, times * latency_ms))
    assert fast is not None
    assert slow is not None
    assert slow.of_possible == pytest.approx(fast.of_possible / times)
    assert slow.bound == fast.bound


def test_is_plain_data() -> None:
    assert decode(Peaks, to_json(PEAKS), "peaks") == PEAKS
    assert as_plain(Share(0.5, 0.25)) == {"compute": 0.5, "memory": 0.25, "bound": "compute", "of_possible": 0.5}


@pytest.mark.parametrize("int8", [True, False])
def test_measures_the_cpu(int8: bool) -> None:
    cpu = dataclasses.replace(MACHINE.cpu, instruction_sets={"AVX2": True, "VNNI": int8}, cache_bytes=1 << 20)
    found = measure_peaks(dataclasses.replace(MACHINE, cpu=cpu), 1, seconds=0.1)
    rates = found.multiply_adds_per_s
    assert (found.device, found.threads, found.cache_bytes) == ("cpu", 1, 1 << 20)
    assert rates.keys() == ({"float32", "int8"} if int8 else {"float32"})
    assert found.how.keys() == rates.keys() | {"memory"}
    # Whatever else runs here: no computer of today is slower, or faster, by that much.
    assert all(1e7 < rate < 1e13 for rate in rates.values())
    assert 1e7 < found.bytes_per_s < 1e13


def test_a_cache_that_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Asked(contextlib.nullcontext[Any]):
        def __init__(self, target: str, *, environment: dict[str, str], timeout_s: float) -> None:
            super().__init__(self)
            asked.update(threads_of_blas=environment["OPENBLAS_NUM_THREADS"])

        def call(self, method: str, *arguments: Any, doing: str) -> Peaks:
            asked.update(inspect.signature(getattr(PeaksWorker, method)).bind(self, *arguments).arguments)
            return PEAKS

    monkeypatch.setattr(roofline, "Worker", Asked)
    cpu = dataclasses.replace(MACHINE.cpu, instruction_sets=None, cache_bytes=None)
    assert measure_peaks(dataclasses.replace(MACHINE, cpu=cpu), 3) == PEAKS
    assert asked["cache_bytes"] == roofline.USUAL_CACHE
    assert (asked["threads"], asked["has_int8"], asked["threads_of_blas"]) == (3, False, "3")
    assert asked["memory_bytes"] == MACHINE.usable_memory_bytes


def test_no_gpu_no_peak() -> None:
    if has_cuda():
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeFailedError, match="CUDA"):
        measure_peaks(MACHINE, 1, "cuda")


class Spoilt(PeaksWorker):
    """In whose process something goes wrong, as a variable says."""

    def measure_cpu(self, *arguments: Any) -> Peaks:
        match os.environ["SPOILT"]:
            case "crash":
                os.abort()
            case "hang":
                time.sleep(60)
        raise MemoryError("no room")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crash", "was ended by SIGABRT while measuring the peaks of this machine"),
        ("raise", "It failed: .*no room"),
        ("hang", "gave no sign of life for 5 s while measuring the peaks of this machine, and was ended"),
    ],
)
def test_a_process_that_fails(how: str, message: str, monkeypatch: pytest.MonkeyPatch, net: Path) -> None:
    """It is an error of the function, and takes nothing from a report."""
    monkeypatch.setattr(roofline, "TARGET", f"{__name__}:Spoilt")
    monkeypatch.setattr(roofline, "TIMEOUT_S", 5.0)
    monkeypatch.setenv("SPOILT", how)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with pytest.raises(RuntimeFailedError, match=message):
        measure_peaks(MACHINE, 1)
    if how == "crash":
        monkeypatch.setattr("resnet_export.bench.runner.run_case", lambda case, *others: result(case=case))
        assert bench([net], ["synthetic"]).peaks == ()


def test_the_fastest_run_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = iter([9.0, 3.0, 1.0, 2.0, 5.0])
    now = 0.0

    def run() -> None:
        nonlocal now
        now += next(durations)

    monkeypatch.setattr("resnet_export.bench.roofline.worker.time.perf_counter", lambda: now)
    # 9 warms up, and at least three are timed.
    assert best(run, 0.0) == 1.0
    assert list(durations) == [5.0]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_copy_among_threads(threads: int) -> None:
    assert copy_rate(1 << 20, threads, 0.0) > 0


@pytest.mark.parametrize(("op", "kind"), [("MatMul", "float32"), ("MatMulInteger", "uint8")])
def test_the_product_is_one(op: str, kind: str) -> None:
    left = np.arange(16, dtype=kind).reshape(4, 4)
    right = np.arange(16, dtype="int8" if kind == "uint8" else kind).reshape(4, 4)
    run: Callable[[], Any] = product_on_cpu(op, left, right, 1)
    (found,) = run()
    assert np.array_equal(found, left.astype(np.int64) @ right.astype(np.int64))


def has_cuda() -> bool:
    from resnet_export.machine.gpu import read_gpus

    return any(gpu.name.startswith("NVIDIA") and gpu.driver for gpu in read_gpus().devices)
