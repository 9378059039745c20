from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.gpu import Gpu, Gpus
from resnet_export.report.bench import machine
from tests.report.bench.examples import EXAMPLE, replaced

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport

GPU = Gpu("NVIDIA H200", 150_000_000_000, "9.0", "570.86", 345, 1980, 700.0)


def facts(report: BenchReport) -> dict[str, str]:
    """Name -> fact, without markup but for the parts of a fact."""
    found = re.findall(r"<dt>(.*?)</dt>(.*?)(?=<dt>|</dl>)", "".join(machine.section(report)))
    return {name: re.sub(r"</?(?:span|dd).*?>", "", fact) for name, fact in found}


def changed(**changes: Any) -> dict[str, str]:
    """The facts of the example with other facts of the machine."""
    return facts(replaced(EXAMPLE, **{f"machine__{name}": value for name, value in changes.items()}))


def test_what_the_system_leaves_of_the_cpu() -> None:
    found = changed(cpu__affinity=1, limits=Limits(1.5))
    assert found["cores"] == "1 physical, 2 logical, affinity to 1 of them, cgroup quota 1.5"
    assert found["clock"] == "2.40 GHz now, up to 3.10 GHz"


def test_a_fact_of_two_lines_has_one_name() -> None:
    assert "<dt>CPU</dt><dd>AMD EPYC, x86_64, virtual</dd><dd>AVX2; no VNNI</dd>" in "".join(machine.section(EXAMPLE))


def test_gpus_with_driver_and_clock() -> None:
    found = changed(gpus=Gpus((GPU,), "12.8"))
    assert found["GPU"] == (
        "NVIDIA H200, 139.7 GiB, compute capability 9.0, driver 570.86, 345 MHz now, up to 1980 MHz, power limit 700 W"
    )
    assert found["CUDA"] == "up to 12.8, by the driver"


def test_what_is_not_told_is_left_out() -> None:
    cpu = replaced(EXAMPLE.machine.cpu, affinity=None, virtual=None, instruction_sets=None, clock=Clock())
    found = facts(replaced(EXAMPLE, machine__cpu=cpu, machine__gpus=Gpus(reason="no nvidia-smi"), peaks=()))
    assert list(found) == ["CPU", "cores", "memory", "GPU", "system", "Python", "packages", "budget"]
    assert found["GPU"] == "none (no nvidia-smi)"


def test_the_peaks_and_what_reached_them() -> None:
    one, two, gpu = re.findall(r"<div>(.*?)</div>", facts(EXAMPLE)["peaks"])
    assert one == (
        "1 thread: 60.00 G multiply-adds/s in float32 (NumPy&#x27;s BLAS), 200.0 G multiply-adds/s in int8 "
        "(ONNX Runtime&#x27;s MatMulInteger), memory 12.00 GB/s (NumPy&#x27;s copy)"
    )
    assert two.startswith("2 threads: 120.0 G")
    assert gpu.startswith("GPU: 25000 G multiply-adds/s in float32")
