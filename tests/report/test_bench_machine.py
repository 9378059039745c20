from __future__ import annotations

import re
from typing import Any

from resnet_export.report import bench_machine
from tests.report.bench_examples import EXAMPLE, changed

GPU = {
    "name": "NVIDIA H200", "memory_bytes": 150_000_000_000, "compute_capability": "9.0", "driver": "570.86",
    "clock_mhz": 345, "max_clock_mhz": 1980, "power_limit_w": 700.0,
}  # fmt: skip


def facts(report: dict[str, Any]) -> dict[str, str]:
    """Name -> fact, without markup but for the parts of a fact."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", "".join(bench_machine.section(report)))
    return {name: re.sub(r"</?span.*?>", "", fact) for name, fact in found}


def machine(**changes: Any) -> dict[str, Any]:
    """The example with other facts of the machine."""
    return changed(machine={**EXAMPLE["machine"], **changes})


def test_what_the_system_leaves_of_the_cpu() -> None:
    cpu = {**EXAMPLE["machine"]["cpu"], "affinity": 1}
    found = facts(machine(cpu=cpu, limits={"cpus": 1.5, "memory_bytes": None}))
    assert (found["affinity"], found["CPU quota"]) == ("1 CPU", "1.5 CPUs, by the cgroup")


def test_gpus_with_driver_and_clock() -> None:
    other = {**dict.fromkeys(GPU), "name": "AMD GPU 1002:744c", "driver": "amdgpu"}
    found = facts(machine(gpus={"devices": [GPU, other], "cuda": "12.8", "reason": None}))
    assert found["GPU"] == (
        "NVIDIA H200, driver 570.86, 345 MHz when asked, up to 1980 MHz; AMD GPU 1002:744c, driver amdgpu"
    )
    assert found["CUDA"] == "up to 12.8, by the driver"


def test_what_is_not_told_is_left_out() -> None:
    clock = {"current_mhz": None, "max_mhz": None, "governor": None}
    cpu = {**EXAMPLE["machine"]["cpu"], "affinity": None, "virtual": None, "instruction_sets": None, "clock": clock}
    gpus = {"devices": [], "cuda": None, "reason": "no nvidia-smi"}
    found = facts(machine(cpu=cpu, limits={"cpus": None}, gpus=gpus) | {"peaks": []})
    assert list(found) == ["CPU", "cores", "memory", "GPU", "system", "container", "Python", "packages", "budget"]
    assert found["GPU"] == "none"


def test_the_peaks_and_what_reached_them() -> None:
    one, two, gpu = re.findall(r"<div>(.*?)</div>", facts(EXAMPLE)["peaks"])
    assert one == (
        "1 thread: 60.00 G multiply-adds/s in float32 (NumPy&#x27;s BLAS), 200.0 G multiply-adds/s in int8 "
        "(ONNX Runtime&#x27;s MatMulInteger), memory 12.00 GB/s (NumPy&#x27;s copy)"
    )
    assert two.startswith("2 threads: 120.0 G")
    assert gpu.startswith("GPU: 25000 G multiply-adds/s in float32")
